"""Sum the stored bets of one day, from the data: each bet once, in its newest version."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from types import TracebackType
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from airflow_betproviders.declare.interval import Interval
from airflow_betproviders.declare.reports import Count, Distinct, Measure, Report, Sum
from airflow_betproviders.declare.stream import Stream
from airflow_betproviders.extraction.answers import keys
from airflow_betproviders.lake.layout import Lake
from airflow_betproviders.lake.receipt import EXACT
from airflow_betproviders.lake.store.local_copy import local_copy
from airflow_betproviders.lake.survey.unstored_slots import unstored_slots
from airflow_betproviders.reconciliation.slot_scanner import (
    ZERO,
    ScannedSlot,
    SlotScanner,
    as_decimal256,
)

Group: TypeAlias = tuple[str, ...]
GroupFigures: TypeAlias = dict[Group, dict[str, Decimal]]

_LISTINGS = 3  # an object may be replaced by a larger one between listing and reading


class DayTotals:
    """Sum the stored slots of a day. A context manager, which removes its local files at the end.

    Args:
        lake: where the bet stream is stored.
        stream: the bet stream.
        day: the provider's report day.
        wanted: the raw columns that the reports need.
        width: width of missing slots; default the width of the day's stored slots, else the stream's own.
        moves_within: how long after the day a row may still move to a later slot.

    Attributes:
        missing: slots of the day that are not stored.
        moved: rows of the day whose newest version is in a later slot.
    """

    def __init__(
        self,
        lake: Lake,
        stream: Stream,
        day: Interval,
        wanted: set[str],
        *,
        width: timedelta | None = None,
        moves_within: timedelta | None = None,
    ) -> None:
        self.lake = lake
        self.day = day
        self.missing: tuple[Interval, ...] = ()
        self.moved = 0
        self._stream = stream
        self._width = width
        self._folder = tempfile.TemporaryDirectory(prefix="betproviders-")
        self._scanner = SlotScanner(lake, stream, wanted, Path(self._folder.name))
        self._scanned: dict[Interval, ScannedSlot] = {}
        self._later: dict[Interval, ScannedSlot] = {}
        self._after = Interval(day.end, day.end + moves_within) if moves_within else None

    def __enter__(self) -> DayTotals:
        """Use as a context manager."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Remove the local files."""
        self._folder.cleanup()

    def load(self, *, rescan: Iterable[Interval] = ()) -> None:
        """Scan the stored slots. Slots that were scanned before are scanned again only if they are in ``rescan``."""
        for slot in rescan:
            self._scanned.pop(slot, None)
        for _ in range(_LISTINGS):
            wanted = self.lake.stored(self.day)
            self._scanned = {slot: scanned for slot, scanned in self._scanned.items() if slot in wanted}
            if self._fill(self._scanned, wanted, self.day):
                break
        default = self._width or self._stream.slot
        self.missing = tuple(
            unstored_slots(
                self.day, sorted(self._scanned), default=default, day_start_offset=self._stream.day_start_offset
            )
        )
        if self._after is not None:
            self._fill(self._later, self.lake.stored(self._after), self._after)
        self._keep_newest()

    @property
    def slots(self) -> tuple[Interval, ...]:
        """Return the day's slots in order, stored and missing."""
        return tuple(sorted([*self._scanned, *self.missing]))

    @property
    def scanned(self) -> list[ScannedSlot]:
        """Return the stored slots in order."""
        return [self._scanned[slot] for slot in sorted(self._scanned)]

    @property
    def damaged(self) -> tuple[Interval, ...]:
        """Return the stored slots whose rows do not match their receipt."""
        return tuple(scanned.interval for scanned in self.scanned if scanned.wrong)

    @property
    def pii(self) -> dict[str, str]:
        """Return the columns that the day's slots drop or hash, and which of the two."""
        return {name: rule for scanned in self.scanned for name, rule in (scanned.pii or {}).items()}

    def bets_in(self, slot: Interval) -> int:
        """Return how many bets of a slot have no newer version in a later slot."""
        return self._scanned[slot].bet_count if slot in self._scanned else 0

    def group_figures(self, report: Report, account: str, part: Interval | None = None) -> GroupFigures:
        """Return the sums of a report's measures over the bets, by its groups.

        Args:
            report: the declaration.
            account: the account's login, for rows that are of its own.
            part: some slots of the day; default the complete day.
        """
        grouping = list(report.grouping.values())
        distinct = [measure.column for measure in report.measures.values() if isinstance(measure, Distinct)]
        added = sorted({n for m in report.measures.values() if isinstance(m, Sum) for n in (*m.plus, *m.minus)})
        tables = []
        for scanned in self.scanned:
            if part is None or scanned.interval.overlaps(part):
                for rows in scanned.batches():
                    own = rows if report.own is None else rows.filter(pc.equal(_text(rows[report.own]), account))
                    tables.append(_added(_narrow(own, grouping, distinct, added), len(grouping) + len(distinct)))
        if not tables:
            return {}
        names = tables[0].column_names
        places = range(1, 1 + len(grouping))
        total = pa.concat_tables(tables).group_by([names[0], *(names[i] for i in places)])
        sums = total.aggregate(
            [
                *((names[1 + len(grouping) + i], "count_distinct") for i in range(len(distinct))),
                *((f"{name}_sum", "sum") for name in ("rows", *added)),
            ]
        )
        group_figures: GroupFigures = {}
        for row in sums.to_pylist():
            values = {name: row[f"{name}_sum_sum"] or ZERO for name in ("rows", *added)}
            for i, column in enumerate(distinct):
                values[f"distinct {column}"] = Decimal(row[f"{names[1 + len(grouping) + i]}_count_distinct"])
            group_figures[tuple(row[names[i]] for i in places)] = {
                name: _measured(measure, values) for name, measure in report.measures.items()
            }
        return group_figures

    def unread(self, now: datetime) -> list[Interval]:
        """Return the intervals after the day to which rows may have moved and that were not scanned yet."""
        if self._after is None or now <= self._after.start:
            return []
        return Interval(self._after.start, min(self._after.end, now)).without(self._later)

    def find_moved(self, interval: Interval, file: Path) -> None:
        """Find moved rows in the rows of a later interval."""
        self._later[interval] = self._scanner.scan(interval, file)
        self._keep_newest()

    def _fill(self, into: dict[Interval, ScannedSlot], stored: Mapping[Interval, str], period: Interval) -> bool:
        """Scan objects that were not scanned before. Return False when one is gone."""
        for slot in sorted(set(stored) - set(into)):
            try:
                with local_copy(self.lake.fs, stored[slot]) as local:
                    into[slot] = self._scanner.scan(slot, local, None if period.contains(slot) else period)
            except FileNotFoundError:
                return False
        return True

    def _keep_newest(self) -> None:
        """Count each bet once, in the slot of its newest version."""
        everything = [*self.scanned, *(self._later[slot] for slot in sorted(self._later))]
        hashes = np.concatenate([np.empty(0, np.uint64), *(scanned.hashes for scanned in everything)])
        hashes.sort()
        repeated = keys.shared(hashes)
        names = [*dict.fromkeys((*self._stream.key, *self._stream.version_columns))]
        places = [np.flatnonzero(np.isin(scanned.hashes, repeated)) for scanned in everything]
        rows = [scanned.keys(place, names) for scanned, place in zip(everything, places, strict=True) if len(place)]
        superseded = (
            keys.superseded(pa.concat_tables(rows), self._stream.key, self._stream.version_columns) if rows else ()
        )
        lost = np.zeros(sum(map(len, places)), bool)
        lost[list(superseded)] = True
        later = np.concatenate([np.empty(0, np.uint64), *(scanned.hashes for scanned in self._later.values())])
        begin = self.moved = 0
        for scanned, place in zip(everything, places, strict=True):
            out = place[lost[begin : begin + len(place)]]
            begin += len(place)
            scanned.newest = np.ones(len(scanned.hashes), bool)
            scanned.newest[out] = False
            if scanned.interval in self._scanned:
                self.moved += int(np.isin(scanned.hashes[out], later).sum())


