"""Limit the calls or minutes of one run, so that other tasks of the account get the pool."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from airflow_betproviders.declare.interval import DAY, Interval
from airflow_betproviders.exceptions import InvalidArgument
from airflow_betproviders.task.arguments import NOT_GIVEN

if TYPE_CHECKING:
    from airflow_betproviders.lake.survey.cells import Cell

_MOST_SLOTS = 24  # in one batch


class RunLimit:
    """Decide how many more slots a run may extract, from the calls and time that earlier slots took.

    A run finishes each slot that it begins, and begins at least one. So it may exceed its limit by a part of its last
    slot. What it spent before a deferral counts; the time of the deferral does not.

    Args:
        max_calls: calls to the provider; None for no limit.
        max_minutes: minutes; None for no limit.
        calls_made: returns how many calls this process has made.
        spent: what the run had spent before it deferred; None if it has not deferred.
        is_retry: whether an earlier try of the run has failed.

    Raises:
        InvalidArgument: a limit is not a positive number.
    """

    def __init__(
        self,
        max_calls: object,
        max_minutes: object,
        calls_made: Callable[[], int],
        spent: Mapping[str, float] | None = None,
        *,
        is_retry: bool = False,
    ) -> None:
        self._calls = _positive("max_calls", max_calls)
        self._seconds = (_positive("max_minutes", max_minutes) or 0) * 60 or None
        before = {"slots": 0, "calls": 0, "seconds": 0, **(spent or {})}
        self._calls_made = calls_made
        self._calls_before = calls_made() - int(before["calls"])
        self._began = time.monotonic() - before["seconds"]
        self._slots = int(before["slots"])
        self._is_retry = is_retry

    def __bool__(self) -> bool:
        """Return whether there is a limit."""
        return self._calls is not None or self._seconds is not None

    def order(self, cells: Sequence[Cell], now: datetime) -> list[Interval]:
        """Return the slots of the cells in the order in which to extract them.

        Without a limit: the oldest first, since the provider drops it first. With one: first what the provider drops
        within a day, the oldest first; then the newest first, since a long backlog must not delay today's bets. Every
        second slot is one of all, chosen at random, and a retry begins with such a one: slots that fail in each run
        would otherwise take up the limit of each.
        """
        oldest_first = sorted(cells, key=lambda cell: cell.interval)
        if not self:
            return [cell.interval for cell in oldest_first]
        urgent: list[Cell] = []
        rest: list[Cell] = []
        for cell in oldest_first:
            (urgent if cell.until is not None and cell.until < now + DAY else rest).append(cell)
        pairs = zip([*urgent, *reversed(rest)], random.sample(oldest_first, len(oldest_first)), strict=True)
        turns = [cell.interval for pair in pairs for cell in (reversed(pair) if self._is_retry else pair)]
        return list(dict.fromkeys(turns))

    def batch(self, ordered: Sequence[Interval]) -> list[Interval]:
        """Return the slots to extract next, in order of time; none once the limit is reached."""
        return sorted(ordered[: self._affordable(len(ordered))])

    def count(self, slots: int) -> None:
        """Count slots of a batch, extracted or tried."""
        self._slots += slots

    @property
    def spent(self) -> dict[str, float]:
        """Return what the run has spent so far, for its continuation after a deferral."""
        return {"slots": self._slots, "calls": self._spent, "seconds": time.monotonic() - self._began}

    @property
    def _spent(self) -> int:
        return self._calls_made() - self._calls_before

    def _affordable(self, wanted: int) -> int:
        if not self:
            return wanted
        if not self._slots:
            return min(1, wanted)
        return max(0, min(int(self._left()), 2 * self._slots, _MOST_SLOTS))

    def _left(self) -> float:
        """Return how many slots fit into the remaining limit, at the average of the earlier ones."""
        done, used = max(1, self._slots), time.monotonic() - self._began
        by_calls = (self._calls - self._spent) / max(1.0, self._spent / done) if self._calls else float("inf")
        by_time = (self._seconds - used) / max(1e-3, used / done) if self._seconds else float("inf")
        return min(by_calls, by_time, float(_MOST_SLOTS))


def _positive(name: str, value: object) -> float | None:
    if value in NOT_GIVEN:
        return None
    try:
        number = float(str(value))
    except ValueError:
        number = 0.0
    if not 0 < number < float("inf"):
        raise InvalidArgument(f"{name}={value!r} is not a positive number. Give one, or leave it out for no limit.")
    return number
