"""Hold the slots of a stream, stored or not, with their states, sums and gaps."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from operator import attrgetter
from typing import Any

import msgspec

from airflow_betproviders.declare.interval import Interval
from airflow_betproviders.lake.receipt import Receipt, sum_amounts, sum_counts

STATES: Mapping[str, str] = {
    "complete": "Stored, with rows.",
    "empty": "Stored; the provider has no rows for it.",
    "shrunken": "Stored, with fewer rows than the object that it replaced.",
    "quarantined": "Stored, but some rows do not fit the schema and are in quarantine.",
    "damaged": "The object does not match its receipt, has no readable receipt, or overlaps another object.",
    "missing": "Not stored, and the provider still has the rows.",
    "expired": "Not stored, and the provider no longer has all of the rows.",
    "pending": "Not stored and not due yet: the provider may still add rows.",
}
GAPS = ("missing", "expired", "damaged")


class Cell(msgspec.Struct, frozen=True, gc=False):
    """A slot, stored or not.

    Attributes:
        interval: its start and end.
        state: one of `STATES`.
        until: until when the provider has all of its rows; None where it states no limit.
        receipt: the receipt of its object; None where there is none that can be read.
    """

    interval: Interval
    state: str
    until: datetime | None
    receipt: Receipt | None = None

    def readable(self, now: datetime) -> bool:
        """Return whether the provider has all of its rows."""
        return self.until is None or now <= self.until

    @property
    def day(self) -> date:
        """Return the UTC day on which it begins, which names its folder."""
        return self.interval.start.date()

    def to_json(self) -> dict[str, Any]:
        """Return the members for JSON."""
        receipt = self.receipt
        return {
            "start": self.interval.texts[0],
            "end": self.interval.texts[1],
            "state": self.state,
            "until": as_text(self.until),
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
class CellTotals:
    """Sums over cells.

    Attributes:
        cells: the cells.
    """

    cells: Sequence[Cell]

    @property
    def states(self) -> dict[str, int]:
        """Return the number of cells in each state, states without a cell included."""
        return {**dict.fromkeys(STATES, 0), **Counter([cell.state for cell in self.cells])}

    def to_json(self) -> dict[str, Any]:
        """Return the members for JSON; sums are decimal text."""
        receipts = [cell.receipt for cell in self.cells if cell.receipt]
        return {
            "slots": len(self.cells),
            **self.states,
            **{name: sum(map(attrgetter(name), receipts)) for name in ("rows", "bad_rows", "bytes", "calls")},
            "odd_values": sum_counts([receipt.odd_values for receipt in receipts if receipt.odd_values]),
            "rounded": sum_counts([receipt.rounded for receipt in receipts if receipt.rounded]),
            "sums": {name: format(value, "f") for name, value in sum_amounts(receipts).items()},
            "extracted_at": max(map(attrgetter("extracted_at"), receipts), default=None),
        }


@dataclass(frozen=True)
class Gap:
    """Cells of one state and width that follow one another.

    Attributes:
        interval: from the start of the first cell to the end of the last.
        state: the state of each cell.
        slots: the number of cells.
        width: the width of each cell.
        until: until when the provider has all rows of the first cell, which it drops first; None where it states no limit.
    """

    interval: Interval
    state: str
    slots: int
    width: timedelta
    until: datetime | None

    @property
    def backfill(self) -> tuple[datetime, datetime]:
        """Return --from-date and --to-date of ``airflow backfill create``, for a DAG with intervals of this width.

        Both name the start of an interval.
        """
        return self.interval.start, self.interval.end - self.width

    def to_json(self) -> dict[str, Any]:
        """Return the members for JSON."""
        first, last = self.backfill
        return {
            "start": as_text(self.interval.start),
            "end": as_text(self.interval.end),
            "state": self.state,
            "slots": self.slots,
            "until": as_text(self.until),
            "from_date": as_text(first),
            "to_date": as_text(last),
        }


def group_cells(cells: Iterable[Cell]) -> list[Gap]:
    """Group cells, given in order of time, that touch and have one state and width."""
    gaps: list[Gap] = []
    for cell in cells:
        last = gaps[-1] if gaps else None
        if last and (last.interval.end, last.state, last.width) == (
            cell.interval.start,
            cell.state,
            cell.interval.width,
        ):
            gaps[-1] = replace(last, interval=Interval(last.interval.start, cell.interval.end), slots=last.slots + 1)
        else:
            gaps.append(Gap(cell.interval, cell.state, 1, cell.interval.width, cell.until))
    return gaps


def as_text(instant: datetime | None) -> str | None:
    """Return an instant as ISO 8601 text, or None."""
    return instant.isoformat() if instant else None
