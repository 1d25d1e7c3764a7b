"""Implement a provider's protocol: build and sign requests, and raise the error of an answer's status."""

from __future__ import annotations

import json
from abc import abstractmethod
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import cached_property
from html import escape
from typing import TYPE_CHECKING, Any, AnyStr, ClassVar
from urllib.parse import quote, quote_plus, urlsplit

from airflow_betproviders.declare.pagination import LinkParams
from airflow_betproviders.declare.request_parameters import Limits
from airflow_betproviders.declare.stream import Stream
from airflow_betproviders.exceptions import BetProviderError, IncompleteWindow, ProviderUnavailable
from airflow_betproviders.hooks.account import AccountHook
from airflow_betproviders.hooks.http.answer import UnprovenAnswers
from airflow_betproviders.hooks.http.request import ApiRequest
from airflow_betproviders.hooks.http.transport import HttpAnswer, Transport
from airflow_betproviders.hooks.success import SuccessRule

if TYPE_CHECKING:
    from airflow_betproviders.extraction.answers.early_answer import EarlyAnswers
    from airflow_betproviders.extraction.fetch.rate_limiter import SharedRateLimiter
    from airflow_betproviders.extraction.fetch.source import AnswerPermit

_SHORTEST_SECRET = 4
_INSTANT = 0.001


@dataclass(frozen=True)
class Code:
    """The meaning of a provider's status code: the error to raise and what the user should check."""

    error: type[BetProviderError]
    cure: str


