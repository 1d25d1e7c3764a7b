"""A vendor with the rows of a test, which answers for any declared stream as its pagination asks, and misbehaves."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import Any

from airflow_betproviders.declare.answer_formats import Csv
from airflow_betproviders.declare.fields import Decimal, Double, Epoch, Field, Integer, IsoTime, StrptimeTime, Text
from airflow_betproviders.declare.fields.times import UNITS
from airflow_betproviders.declare.interval import Interval
from airflow_betproviders.declare.pagination import (
    NextLink,
    Offset,
    PageNumber,
    PageToken,
    Pagination,
    TimestampCursor,
)
from airflow_betproviders.declare.stream import NextPage, PageSize, Reaches, Rows, Stream, Total
from airflow_betproviders.extraction.fetch.source import AnswerPermit
from tests.cases.vendors import INCLUDES, ms
from tests.extraction.vendor import Vendor

EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
NEVER = 10**9
LEFT_OUT = object()
NEVER_ENDS = datetime.max.replace(tzinfo=timezone.utc)


@dataclass(frozen=True)
class Bet:
    """A row of the vendor.

    Attributes:
        number: its key.
        at: its time in the column that windows filter.
        version: of several rows with one key the greatest counts.
        since: number of the call from which on the vendor has it.
        until: number of the call from which on the vendor no longer has it.
        time: what is written as its time: the time, nothing, or an absurd one.
        before: its time in the version before, where rows that change move to the time of their change.
    """

    number: int
    at: datetime
    version: int = 0
    since: int = 0
    until: int = NEVER
    time: str = "true"
    before: datetime | None = None

    def held(self, call: int) -> bool:
        """Return whether the vendor has it by then."""
        return self.since <= call < self.until

    @property
    def amount(self) -> int:
        """Return an amount that no other row has."""
        return self.number * 10 + self.version


@dataclass
class Answer:
    """One answer before it is written: faults change it.

    Attributes:
        rows: its rows.
        total: the count that it gives; None where it leaves the count out.
        size: the page size that it says.
        token: what leads to the next page.
        empty: what is written in place of an empty list: ``[]``, null, ``{}`` or ``left out``.
        place: the number of the first row among all rows of the window.
        found: all rows of the window.
        asked: rows that were asked for.
    """

    rows: list[Bet]
    total: Any
    size: Any
    token: str | None
    place: int
    found: list[Bet]
    asked: int
    empty: Any = field(default_factory=list)


class Fault:
    """Changes answers. ``applies_to`` says at which calls, ``concerns`` for which windows.

    Attributes:
        since: the start of the first window that it concerns; None for all.
        shows: whether a total, or the shape of answers, can show it.
    """

    since: datetime | None = None
    shows = True

    def __init__(self, rng: Any, when: str) -> None:
        self.rng = rng
        self.when = when
        self.chance = rng.choice([0.1, 0.3, 0.5])
        self.every = rng.randint(2, 4)
        self.turn = rng.randint(1, 6)

    def applies_to(self, call: int) -> bool:
        """Return whether it changes the answer of a call."""
        match self.when:
            case "always":
                return True
            case "every":
                return call % self.every == 0
            case "once":
                return call == self.turn
            case "first":
                return call <= self.turn
            case "from":
                return call >= self.turn
        return bool(self.rng.random() < self.chance)

    def concerns(self, window: Interval) -> bool:
        """Return whether it changes the answer for a window."""
        return self.since is None or window.start >= self.since

    def window(self, window: Interval) -> Interval:
        """Return the window that the vendor answers."""
        return window

    def held(self, vendor: OddVendor, call: int, bets: list[Bet]) -> list[Bet]:
        """Return the rows that the vendor has for a call."""
        return bets

    def change(self, vendor: OddVendor, call: int, answer: Answer) -> None:
        """Change an answer, or raise the error of a call."""

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.when})"


@dataclass
class OddVendor(Vendor):
    """Answers a declared stream.

    Attributes:
        bets: its rows.
        ends: which of its ends a window holds.
        newest_first: the order of rows.
        disorder: milliseconds by which rows may come too early.
        faults: what it does wrong.
        starts: the starts of the slots.
        shown: by row, how many answers of the run have shown it.
    """

    bets: list[Bet] = field(default_factory=list)
    ends: str = "[)"
    newest_first: bool = False
    disorder: int = 0
    faults: list[Fault] = field(default_factory=list)
    starts: tuple[datetime, ...] = ()
    shown: Counter[Bet] = field(default_factory=Counter)
    label: str = "connection odd_default"
    quotes: bool = True

    def request(
        self,
        stream: Stream,
        window: Interval | None,
        params: Mapping[str, Any],
        permit: AnswerPermit | None = None,
    ) -> bytes:
        """Return a page of the rows whose time lies in the window."""
        with self.lock:
            self.asked.append((window, dict(params)))
            call = len(self.asked)
        assert window is not None
        applied = [fault for fault in self.faults if fault.applies_to(call) and fault.concerns(window)]
        answered = window
        for fault in applied:
            answered = fault.window(answered)
        answer = self._answer(stream.paging, answered, params, call, applied)
        for fault in applied:
            fault.change(self, call, answer)
        until = NEVER_ENDS if isinstance(stream.paging, TimestampCursor) else window.end
        self.shown.update(
            bet for bet in answer.rows if window.start <= bet.at <= until and not self._too_late(bet, window)
        )
        body = self._written(answer, window)
        return body if permit is None else permit.run(lambda: body)

    def check(self, envelope: Mapping[str, Any]) -> None:
        """Accept every answer."""

    def _answer(
        self, paging: Pagination, window: Interval, params: Mapping[str, Any], call: int, applied: list[Fault]
    ) -> Answer:
        held = [bet for bet in self.bets if bet.held(call)]
        for fault in applied:
            held = fault.held(self, call, held)
        if isinstance(paging, TimestampCursor):
            since = params[paging.param]
            found = [bet for bet in held if ms(bet.at) > since or (self.ends[0] == "[" and ms(bet.at) == since)]
        else:
            end = window.start + self.stream.windows.span if self._fixed else window.end
            holds = INCLUDES["[)" if self._documented else self.ends]
            found = [bet for bet in held if holds(window.start, bet.at, end)]
        sign = -1 if self.newest_first and not isinstance(paging, TimestampCursor) else 1
        found.sort(
            key=lambda bet: (sign * ms(bet.at) - bet.number * 7919 % 97 * self.disorder // 97, bet.number, bet.version)
        )
        first, size = self._page(paging, params, len(found))
        token = f"{first + size}" if first + size < len(found) else None
        return Answer(found[first : first + size], len(found), size, token, first, found, size)

    def _too_late(self, bet: Bet, window: Interval) -> bool:
        """Return whether a row appears only when a slot's start is asked for: its own slot, the one before, is stored by then."""
        return bool(bet.since) and any(window.start < start < window.end and bet.at < start for start in self.starts)

    @property
    def _fixed(self) -> bool:
        return bool(self.stream.windows and self.stream.windows.fixed)

    @property
    def _documented(self) -> bool:
        return bool(self.stream.windows and (self.stream.windows.ends or self.stream.windows.fixed))

    @staticmethod
    def _page(paging: Pagination, params: Mapping[str, Any], found: int) -> tuple[int, int]:
        """Return the number of the first row that is asked for, and how many are."""
        size_param = getattr(paging, "size_param", None) or getattr(paging, "param", "")
        size = int(params.get(size_param, getattr(paging, "limit", max(found, 1))))
        match paging:
            case Offset():
                return int(params[paging.param]) - paging.start, size
            case PageNumber():
                return (int(params[paging.param]) - paging.start) * size, size
            case NextLink() | PageToken():
                return int(params.get(paging.param or "after", 0)), size
        if isinstance(paging, TimestampCursor) and not paging.size_param:
            return 0, paging.limit
        return 0, size

    def _written(self, answer: Answer, window: Interval) -> bytes:
        records = [record(self.stream, bet, self.utc_offset) for bet in answer.rows]
        format_ = self.stream.format
        if isinstance(format_, Csv):
            names = [f.name for f in self.stream.fields]
            lines = [",".join("" if row.get(name) is None else str(row[name]) for name in names) for row in records]
            until = ms(window.start + self.stream.windows.span)
            return "\n".join([*(f"{name}={until}" for name in format_.preamble), ",".join(names), *lines, ""]).encode()
        return json.dumps(self._envelope(self.stream.envelope, answer, records, window)).encode()

    def _envelope(
        self, parts: Mapping[str, Any], answer: Answer, records: list[dict[str, Any]], window: Interval
    ) -> dict[str, Any]:
        document = {
            name: self._envelope(part, answer, records, window)
            if isinstance(part, Mapping)
            else self._member(part, answer, records, window)
            for name, part in parts.items()
        }
        return {name: member for name, member in document.items() if member is not LEFT_OUT}

    def _member(self, part: Any, answer: Answer, records: list[dict[str, Any]], window: Interval) -> Any:
        link = "https://elsewhere.test/x?size=10&after=" if isinstance(self.stream.paging, NextLink) else ""
        made = {
            Rows: records or (LEFT_OUT if answer.empty == "left out" else answer.empty),
            Total: LEFT_OUT if answer.total is None else answer.total,
            PageSize: LEFT_OUT if answer.size is None else answer.size,
            NextPage: answer.token and f"{link}{answer.token}",
        }
        if isinstance(part, type):
            return made[part]
        if isinstance(part, Reaches):
            return ms(window.end)
        return "" if isinstance(part, Text) else None


