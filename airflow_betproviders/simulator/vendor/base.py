"""Base class of this package's simulated vendors, which refuse a call by raising."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any, ClassVar, NamedTuple

from airflow_betproviders.simulator.contract.call import Call, Reply, VendorPage, json_reply
from airflow_betproviders.simulator.contract.clock import to_ms
from airflow_betproviders.simulator.contract.vendor import Setup
from airflow_betproviders.simulator.vendor.bet_history import HOUR, BetHistory, BetSource, Row

__all__ = [
    "Account",
    "Call",
    "Inquiry",
    "ListPage",
    "Refusal",
    "RefusingVendor",
    "SummaryAnswer",
    "VendorPage",
    "make_bet_history",
    "quote",
]

SECRETS = ("sign", "hash", "x", "ts", "timestamp")


class Refusal(Exception):
    """A request that the vendor's document does not allow.

    ``rule`` is one of those of ``Call.breach``; ``code`` and ``text`` are what the vendor answers.
    """

    def __init__(self, rule: str, code: str, text: str) -> None:
        super().__init__(rule, code, text)
        self.rule = rule
        self.code = code
        self.text = text


@dataclass
class ListPage:
    """A part of a list, separate from its envelope, so that faults can be put into it."""

    rows: Sequence[Row]
    """Every row of the list, in the vendor's order."""
    envelope: Callable[[VendorPage], str]
    """The answer's text."""
    size: int | None = None
    number: int | None = None
    """The page, where the vendor counts pages."""
    offset: int = 0
    """The rows before, where it counts rows."""
    forgiven: Sequence[Refusal] = ()
    """Broken rules that the vendor lets pass."""


@dataclass
class SummaryAnswer:
    """An answer of sums. Of all faults, only odd values apply."""

    texts: Sequence[str]
    """The objects."""
    envelope: Callable[[str], str]
    """The answer's text, from the objects joined by commas."""

    @property
    def rows(self) -> list[Row]:
        """Return the objects as rows, known by their place."""
        return [Row(str(place), (), 0, text, None) for place, text in enumerate(self.texts)]


class Inquiry(NamedTuple):
    """The stream and parameters of an authentic request."""

    stream: str
    params: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Account:
    """One made-up account."""

    login: str
    key: str


class RefusingVendor:
    """A vendor whose methods raise ``Refusal`` where a request breaks a rule."""

    name: ClassVar[str]
    amount_field: ClassVar[str]
    key_field: ClassVar[str]
    account: ClassVar[Account]
    min_interval: ClassVar[float | None] = 0.0
    rate_reply: ClassVar[Reply | None] = None
    busy_replies: ClassVar[Sequence[Reply]] = ()
    empty_replies: ClassVar[Mapping[str, Reply]] = {}

    def __init__(self, setup: Setup) -> None:
        self._setup = setup
        self._options = setup.options

    def shifted(self, start: int, end: int) -> tuple[int, int]:
        """Return the window that is answered: the requested one, moved by the option ``shift_hours``."""
        shift = int(self._options.get("shift_hours", 0)) * HOUR
        return start + shift, end + shift

    @property
    def now_ms(self) -> int:
        """Return the simulated time in epoch milliseconds."""
        return self._setup.clock.now_ms

    def open(self, call: Call) -> Inquiry:
        """Check the caller, and raise ``Refusal`` if the account, the signature or its time is wrong."""
        raise NotImplementedError

    def answer(self, inquiry: Inquiry) -> ListPage | SummaryAnswer | str | Reply:
        """Answer, or raise ``Refusal`` if the request breaks a rule."""
        raise NotImplementedError

    def refuse(self, refusal: Refusal) -> str:
        """Return the body of a refusal."""
        raise NotImplementedError

    def rows(self, stream: str, start: int, end: int, filters: Mapping[str, Any], now: int) -> list[str]:
        """Return what ``truth`` does; all times are epoch milliseconds."""
        raise NotImplementedError

    def handle(self, call: Call) -> Reply:
        """Answer a call; a refusal is a breach, and gets the vendor's code and text."""
        try:
            inquiry = self.open(call)
            call.read(inquiry.stream, {name: value for name, value in inquiry.params.items() if name not in SECRETS})
            page = self.answer(inquiry)
        except Refusal as refusal:
            call.breach(refusal.rule, refusal.text)
            return json_reply(self.refuse(refusal))
        if isinstance(page, SummaryAnswer):
            return json_reply(page.envelope(call.page(page.rows, summary=True).joined))
        if not isinstance(page, ListPage):
            return json_reply(page) if isinstance(page, str) else page
        for lapse in page.forgiven:
            call.breach(lapse.rule, lapse.text, forgiven=True)
        given = call.page(page.rows, size=page.size, number=page.number, offset=page.offset)
        return json_reply(page.envelope(given))

    def truth(
        self, stream: str, start: datetime, end: datetime, filters: Mapping[str, Any], as_of: datetime
    ) -> list[str]:
        """Return the records of an interval."""
        return self.rows(stream, to_ms(start), to_ms(end), filters, to_ms(as_of))

    def filters(self, stream: str, start: datetime, end: datetime) -> Sequence[Mapping[str, Any]]:  # noqa: ARG002
        """Return one empty set of filters: most streams require none."""
        return [{}]

    def connection(self, base_url: str) -> dict[str, Any]:
        """Return the demo connection, without an extra."""
        return {"host": base_url, "login": self.account.login, "password": self.account.key, "extra": {}}


def make_bet_history(setup: Setup, source: BetSource) -> BetHistory:
    """Make the history of a vendor's bets."""
    return BetHistory(
        setup.name,
        source,
        seed=setup.seed,
        rate=setup.rate,
        begin=setup.begin_ms,
        late_share=setup.late_share,
        cache_rows=setup.cache_rows,
    )


@lru_cache(maxsize=1024)
def quote(text: str) -> str:
    """Return a JSON string in UTF-8, as the vendors send it."""
    return json.dumps(text, ensure_ascii=False)
