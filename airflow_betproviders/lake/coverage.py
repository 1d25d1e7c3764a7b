"""What is there of a stream and what is not, slot by slot, from receipts alone: no provider is asked.

The cells of a `Coverage` lie side by side without a gap: a stored slot is one, and what lies between stored slots is
cut at the width of its neighbours.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta, timezone
from functools import cached_property
from itertools import groupby
from typing import Any

from airflow_betproviders.declare.interval import DAY, Interval, check_slot, floor
from airflow_betproviders.declare.stream import Stream
from airflow_betproviders.exceptions import InvalidArgument
from airflow_betproviders.lake.discovery import lakes
from airflow_betproviders.lake.footer_cache import StoredObject, stored_objects
from airflow_betproviders.lake.gaps import gaps
from airflow_betproviders.lake.layout import Lake
from airflow_betproviders.lake.receipt import Receipt, add_up, count_up
from airflow_betproviders.registry import declared

log = logging.getLogger(__name__)

STATES: Mapping[str, str] = {
    "complete": "Read whole, with rows.",
    "empty": "Read whole; the provider had no rows.",
    "shrunken": "Read whole, with fewer rows than what it replaced.",
    "quarantined": "Read whole, but some rows do not fit the schema and lie in quarantine.",
    "damaged": "The object is not what its receipt says, has no receipt that can be read, or lies across another one.",
    "missing": "There is no object, and the provider still has the rows.",
    "expired": "There is no object, and the provider no longer has all of the rows.",
    "pending": "There is no object yet, and none is due: the provider may still add rows.",
}
GAPS = ("missing", "expired", "damaged")
_BEGINNING, _END = (datetime(year, 1, 1, tzinfo=timezone.utc) for year in (1970, 9999))


@dataclass(frozen=True)
class Cell:
    """A slot, stored or not.

    Attributes:
        interval: its start and end.
        state: one of `STATES`.
        until: until when the provider has all of its rows; None where it states no limit.
        receipt: the receipt of its object, if it has one that can be read.
    """

    interval: Interval
    state: str
    until: datetime | None
    receipt: Receipt | None = None

    def readable(self, now: datetime) -> bool:
        """Whether the provider has all of its rows."""
        return self.until is None or now <= self.until

    @property
    def day(self) -> date:
        """The UTC day on which it begins, which is the folder that it lies in."""
        return self.interval.start.date()

    def to_json(self) -> dict[str, Any]:
        """As JSON has it."""
        receipt = self.receipt
        return {
            "start": _text(self.interval.start),
            "end": _text(self.interval.end),
            "state": self.state,
            "until": _text(self.until),
            "rows": receipt.rows if receipt else None,
            "previous_rows": receipt.previous_rows if receipt else None,
            "bad_rows": receipt.bad_rows if receipt else None,
            "odd_values": receipt.odd_values if receipt else {},
            "rounded": receipt.rounded if receipt else {},
            "extracted_at": receipt.extracted_at if receipt else None,
            "dag_id": receipt.dag_id if receipt else None,
            "task_id": receipt.task_id if receipt else None,
            "run_id": receipt.run_id if receipt else None,
        }


@dataclass(frozen=True)
class Summary:
    """What cells come to.

    Attributes:
        cells: those that it sums.
    """

    cells: Sequence[Cell]

    @property
    def states(self) -> dict[str, int]:
        """How many cells are in each state, those that do not occur included."""
        counts = dict.fromkeys(STATES, 0)
        for cell in self.cells:
            counts[cell.state] += 1
        return counts

    def to_json(self) -> dict[str, Any]:
        """As JSON has it; sums are decimal text."""
        receipts = [cell.receipt for cell in self.cells if cell.receipt]
        return {
            "slots": len(self.cells),
            **self.states,
            **{name: sum(getattr(each, name) for each in receipts) for name in ("rows", "bad_rows", "bytes", "calls")},
            "odd_values": count_up(receipt.odd_values for receipt in receipts),
            "rounded": count_up(receipt.rounded for receipt in receipts),
            "sums": {name: format(value, "f") for name, value in add_up(receipts).items()},
            "extracted_at": max((receipt.extracted_at for receipt in receipts), default=None),
        }


@dataclass(frozen=True)
class Gap:
    """Cells of one state and width that follow one another.

    Attributes:
        interval: from the first one's start to the last one's end.
        state: theirs.
        slots: how many they are.
        width: of each.
        until: until when the provider has all rows of the first, which it drops first; None: it states no limit.
    """

    interval: Interval
    state: str
    slots: int
    width: timedelta
    until: datetime | None

    @property
    def backfill(self) -> tuple[datetime, datetime]:
        """What ``airflow backfill create`` takes as --from-date and --to-date, for a DAG with intervals of this width.

        Both name the start of an interval.
        """
        return self.interval.start, self.interval.end - self.width

    def to_json(self) -> dict[str, Any]:
        """As JSON has it."""
        first, last = self.backfill
        return {
            "start": _text(self.interval.start),
            "end": _text(self.interval.end),
            "state": self.state,
            "slots": self.slots,
            "until": _text(self.until),
            "from_date": _text(first),
            "to_date": _text(last),
        }


@dataclass(frozen=True)
class Coverage:
    """What is there of one stream of one account.

    Attributes:
        lake: where it lies.
        cells: side by side, in order of time.
    """

    lake: Lake
    cells: tuple[Cell, ...] = field(repr=False)

    @cached_property
    def total(self) -> Summary:
        """All cells together."""
        return Summary(self.cells)

    @cached_property
    def days(self) -> dict[date, Summary]:
        """The cells of each UTC day on which one begins."""
        return {day: Summary(tuple(cells)) for day, cells in groupby(self.cells, lambda cell: cell.day)}

    def gaps(self, states: Collection[str] = GAPS) -> list[Gap]:
        """Cells in these states, those that follow one another together."""
        return runs(cell for cell in self.cells if cell.state in states)

    def to_json(self) -> dict[str, Any]:
        """As JSON has it: the stream, its totals, days, gaps and cells."""
        return {
            **self.label,
            **self.span,
            "total": self.total.to_json(),
            "days": [{"day": day.isoformat(), **summary.to_json()} for day, summary in self.days.items()],
            "gaps": [gap.to_json() for gap in self.gaps()],
            "cells": [cell.to_json() for cell in self.cells],
        }

    @property
    def label(self) -> dict[str, Any]:
        """What it is the coverage of."""
        lake = self.lake
        return {
            "provider": lake.provider,
            "stream": lake.stream,
            "account": lake.account,
            "filters": lake.filter_texts,
        }

    @property
    def span(self) -> dict[str, Any]:
        """From when till when its cells are."""
        return {
            "start": _text(self.cells[0].interval.start) if self.cells else None,
            "end": _text(self.cells[-1].interval.end) if self.cells else None,
        }


def runs(cells: Iterable[Cell]) -> list[Gap]:
    """Cells in order of time, those together that touch and are of one state and width."""
    found: list[Gap] = []
    for cell in cells:
        last = found[-1] if found else None
        if last and (last.interval.end, last.state, last.width) == (
            cell.interval.start,
            cell.state,
            cell.interval.width,
        ):
            found[-1] = replace(last, interval=Interval(last.interval.start, cell.interval.end), slots=last.slots + 1)
        else:
            found.append(Gap(cell.interval, cell.state, 1, cell.interval.width, cell.until))
    return found


def survey(
    fs: Any,
    root: str,
    *,
    provider: str | None = None,
    stream: str | None = None,
    account: str | None = None,
    filters: Mapping[str, Any] | None = None,
    start: datetime | None = None,
    end: datetime | None = None,
    margin: timedelta = timedelta(0),
    now: datetime | None = None,
    warn: Callable[[str], object] = log.warning,
) -> Iterator[Coverage]:
    """Return the coverage of every stream that a lake holds, or of those selected; see `lakes` and `coverage`.

    Args:
        fs: an fsspec file system.
        root: the lake's folder in it.
        provider: only this one.
        stream: only this one.
        account: only this one.
        filters: as of `lakes`.
        start: as of `coverage`.
        end: as of `coverage`.
        margin: as of `coverage`.
        now: as of `coverage`.
        warn: gets a message for each stream that no installed provider declares, and for entries that this package does
            not make. Both are left out.
    """
    for lake in lakes(fs, root, provider=provider, stream=stream, account=account, filters=filters, warn=warn):
        try:
            kind = declared(lake.provider, lake.stream)
        except InvalidArgument as problem:
            warn(f"{lake.base} is left out: {problem}")
            continue
        found = coverage(lake, kind, start=start, end=end, margin=margin, now=now, warn=warn)
        if found.cells:
            yield found


def coverage(
    lake: Lake,
    stream: Stream,
    *,
    start: datetime | None = None,
    end: datetime | None = None,
    slot: timedelta | None = None,
    margin: timedelta = timedelta(0),
    now: datetime | None = None,
    warn: Callable[[str], object] = log.warning,
) -> Coverage:
    """Return which slots of a stream are stored, missing, damaged and so on.

    Args:
        lake: where it lies.
        stream: its declaration.
        start: the first instant of interest; default the start of the first stored slot.
        end: the end, likewise; default the end of the last slot that is due or stored. Both are moved outwards to whole slots.
        slot: how wide what is not there should be, where that fits between what is; default as wide as its neighbours.
        margin: what the provider drops within this time counts as expired already.
        now: the present.
        warn: gets one message that names the entries which this package does not make.

    Raises:
        InvalidArgument: the slot does not divide a day, start is not before end, one of them has no time zone, or the
            lake has an older layout.
    """
    if slot is not None:
        check_slot(slot)
    rules = _Rules(stream, now or datetime.now(timezone.utc), margin)
    asked = Interval(start or _BEGINNING, end or _END)
    around = Interval(asked.start - DAY, asked.end + DAY) if start and end else None
    blocks = [rules.block(lake, group) for group in _together(stored_objects(lake, around, warn=warn))]
    held = [block.interval for block in blocks]
    width = slot or (held[-1].width if held else stream.slot)
    first = start or (held[0].start if held else rules.due)
    last = end or max([floor(rules.due, width, stream.day_start_offset), *(interval.end for interval in held)])
    if first >= last:
        return Coverage(lake, ())
    span = Interval(first, last)
    cells = [block for block in blocks if block.interval.overlaps(span)]
    cells += map(rules.gap, gaps(span, held, slot=slot, default=stream.slot, origin=stream.day_start_offset))
    return Coverage(lake, tuple(sorted(cells, key=lambda cell: cell.interval)))


class _Rules:
    """A stream's lag and retention at the present."""

    def __init__(self, stream: Stream, now: datetime, margin: timedelta) -> None:
        # A snapshot can be taken on its day and at no other time.
        self._lag, self._retention = (stream.lag, stream.retention) if stream.windows else (timedelta(0), DAY)
        self._now = now
        self._margin = margin

    @property
    def due(self) -> datetime:
        """The end of the last slot that should be there."""
        return self._now - self._lag

    def until(self, interval: Interval) -> datetime | None:
        """Until when the provider has the whole interval."""
        return interval.start + self._retention if self._retention is not None else None

    def gap(self, interval: Interval) -> Cell:
        """The cell of a slot that is not stored."""
        until = self.until(interval)
        if interval.end > self.due:
            return Cell(interval, "pending", until)
        gone = until is not None and until < self._now + self._margin
        return Cell(interval, "expired" if gone else "missing", until)

    def block(self, lake: Lake, stored: Sequence[StoredObject]) -> Cell:
        """The cell of a stored slot, or of several that lie over one another."""
        hull = Interval(stored[0].interval.start, max(entry.interval.end for entry in stored))
        entry = next((entry for entry in stored if entry.interval == hull), None)
        receipt = entry.receipt if entry else None
        state = _state(lake, stored[0]) if len(stored) == 1 else "damaged"
        return Cell(hull, state, self.until(hull), receipt)


def _state(lake: Lake, entry: StoredObject) -> str:
    receipt = entry.receipt
    if receipt is None or entry.footer is None or receipt.rows != entry.footer.rows:
        return "damaged"
    place = (lake.provider, lake.stream, lake.account, *map(_text, (entry.interval.start, entry.interval.end)))
    if (receipt.provider, receipt.stream, receipt.account, receipt.start, receipt.end) != place:
        return "damaged"
    if receipt.bad_rows:
        return "quarantined"
    if receipt.shrunken:
        return "shrunken"
    return "complete" if receipt.rows else "empty"


def _together(stored: Sequence[StoredObject]) -> Iterator[list[StoredObject]]:
    """The slots, in order of time, those that lie over one another together."""
    group: list[StoredObject] = []
    for entry in stored:
        if group and entry.interval.start >= max(each.interval.end for each in group):
            yield group
            group = []
        group.append(entry)
    if group:
        yield group


def _text(instant: datetime | None) -> str | None:
    return instant.isoformat() if instant else None
