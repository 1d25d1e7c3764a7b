"""Split a slot into windows, one request each: as few as the provider's rules allow, without a gap."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Literal

from airflow_betproviders.declare.interval import DAY, Interval


@dataclass(frozen=True, kw_only=True)
class WindowRule:
    """The provider's rules for the windows that it answers.

    Attributes:
        span: the longest window that the provider answers; "less than 30 minutes" in steps of a minute is 29 minutes.
        step: start and end are multiples of it; a minute if seconds must be 00.
        same_day: whether start and end must lie in one UTC day. The end may be the next midnight.
        divisible: False if an answer is a sum over its window, so that parts of the window cannot be requested instead.
        ends: which ends a window includes, if the document says it: ``"half-open"`` includes the start and not the end;
            ``"inclusive"`` includes both, so the requested end lies one step earlier. None: the engine finds out from
            rows on window boundaries.
        fixed: whether every answer covers ``span`` from the requested start. Rows past the window's end are dropped.
        sliding: whether no window can be requested, since every answer covers the newest ``span``. Rows outside the window
            are dropped. Declare slot, lag and retention of the stream so that a slot is read before it leaves the answer.
    """

    span: timedelta
    step: timedelta = timedelta(seconds=1)
    same_day: bool = False
    divisible: bool = True
    ends: Literal["half-open", "inclusive"] | None = None
    fixed: bool = False
    sliding: bool = False

    def requested(self, window: Interval) -> tuple[datetime, datetime]:
        """Return the start and the end to request."""
        return window.start, window.end - self.step if self.ends == "inclusive" else window.end

    @property
    def splits(self) -> bool:
        """Return whether a window can be read in parts."""
        return self.divisible and not self.has_outside_rows

    @property
    def has_outside_rows(self) -> bool:
        """Return whether answers contain rows outside the window, which are dropped."""
        return self.fixed or self.sliding


def split_slot(slot: Interval, rule: WindowRule) -> tuple[Interval, ...]:
    """Split a slot into the fewest windows that the rule allows: contiguous, nearly equal, with ends on steps."""
    if rule.fixed:
        count = math.ceil(slot.width / rule.span)
        boundaries = [*(slot.start + rule.span * i for i in range(count)), slot.end]
        return tuple(Interval(a, b) for a, b in pairwise(boundaries))
    days = _by_day(slot) if rule.same_day else (slot,)
    return tuple(window for day in days for window in split(day, math.ceil(day.width / rule.span), rule))


def split(window: Interval, parts: int, rule: WindowRule) -> tuple[Interval, ...]:
    """Split a window into at most ``parts`` contiguous parts. Return it alone if the rule does not allow to split it."""
    steps = window.width // rule.step
    parts = min(parts, steps) if rule.splits else 1
    if parts <= 1:
        return (window,)
    boundaries = [window.start + rule.step * (steps * i // parts) for i in range(parts)] + [window.end]
    return tuple(Interval(a, b) for a, b in pairwise(boundaries))


def split_off(window: Interval, steps: int, rule: WindowRule) -> tuple[Interval, ...]:
    """Split a window after a number of steps, at least one. Return it alone if the rule forbids a split or no second part is left."""
    boundary = window.start + max(1, steps) * rule.step
    if boundary >= window.end or not rule.splits:
        return (window,)
    return Interval(window.start, boundary), Interval(boundary, window.end)


def _by_day(interval: Interval) -> tuple[Interval, ...]:
    boundaries = [interval.start]
    midnight = interval.start.replace(hour=0, minute=0, second=0, microsecond=0) + DAY
    while midnight < interval.end:
        boundaries.append(midnight)
        midnight += DAY
    boundaries.append(interval.end)
    return tuple(Interval(a, b) for a, b in pairwise(boundaries))
