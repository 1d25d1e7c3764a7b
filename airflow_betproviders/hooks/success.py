"""Success rules: how an answer shows whether the request succeeded."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

Status: TypeAlias = tuple[str | None, str]
"""The provider's error code (None for success) and its text."""

_SUCCESS: Status = (None, "")


class SuccessRule:
    """Base of the rules that distinguish success from failure, by an answer's envelope or its first bytes."""

    def status(self, envelope: Mapping[str, Any]) -> Status:
        """Read the status of a decoded envelope."""
        raise NotImplementedError

    def body_status(self, body: bytes) -> Status:  # noqa: ARG002 - for rules that look at the bytes
        """Read the status of a complete answer, before it is decoded."""
        return _SUCCESS


@dataclass(frozen=True, kw_only=True)
class CodeEquals(SuccessRule):
    """A member of the envelope has one value for success.

    Attributes:
        value: the value for success, as text; ``true`` and ``false`` for a boolean.
        member: the name of the member.
        code: the member that holds the error's code; default `member` itself.
        text: the member that holds the provider's words.
    """

    value: str
    member: str = "code"
    code: str = ""
    text: str = "message"

    def status(self, envelope: Mapping[str, Any]) -> Status:
        """See `SuccessRule`."""
        if _text(envelope.get(self.member)) == self.value:
            return _SUCCESS
        return _text(envelope.get(self.code or self.member)), str(envelope.get(self.text) or "")


@dataclass(frozen=True, kw_only=True)
class MemberIsNull(SuccessRule):
    """A member of the envelope is null for success; otherwise it holds the error.

    Attributes:
        member: the member; an answer without it is a failure.
        code: the error's member that holds its code.
        text: the error's member that holds the provider's words.
    """

    member: str = "error"
    code: str = "code"
    text: str = "message"

    def status(self, envelope: Mapping[str, Any]) -> Status:
        """See `SuccessRule`."""
        if self.member not in envelope:
            return "None", f"the answer has no {self.member}"
        error = envelope[self.member]
        if error is None:
            return _SUCCESS
        if not isinstance(error, Mapping):
            return _text(error), ""
        return _text(error.get(self.code)), str(error.get(self.text) or "")


@dataclass(frozen=True, kw_only=True)
class BodyBegins(SuccessRule):
    """The answer begins with a text for success; otherwise it is a JSON object with a status, or no answer at all.

    Attributes:
        text: the beginning of a successful answer.
        errors: the rule for an answer that is a JSON object: a refused call, or a call that answers in JSON.
    """

    text: str
    errors: SuccessRule

    def status(self, envelope: Mapping[str, Any]) -> Status:  # noqa: ARG002 - the first bytes decide
        """See `SuccessRule`."""
        return _SUCCESS

    def body_status(self, body: bytes) -> Status:
        """See `SuccessRule`."""
        if body.startswith(self.text.encode()):
            return _SUCCESS
        try:
            error = json.loads(body)
        except (ValueError, RecursionError):
            error = None
        if isinstance(error, dict):
            return self.errors.status(error)
        return "None", f"the answer does not begin with {self.text}"


def _text(value: Any) -> str:
    """Return a code as text; some gateways write integers as ``200.0``."""
    text = json.dumps(value) if isinstance(value, bool) else str(value)
    integer, point, zeros = text.partition(".")
    return integer if point and integer.isdigit() and not zeros.strip("0") else text
