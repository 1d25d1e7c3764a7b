"""How windows are cut so that each can be read in one go, with the fewest calls, by what the ones before them held.

Only a first part is cut off at a time: a burst of bets makes the windows right after it small, not all to come.
"""

from __future__ import annotations

import math

from airflow_betproviders.declare import windows
from airflow_betproviders.declare.interval import Interval
from airflow_betproviders.declare.pagination import LimitedAnswer, PageNumber
from airflow_betproviders.declare.stream import Stream

# So many rows of a window are held in memory at once.
MOST_ROWS = 50_000
# A window that has to be cut is planned for so many times fewer rows, so that its parts seldom have to be cut again.
_HEADROOM = 1.15
# Standard deviations of a count of rows (its square root) that a window may hold more than expected.
_NOISE = 2


class Planner:
    """Plans the windows of one stream.

    Attributes:
        most: the most rows of a window that are read in one go.
        density: rows a second of the last window that told its rows; None before.
    """

    def __init__(self, stream: Stream) -> None:
        """Begin without knowing how dense the rows are."""
        self._rule = stream.windows
        self._paging = stream.paging
        self.density: float | None = None
        match stream.paging:
            case PageNumber(total_cap=int(cap)):
                self.most = min(MOST_ROWS, cap - 1)
            case LimitedAnswer(limit=limit):
                self.most = limit - 1
            case _:
                self.most = MOST_ROWS

    def learn(self, window: Interval | None, rows: int | None) -> None:
        """Note how many rows a window holds, by its first answer."""
        if window is not None and rows is not None and not self._may_be_cut_off(rows):
            self.density = rows / window.width.total_seconds()

    def plan(self, window: Interval | None) -> tuple[Interval | None, ...]:
        """What to ask for in place of a window that likely holds too many rows: a first part, and the rest, to be planned in turn."""
        if window is None or self.density is None:
            return (window,)
        expected = self.density * window.width.total_seconds()
        return self._cut(window, expected) if expected > self._likely_most else (window,)

    def parts(self, window: Interval | None, rows: int) -> tuple[Interval | None, ...]:
        """What to ask for in place of a window of which the provider says that it holds so many rows; see `plan`."""
        if window is None or self._rule is None or rows <= self.most:
            return (window,)
        if self._may_be_cut_off(rows):
            return windows.split(window, 2, self._rule)
        return self._cut(window, rows)

    def fits_a_page(self, window: Interval | None) -> bool:
        """Whether a window will likely be whole with its first answer."""
        match self._paging:
            case PageNumber(page_size=size) if window is not None and self.density is not None:
                return self.density * window.width.total_seconds() <= size
            case _:
                return True

    def _may_be_cut_off(self, rows: int) -> bool:
        """Whether there may be more rows than the provider says."""
        match self._paging:
            case PageNumber(total_cap=int(limit)) | LimitedAnswer(limit=limit):
                return rows == limit
            case _:
                return False

    def _cut(self, window: Interval, rows: float) -> tuple[Interval, ...]:
        if self._rule is None:
            return (window,)
        each = window.width / self._rule.step / rows  # steps a row
        return windows.cut_off(
            window, min(math.ceil(each * self._planned_for), int(each * self._likely_most)), self._rule
        )

    @property
    def _likely_most(self) -> int:
        """Rows that may be expected of a window which likely turns out to have no more than the most."""
        return max(1, self.most - _NOISE * math.isqrt(self.most))

    @property
    def _planned_for(self) -> int:
        """Rows that a part is to hold: full pages, where it has several."""
        rows = int(self.most / _HEADROOM)
        match self._paging:
            case PageNumber(page_size=size) if rows >= size:
                rows -= rows % size
                return rows - _NOISE * math.isqrt(rows)
            case _:
                return rows
