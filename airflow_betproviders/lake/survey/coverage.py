"""Compare the stored slots of a stream with those that should be stored, from receipts alone. No provider is called.

A `Coverage` divides its span into cells. Each stored slot is a cell; the time between stored slots is divided into cells
as wide as their neighbours.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta, timezone
from functools import cached_property, partial
from itertools import groupby
from operator import attrgetter
from typing import Any

from airflow_betproviders.declare.interval import DAY, Interval, check_slot, check_slot_count, floor
from airflow_betproviders.declare.stream import Stream
from airflow_betproviders.exceptions import InvalidArgument
from airflow_betproviders.lake.discovery import find_lakes
from airflow_betproviders.lake.layout import Lake
from airflow_betproviders.lake.store.atomic_put import is_object_store
from airflow_betproviders.lake.survey.cells import GAPS, Cell, CellTotals, Gap, as_text, group_cells
from airflow_betproviders.lake.survey.state_rules import StateRules, group_overlapping
from airflow_betproviders.lake.survey.stored_objects import list_stored_objects
from airflow_betproviders.lake.survey.unstored_slots import unstored_slots
from airflow_betproviders.registry import declared

log = logging.getLogger(__name__)

_THREADS = 16  # streams surveyed at once
_BEGINNING, _END = (datetime(year, 1, 1, tzinfo=timezone.utc) for year in (1970, 9999))


@dataclass(frozen=True)
class Coverage:
    """The slots of one stream of one account, stored or not.

    Attributes:
        lake: where the stream is stored.
        cells: without a gap, in order of time.
    """

    lake: Lake
    cells: tuple[Cell, ...] = field(repr=False)

    @cached_property
    def total(self) -> CellTotals:
        """Return the sums over all cells."""
        return CellTotals(self.cells)

    @cached_property
    def days(self) -> dict[date, CellTotals]:
        """Return the cells of each UTC day on which one begins."""
        return {day: CellTotals(tuple(cells)) for day, cells in groupby(self.cells, lambda cell: cell.day)}

    def gaps(self, states: Collection[str] = GAPS) -> list[Gap]:
        """Return the ranges of cells that are in these states."""
        return group_cells(cell for cell in self.cells if cell.state in states)

    def to_json(self) -> dict[str, Any]:
        """Return stream, totals, days, gaps and cells for JSON."""
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
        """Return provider, stream, account and filters."""
        lake = self.lake
        return {
            "provider": lake.provider,
            "stream": lake.stream,
            "account": lake.account,
            "filters": lake.filter_texts,
        }

    @property
    def span(self) -> dict[str, Any]:
        """Return the start of the first cell and the end of the last."""
        return {
            "start": as_text(self.cells[0].interval.start) if self.cells else None,
            "end": as_text(self.cells[-1].interval.end) if self.cells else None,
        }


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
    """Yield the coverage of the streams of a lake.

    Args:
        fs: an fsspec file system.
        root: the lake's folder in it.
        provider: only the streams of this provider; default all.
        stream: only the streams of this name; default all.
        account: only the streams of this account; default all.
        filters: see `find_lakes`.
        start: see `coverage`.
        end: see `coverage`.
        margin: see `coverage`.
        now: see `coverage`.
        warn: gets a message for each stream that no installed provider declares, and for entries that this package does
            not make. Both are left out.
    """
    streams = []
    for lake in find_lakes(fs, root, provider=provider, stream=stream, account=account, filters=filters, warn=warn):
        try:
            streams.append((lake, declared(lake.provider, lake.stream)))
        except InvalidArgument as problem:
            warn(f"{lake.base} is left out: {problem}")
    survey_stream = partial(_survey_one, start=start, end=end, margin=margin, now=now, warn=warn)
    if not is_object_store(fs):
        yield from filter(None, map(survey_stream, streams))
        return
    with ThreadPoolExecutor(_THREADS, thread_name_prefix="betproviders-survey") as pool:  # they wait for the network
        yield from filter(None, pool.map(survey_stream, streams))


def _survey_one(lake_and_stream: tuple[Lake, Stream], **options: Any) -> Coverage | None:
    stream_coverage = coverage(*lake_and_stream, **options)
    return stream_coverage if stream_coverage.cells else None


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
        lake: where the stream is stored.
        stream: its declaration. Where the connection states a retention of its own, the newest receipt has it.
        start: first instant of interest; default the start of the first stored slot.
        end: end of interest; default the end of the last slot that is due or stored. Both are rounded outwards to slots.
        slot: width of slots that are not stored, where it fits between those that are; default their neighbours' width.
        margin: slots that the provider drops within this time count as expired.
        now: the present; default the clock's.
        warn: gets one message that names the entries which this package does not make.

    Raises:
        InvalidArgument: the slot does not divide a day, start is not before end, one of them has no time zone, one is not of the years
            1970 to 9998, there are more than a million slots between them, or the lake has an older layout.
    """
    if slot is not None:
        check_slot(slot)
    asked = Interval(start or _BEGINNING, end or _END)
    if asked.start < _BEGINNING or asked.end > _END:
        raise InvalidArgument(
            f"{asked} reaches beyond {Interval(_BEGINNING, _END)}. Give a start and an end within it."
        )
    around = Interval(asked.start - DAY, asked.end + DAY) if start and end else None
    stored = list_stored_objects(lake, around, warn=warn)
    rules = StateRules(stream, stored, now or datetime.now(timezone.utc), margin)
    stored_cells = [rules.stored_cell(lake, group) for group in group_overlapping(stored)]
    stored_intervals = [cell.interval for cell in stored_cells]
    width = slot or (stored_intervals[-1].width if stored_intervals else stream.slot)
    first = start or (stored_intervals[0].start if stored_intervals else rules.due)
    last = end or max(
        [floor(rules.due, width, stream.day_start_offset), *(interval.end for interval in stored_intervals[-1:])]
    )
    if first >= last:
        return Coverage(lake, ())
    span = Interval(first, last)
    check_slot_count(span, width)
    cells = [cell for cell in stored_cells if cell.interval.overlaps(span)]
    cells += map(
        rules.unstored_cell,
        unstored_slots(
            span, stored_intervals, slot=slot, default=stream.slot, day_start_offset=stream.day_start_offset
        ),
    )
    return Coverage(lake, tuple(sorted(cells, key=attrgetter("interval.start"))))
