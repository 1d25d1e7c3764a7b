"""Estimate what a backfill costs before it is started, without calling the provider."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, timezone
from typing import Any

from airflow_betproviders.declare import windows
from airflow_betproviders.declare.interval import DAY, Interval
from airflow_betproviders.declare.stream import Stream
from airflow_betproviders.lake.survey.cells import Cell
from airflow_betproviders.lake.survey.coverage import Coverage
from airflow_betproviders.lake.survey.stored_objects import list_stored_objects

_NOT_STORED = frozenset({"missing", "expired", "pending"})
_RECENT = 24  # of the newest stored slots: they show how many calls a slot takes


@dataclass(frozen=True)
class BackfillPlan:
    """Estimate the cost of a backfill of an interval.

    Attributes:
        coverage: the slots of the interval, stored or not.
        stream: the stream's declaration.
        call_interval: seconds between two calls of the account.
        calls_per_slot: average calls of the slots stored last; None where nothing is stored.
    """

    coverage: Coverage
    stream: Stream
    call_interval: float
    calls_per_slot: float | None

    def to_json(self) -> dict[str, Any]:
        """Return the plan for JSON, for all slots that the provider has and for those that are not stored."""
        cells = [cell for cell in self.coverage.cells if cell.state not in {"expired", "pending"}]
        missing = [cell for cell in cells if cell.state in {"missing", "damaged"}]
        states = self.coverage.total.states
        return {
            **self.coverage.label,
            **self.coverage.span,
            "slots": len(self.coverage.cells),
            "stored": sum(count for state, count in states.items() if state not in _NOT_STORED),
            "missing": len(missing),
            "expired": states["expired"],
            "pending": states["pending"],
            "windows": sum(self._windows(cell.interval) for cell in cells),
            "seconds_per_call": self.call_interval,
            **self._cost("all", cells),
            **self._cost("missing", missing),
        }

    def _cost(self, which: str, cells: list[Cell]) -> dict[str, Any]:
        asked = sum(self._windows(cell.interval) for cell in cells)
        calls = max(asked, round(len(cells) * (self.calls_per_slot or 0)))
        return {
            f"{which}_least_calls": asked,
            f"{which}_likely_calls": calls if self.calls_per_slot is not None else None,
            f"{which}_least_time": _duration(asked * self.call_interval),
            f"{which}_likely_time": _duration(calls * self.call_interval) if self.calls_per_slot is not None else None,
        }

    def _windows(self, slot: Interval) -> int:
        """Return the fewest windows of a slot; each takes one call at least."""
        return len(windows.split_slot(slot, self.stream.windows)) if self.stream.windows else 1


def plan_backfill(coverage: Coverage, stream: Stream, *, call_interval: float) -> BackfillPlan:
    """Plan a backfill of the slots of a coverage.

    Args:
        coverage: the coverage of the interval.
        stream: the stream's declaration.
        call_interval: seconds between two calls of the account.
    """
    days = coverage.lake.days()
    stored = list_stored_objects(coverage.lake, _around(days[-1])) if days else []
    calls = [entry.receipt.calls for entry in stored if entry.receipt and entry.receipt.calls][-_RECENT:]
    return BackfillPlan(coverage, stream, call_interval, sum(calls) / len(calls) if calls else None)


def _around(day: date) -> Interval:
    midnight = datetime.combine(day, time(), timezone.utc)
    return Interval(midnight - DAY, midnight + DAY)


def _duration(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:.0f} s"
    minutes = round(timedelta(seconds=seconds) / timedelta(minutes=1))
    return f"{minutes // 60} h {minutes % 60:02} min" if minutes >= 60 else f"{minutes} min"
