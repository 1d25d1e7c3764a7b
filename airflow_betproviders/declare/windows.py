"""Split a slot into windows, one request each: as few as the provider's rules allow, without losing an instant."""

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
        span: the longest window it takes, inclusive ("less than 30 minutes" in steps of a minute is 29 minutes).
        step: both ends are multiples of it (a minute where seconds must be 00).
        same_day: start and end lie in one UTC day (the end may be the midnight that closes it).
        divisible: False where the answer sums up the window (a summary), so that it cannot be put together
            from parts.
        ends: whether a window holds its ends, where the document says it: ``"half-open"`` holds its start and not its
            end; ``"inclusive"`` holds both, so the end that is asked for lies one step earlier. Where the document
            doesn't say it, the engine finds out from the rows on an edge.
        fixed: every answer covers ``span`` from the start that is asked for. Rows past the window's end are dropped.
        sliding: there is nothing to ask for: every answer covers the newest ``span``. Rows outside the window are
            dropped. The stream's slot, lag and retention have to keep to that.
    """

    span: timedelta
    step: timedelta = timedelta(seconds=1)
    same_day: bool = False
    divisible: bool = True
    ends: Literal["half-open", "inclusive"] | None = None
    fixed: bool = False
    sliding: bool = False

    def asked(self, window: Interval) -> tuple[datetime, datetime]:
        """Return the start and the end to ask for."""
        return window.start, window.end - self.step if self.ends == "inclusive" else window.end

    @property
    def splits(self) -> bool:
        """Return whether a window can be read in parts."""
        return self.divisible and not self.over_answers

    @property
    def over_answers(self) -> bool:
        """Return whether answers hold rows outside the window, which are dropped."""
        return self.fixed or self.sliding


def cut(interval: Interval, rule: WindowRule) -> tuple[Interval, ...]:
    """Split the interval into the fewest windows under the rule: contiguous, nearly equal, with ends on steps."""
    if rule.fixed:
        count = math.ceil(interval.width / rule.span)
        borders = [*(interval.start + rule.span * i for i in range(count)), interval.end]
        return tuple(Interval(a, b) for a, b in pairwise(borders))
    days = _by_day(interval) if rule.same_day else (interval,)
    return tuple(window for day in days for window in split(day, math.ceil(day.width / rule.span), rule))


def split(window: Interval, parts: int, rule: WindowRule) -> tuple[Interval, ...]:
    """Cut a window into at most that many contiguous parts, or return it alone where it cannot be cut."""
    steps = window.width // rule.step
    parts = min(parts, steps) if rule.splits else 1
    if parts <= 1:
        return (window,)
    borders = [window.start + rule.step * (steps * i // parts) for i in range(parts)] + [window.end]
    return tuple(Interval(a, b) for a, b in pairwise(borders))


def cut_off(window: Interval, steps: int, rule: WindowRule) -> tuple[Interval, ...]:
    """Cut so many steps off a window, one at least: they, and the rest; or the window alone where nothing would be left."""
    border = window.start + max(1, steps) * rule.step
    if border >= window.end or not rule.splits:
        return (window,)
    return Interval(window.start, border), Interval(border, window.end)


def _by_day(interval: Interval) -> tuple[Interval, ...]:
    borders = [interval.start]
    midnight = interval.start.replace(hour=0, minute=0, second=0, microsecond=0) + DAY
    while midnight < interval.end:
        borders.append(midnight)
        midnight += DAY
    borders.append(interval.end)
    return tuple(Interval(a, b) for a, b in pairwise(borders))