class ProtocolHook(AccountHook):
    """A hook that can make a signed call.

    Most providers need no more than the attributes, `fields` and `sign`.

    Attributes:
        method: the HTTP method of every call.
        params_in: where parameters travel: ``query``, ``json`` or ``form``.
        success: the rule by which an answer means success.
        codes: the provider's documented status codes, without success.
        rate_limits: how often the account may be called, if `default_min_interval` alone cannot express it.
        quotes: whether errors quote the provider's text. False if the text may name a player.
    """

    method: ClassVar[str] = "POST"
    success: ClassVar[SuccessRule]
    codes: ClassVar[Mapping[str, Code]]

    rate_limits: ClassVar[Limits | None] = None

    quotes: bool = True

    @property
    def params_in(self) -> str:
        """Return the place of the parameters: ``query``, ``json`` or ``form``."""
        return "json"

    def url(self, endpoint: str | int, params: Mapping[str, Any]) -> str:  # noqa: ARG002 - for accounts on several hosts
        """Return the address of a call. A provider with several hosts can choose one by a parameter."""
        return f"{self.base_url}{endpoint}"

    def fields(self, endpoint: str | int, params: Mapping[str, Any]) -> Mapping[str, Any]:  # noqa: ARG002 - for those that send it
        """Return the fields of the request: the parameters, and further fields of each call such as account, time or signature.

        A secret may be a field: fields are added after the parameters were archived, so no file has it.
        """
        return params

    def sign(self, request: ApiRequest) -> None:
        """Sign a request whose bytes are final: set headers, or add to the query."""

    def build(self, endpoint: str | int, params: Mapping[str, Any]) -> ApiRequest:
        """Build a request and sign it with the present time."""
        fields, url = self.fields(endpoint, params), self.url(endpoint, params)
        if isinstance(params, LinkParams):
            self._check_link(endpoint, params, fields, urlsplit(url).hostname or "")
        request = ApiRequest.of(self.method, url, fields, self.params_in)
        self.sign(request)
        return request

    def _check_link(self, endpoint: str | int, link: LinkParams, fields: Mapping[str, Any], host: str) -> None:
        """Refuse a link to the next page that leads to another host, or changes a field that names the account."""
        if link.host and link.host != host:
            raise IncompleteWindow(
                f"the link to the next page leads to {link.host[:100]}, and the account is on {host}. If it is the same service, "
                "the stream's declaration names it in NextLink(hosts=...)"
            )
        for name, value in self.fields(endpoint, {}).items():
            if str(value) == self.account != str(fields.get(name)):
                raise IncompleteWindow(
                    f"the link to the next page changes {name}, which names the account; ask the provider"
                )

    def exchange(
        self,
        endpoint: str | int,
        params: Mapping[str, Any],
        permit: AnswerPermit | None = None,
        *,
        shows_its_end: bool = True,
        early: EarlyAnswers | None = None,
    ) -> bytes:
        """Make one HTTP exchange, signed now, and return the body of its answer.

        Args:
            endpoint: the path, or the provider's name of it.
            params: the parameters.
            permit: limits how many answers are in memory.
            shows_its_end: see `AnswerFormat`.
            early: refuses answers that are too early to be complete.

        Raises:
            BetProviderError: as `Transport.send`, or because the first bytes of the answer say so, or nothing shows its end.
        """
        answer = self.transport.send(self.build(endpoint, params), permit)
        if answer.error and not self._has_known_code(answer):
            raise answer.error
        self._raise_for(*self.success.body_status(answer.body))
        if early:
            early.refuse(answer.answered_at)
        if not (answer.shows_end or shows_its_end):
            self._unproven_answers.check(f"{endpoint} {sorted(params.items())}", answer.body)
        return answer.body

    def _has_known_code(self, answer: HttpAnswer) -> bool:
        """Return whether an answer with an HTTP error also has a documented code of the provider, which is more precise."""
        if answer.error is None or answer.error.retry_after is not None:
            return False
        with suppress(ValueError, RecursionError):
            document = json.loads(answer.body)
            return isinstance(document, dict) and self.success.status(document)[0] in self.codes
        return False

    def check(self, envelope: Mapping[str, Any]) -> None:
        """Raise the error of the envelope's status; return if it is success."""
        self._raise_for(*self.success.status(envelope))

    def _raise_for(self, code: str | None, text: str) -> None:
        if code is None:
            return
        meaning = self.meaning(code, text)
        # Shortened after `redact`, so that no part of a secret is left.
        status = f"{self.redact(code)[:100]} {self.redact(text)[:200]!r}" if self.quotes else self._own_code(code)
        raise meaning.error(f"the provider answered {status}: {meaning.cure}")

    def _own_code(self, code: str) -> str:
        return code if code in self.codes or (code.isdigit() and len(code) < 7) else "a code that is not documented"

    def meaning(self, code: str, text: str) -> Code:  # noqa: ARG002 - for hooks whose codes need the text too
        """Return the meaning of a code. A code that is not documented is retried."""
        return self.codes.get(code) or Code(ProviderUnavailable, "this code is not documented; ask the provider")

    def hide_secrets(self, text: AnyStr) -> AnyStr:
        """Return a provider's words, or its answer, without this account's secrets."""
        if isinstance(text, str):
            for secret in self._secret_forms:
                text = text.replace(secret, "***")
        else:
            for secret in self._secret_forms:
                text = text.replace(secret.encode(), b"***")
        return text

    def redact(self, text: str) -> str:
        """Return a provider's words without this account's secrets and without what looks like a signature."""
        from airflow_betproviders.extraction.decode.decoder import without_signatures

        return without_signatures(self.hide_secrets(text))

    @cached_property
    def _secret_forms(self) -> tuple[str, ...]:
        """Return the account's secrets plain and as a URL, a form, JSON and HTML encode them; the longest first."""
        secrets = [secret for secret in self.secrets(self.connection) if len(secret) >= _SHORTEST_SECRET]
        forms = {form for secret in secrets for form in _encoded(secret)}
        return tuple(sorted(forms, key=len, reverse=True))

    @abstractmethod
    def probe(self) -> str:
        """Make one cheap real call. Return a note for the user, or empty text; raise an error if the call fails."""

    def limits(self, stream: Stream) -> Limits:
        """Return how often a stream may be called; the connection's ``min_interval`` comes before a declared spacing."""
        declared = stream.limits or self.rate_limits or Limits(spacing=timedelta(seconds=self.default_min_interval))
        given = self.extra["min_interval"]
        return declared if given is None else replace(declared, spacing=timedelta(seconds=given))

    @property
    def min_interval(self) -> float:
        """Return the least seconds between two calls of the account."""
        given, declared = self.extra["min_interval"], self.rate_limits
        if given is None:
            given = declared.spacing.total_seconds() if declared else self.default_min_interval
        # Calls that count in a quota are made one after the other.
        return max(given, _INSTANT) if declared and declared.quota else float(given)

    def shared_limiter(self, stream: Stream) -> SharedRateLimiter | None:
        """Return the rate limit that all workers share; None if the connection names no storage for it."""
        storage = self.extra["rate_limit_storage"]
        if not storage:
            return None
        from airflow_betproviders.extraction.fetch.rate_limiter import SharedRateLimiter

        scope = f"/{stream.name}" if stream.limits else ""
        return SharedRateLimiter(storage, f"{self.conn_type}/{self.account}{scope}", self.limits(stream))

    @cached_property
    def _unproven_answers(self) -> UnprovenAnswers:
        return UnprovenAnswers()

    @cached_property
    def transport(self) -> Transport:
        """Return the HTTP transport."""
        extra = self.extra
        verify = extra["verify"] and (extra["ca_bundle"] or (True,))[0]
        most = round(extra["max_answer_mb"] * 1_000_000)
        return Transport(self.timeout, most, verify=verify, cert=extra["client_cert"], proxy=extra["proxy"])


def _encoded(secret: str) -> tuple[str, ...]:
    in_json = json.dumps(secret)[1:-1]
    in_html = escape(secret)
    # PHP escapes slashes in JSON, and writes an apostrophe in HTML in its own way.
    php = (in_json.replace("/", "\\/"), in_html.replace("&#x27;", "&#039;"))
    return (secret, quote(secret), quote_plus(secret), in_json, in_html, *php)


def parse_json_object(body: bytes, check: Any) -> Mapping[str, Any]:
    """Decode an answer that is one JSON object, whose status ``check`` raises for.

    Raises:
        ProviderUnavailable: the answer is not a JSON object.
    """
    document = None
    with suppress(ValueError, RecursionError):
        document = json.loads(body)
    if not isinstance(document, dict):
        raise ProviderUnavailable("the answer is not a JSON object")
    check(document)
    return document


def member(answer: Mapping[str, Any], *path: str) -> Any:
    """Follow a path into an answer; an array on the way counts as its first element.

    Raises:
        ProviderUnavailable: the answer has no such member.
    """
    value: Any = answer
    for name in path:
        while isinstance(value, list) and value:
            value = value[0]
        if not isinstance(value, Mapping) or value.get(name) is None:
            raise ProviderUnavailable(f"the answer has no {'.'.join(path)}")
        value = value[name]
    return value
