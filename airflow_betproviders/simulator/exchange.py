"""One call and its answer, in terms that all four providers share."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, NamedTuple, Protocol

from airflow_betproviders.simulator.world import Row


class Call(NamedTuple):
    """An HTTP request, with its path below the provider's prefix."""

    method: str
    path: str
    query: Mapping[str, str]
    content_type: str
    body: bytes


class Refusal(Exception):
    """A request that the provider's document does not allow.

    ``rule`` is one of ``RULES``; ``code`` and ``text`` are what the provider answers.
    """

    def __init__(self, rule: str, code: str, text: str) -> None:
        super().__init__(rule, code, text)
        self.rule = rule
        self.code = code
        self.text = text


RULES = (
    "span",
    "same_day",
    "alignment",
    "page_size",
    "retention",
    "too_new",
    "rate",
    "signature",
    "stale_timestamp",
    "parameter",
    "account",
)


@dataclass
class Page:
    """A slice of a window's rows, kept apart from its envelope so that faults can be worked into it."""

    rows: Sequence[Row]
    """Every row of the window, in the provider's order."""
    envelope: Callable[[str, int], str]
    """The answer's text, from the joined rows and the total."""
    offset: int = 0
    size: int | None = None
    forgiven: Sequence[Refusal] = ()
    """Broken rules that the provider lets pass."""


class Inquiry(NamedTuple):
    """What an authentic request asks for."""

    stream: str
    params: Mapping[str, Any]


class Provider(Protocol):
    """One vendor's API."""

    name: str
    amount_field: str
    """The money field that faulty rows garble, as a regular expression."""
    key_field: str
    """The key field that faulty rows lose, as a regular expression."""
    rate_reply: str | None
    """The documented body for calls that come too fast."""
    busy_replies: Sequence[str]
    """The documented bodies for `try later`."""

    def open(self, call: Call) -> Inquiry:
        """Check who is asking, and raise ``Refusal`` if the account, the signature or its time is wrong."""
        ...

    def answer(self, inquiry: Inquiry) -> Page | str:
        """Answer, or raise ``Refusal`` if the request breaks a rule."""
        ...

    def refuse(self, refusal: Refusal) -> str:
        """The body of a refusal."""
        ...

    def truth(self, stream: str, start: int, end: int, filters: Mapping[str, Any], now: int) -> list[str]:
        """The records of a stream, as JSON texts, that a whole read of ``start <= clock < end`` gives at ``now``."""
        ...


@dataclass
class Journal:
    """Everything that was asked, and every rule that was broken."""

    calls: list[dict[str, Any]] = field(default_factory=list)
    breaches: list[dict[str, Any]] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def called(self, entry: dict[str, Any]) -> None:
        """Remember a call."""
        with self._lock:
            self.calls.append(entry)

    def breached(self, entry: dict[str, Any]) -> None:
        """Remember a breach."""
        with self._lock:
            self.breaches.append(entry)

    def reset(self) -> None:
        """Forget everything."""
        with self._lock:
            self.calls.clear()
            self.breaches.clear()


@lru_cache(maxsize=1024)
def quote(text: str) -> str:
    """A JSON string in UTF-8, as the vendors send it."""
    return json.dumps(text, ensure_ascii=False)