def _narrow(rows: pa.Table, grouping: Sequence[str], distinct: Sequence[str], added: Sequence[str]) -> pa.Table:
    """Select the columns to sum, by position: one raw column may be grouped by and counted."""
    by = [pa.repeat("", rows.num_rows), *(_text(rows[name]) for name in (*grouping, *distinct))]
    ones = pa.repeat(pa.scalar(Decimal(1), pa.decimal128(38, 0)), rows.num_rows)
    return pa.Table.from_arrays(
        [*by, ones, *(as_decimal256(rows[name]) for name in added)],
        names=[*(f"by {i}" for i in range(len(by))), "rows", *added],
    )


def _added(table: pa.Table, by: int) -> pa.Table:
    """Return one row a group, with the sums of its columns; the first columns, up to number ``by``, are the group."""
    names = table.column_names
    return (
        table.group_by(names[: by + 1])
        .aggregate([(name, "sum") for name in names[by + 1 :]])
        .select([*names[: by + 1], *(f"{name}_sum" for name in names[by + 1 :])])
    )


def _measured(measure: Measure, values: Mapping[str, Decimal]) -> Decimal:
    match measure:
        case Count():
            return values["rows"]
        case Distinct(column):
            return values[f"distinct {column}"]
        case Sum(plus, minus, unsigned):
            total = ZERO
            for name in plus:
                total = EXACT.add(total, values[name])
            for name in minus:
                total = EXACT.subtract(total, values[name])
            return EXACT.abs(total) if unsigned else total


def _text(column: Any) -> Any:
    return pc.fill_null(column.cast(pa.string()), "")