def record(stream: Stream, bet: Bet, utc_offset: timedelta) -> dict[str, Any]:
    """Return the record of a row, as the declaration of the stream describes it."""
    made: dict[str, Any] = {}
    times = {str(stream.time_column), *stream.window_columns}
    for f in stream.fields:
        if f.name == stream.key[-1]:
            made[f.name] = f"{bet.number}" if isinstance(f.kind, Text) else bet.number
        elif f.name in stream.key or (f.required and f.name not in {*times, *stream.version_columns} and not f.money):
            made[f.name] = _plain(f, bet, utc_offset)
        elif f.name in times:
            made[f.name] = time_text(f, bet.at, utc_offset)
        elif f.name in stream.version_columns:
            made[f.name] = time_text(f, bet.at + timedelta(seconds=bet.version), utc_offset)
        elif f.money:
            made[f.name] = amount(f, bet)
    if bet.time != "true":
        wrong = {
            "none": None,
            "odd": "soon",
            "absurd": time_text(stream.field(str(stream.time_column)), EPOCH + timedelta(days=1), utc_offset),
        }
        for name in times:
            made[name] = wrong[bet.time]
    return made


def amount(f: Field, bet: Bet) -> Any:
    """Return the amount of a row in a money column."""
    return bet.amount if isinstance(f.kind, Integer) else bet.amount / 100


def _plain(f: Field, bet: Bet, utc_offset: timedelta) -> Any:
    if isinstance(f.kind, Integer | Decimal | Double):
        return 1
    return "x" if isinstance(f.kind, Text) else time_text(f, bet.at, utc_offset)


def time_text(f: Field, at: datetime, utc_offset: timedelta) -> Any:
    """Return an instant as a column of times has it."""
    kind = f.kind
    if isinstance(kind, Epoch):
        return (at - EPOCH) // timedelta(milliseconds=1) * 10 ** UNITS[kind.unit] // 1000
    offset = utc_offset if getattr(kind, "offset", None) is None else kind.offset
    wall = at.astimezone(timezone(offset))
    if isinstance(kind, IsoTime):
        return f"{wall:%Y-%m-%d %H:%M:%S}.{wall.microsecond // 1000:03d}"
    assert isinstance(kind, StrptimeTime), kind
    return wall.strftime("%d-%m-%Y %H:%M:%S")
