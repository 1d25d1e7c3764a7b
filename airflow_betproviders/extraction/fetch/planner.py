"""Choose window sizes from the row density seen so far: fewest calls, bounded memory.

Only a first part is split off at a time: a burst of bets makes the windows right after it small, not all to come.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import timedelta

from airflow_betproviders.declare import windows
from airflow_betproviders.declare.interval import Interval
from airflow_betproviders.declare.pagination import DisorderedRows, Pagination, ShortPage, Unprovable, WindowChanged
from airflow_betproviders.declare.windows import WindowRule
from airflow_betproviders.extraction.fetch.truncation.answer_cap import AnswerCap

# So many rows of a window are held in memory at once, and about so many bytes of its answers.
MOST_ROWS = 50_000
_MOST_BYTES = 40 * 1024 * 1024
# An answer with so many bytes shows how wide its rows are.
_MEASURED = 64 * 1024
# A window that has to be split is planned for so many times fewer rows, so that its parts seldom have to be split again.
_HEADROOM = 1.15
# Standard deviations of a count of rows (its square root) that a window may hold more than expected.
_NOISE = 2
# A window, and a slot, is read so many times before the task fails.
MAX_READS = 5
# A window that changed in so many reads is read in halves.
READS_BEFORE_HALVING = 2
# After so many reads with a page that lacks rows, the next requests smaller pages.
_READS_BEFORE_SMALLER_PAGES = 3
# A window that keeps changing even in halves of halves is given up.
_MOST_HALVINGS = 5
# Totals at which servers stop counting; search engines at 10,000 by default.
_COMMON_CAPS = frozenset({1_000, 2_000, 5_000, 10_000, 20_000, 50_000})
# After a time-out a call requests so many times fewer rows, down to so few.
_LESS = 4
_FEWEST_ASKED = 100
# How often less is requested in a run, at most: a provider that is down answers no small question either.
_MOST_STEPS = 8
# Bets that a provider may be said to have in a second, over at least so many seconds: an hour has at most 36 million.
_MOST_A_SECOND = 10_000
_SHORT_BURST = 10


class Planner:
    """Plans the windows of one stream.

    Attributes:
        paging: how the provider hands out a window's rows; the page size and limit in use.
        density: rows a second of the last window whose rows are known; None before.
        longest: the longest window that the provider answers in time, where it failed for a longer one; else None.
        cap: where the provider cut an answer off without a sign; None while none is known.
    """

    def __init__(self, rule: WindowRule | None, paging: Pagination) -> None:
        """Begin without knowing how dense the rows are."""
        self._rule = rule
        self.paging = self._declared = paging
        self.density: float | None = None
        self.cap: AnswerCap | None = None
        self.longest: timedelta | None = None
        self._row_bytes = 0.0
        self._steps = 0

    def start_from(self, less: Mapping[str, float], *, grow: bool) -> None:
        """Request no more than an earlier run did; with ``grow`` one step more, in case the provider has recovered.

        Args:
            less: ``rows`` of a page and ``seconds`` of a window, each where less than documented was requested.
            grow: whether to try one step more.
        """
        if rows := int(less.get("rows", 0)):
            self.paging = self.paging.limited_to(rows * (_LESS if grow else 1))
        if seconds := less.get("seconds", 0.0):
            longest = timedelta(seconds=seconds * (2 if grow else 1))
            self.longest = None if self._rule is None or longest >= self._rule.span else longest

    @property
    def asked_for_less(self) -> dict[str, float]:
        """Return the page size and window that were requested instead of the declared ones; see `start_from`."""
        rows = self.paging.rows_asked
        return {
            **({"rows": float(rows)} if rows is not None and rows != self._declared.rows_asked else {}),
            **({"seconds": self.longest.total_seconds()} if self.longest else {}),
        }

    @property
    def most_in_memory(self) -> int:
        """Return the most rows of a window that are held in memory at once; the wider the latest rows, the fewer."""
        return max(1, min(MOST_ROWS, int(_MOST_BYTES / max(self._row_bytes, 1.0))))

    @property
    def most_rows(self) -> int:
        """Return the most rows that a window may have without being split."""
        limits = (self.paging.most_rows, self.cap.most_rows if self.cap else None)
        return min([self.most_in_memory, *(limit for limit in limits if limit is not None)])

    def note_answer(self, rows: int, size: int) -> None:
        """Note the size of an answer: how wide its rows are, and that the provider does not cut answers off below it."""
        if rows and size >= _MEASURED:
            self._row_bytes = size / rows
        if self.cap is not None:
            self.cap = self.cap.after(rows, size)

    def note_density(self, window: Interval | None, rows: int | None, size: int = 0) -> None:
        """Note how dense the rows of a window are, by the rows and bytes of its first answer."""
        if window is not None and rows is not None and not self.is_full(rows, size):
            self.density = rows / window.width.total_seconds()

    def plan(self, window: Interval | None) -> tuple[Interval | None, ...]:
        """Split a first part off a window that likely has too many rows; the rest is planned in turn. Return all parts, in order."""
        if window is None or self._rule is None:
            return (window,)
        expected = (self.density or 0.0) * window.width.total_seconds()
        parts = self._split(window, expected) if expected > self._likely_most_rows else (window,)
        if self.longest is not None and parts[0].width > self.longest:
            return windows.split_off(window, self.longest // self._rule.step, self._rule)
        return parts

    def note_change(self, change: WindowChanged, number: int) -> None:
        """Adapt to the reason why a window changed: smaller pages for pages that lack rows, longer overlaps for disordered rows.

        Args:
            change: why a window is read again.
            number: how many times it was read.
        """
        if isinstance(change, DisorderedRows):
            self.paging = self.paging.expecting_disorder(2 * change.disorder_ms)
        small_already = self.paging is not self._declared
        if isinstance(change, ShortPage) and number > (1 if small_already else _READS_BEFORE_SMALLER_PAGES):
            self.paging = self.paging.limited_to(change.likely_size)

    def ask_for_less(self, window: Interval | None, paging: Pagination | None) -> bool:
        """Request fewer rows in an answer, or shorter windows, for the rest of the run. Return False if neither is possible.

        Args:
            window: a window whose answer did not come in time.
            paging: how it was requested.
        """
        rows = self.paging.rows_asked
        if paging is not self.paging:
            return True  # less is requested already
        self._steps += 1
        if self._steps > _MOST_STEPS:
            return False
        if rows is not None and rows > _FEWEST_ASKED:
            smaller = self.paging.limited_to(max(_FEWEST_ASKED, rows // _LESS))
            if smaller != self.paging:
                self.paging = smaller
                return True
        if len(self.halves(window)) == 1 or window is None:
            return False
        self.longest = min(self.longest or window.width, window.width / 2)
        return True

    def parts(
        self, window: Interval | None, rows: int, size: int = 0, changes: int = 0, halved: int = 0
    ) -> tuple[Interval | None, ...]:
        """Split a window whose first answer shows that it has too many rows, or changes too often. Return all parts, in order.

        Args:
            window: the window.
            rows: the number of its rows, as the provider counts them.
            size: bytes of the answer.
            changes: how many times it changed while it was read. A window that keeps changing is read in halves.
            halved: how many times it was halved for that already.

        Raises:
            Unprovable: the count is impossible, or it is a limit of the provider's and the window can't be split.
        """
        if rows > self._plausible(window):
            raise Unprovable(f"the provider counts {rows} rows, more than there can be")
        parts: tuple[Interval | None, ...] = (window,)
        has_pages = rows > (self.paging.rows_a_page or rows)
        common_cap = has_pages and rows in _COMMON_CAPS and not halved
        keeps_changing = has_pages and changes >= READS_BEFORE_HALVING and halved < _MOST_HALVINGS
        if self.is_full(rows, size) or keeps_changing or common_cap:
            parts = self.halves(window)
        elif (
            window is not None and rows > self.most_rows and not self.paging.may_be_cut_off
        ):  # else all rows have come already
            parts = self._split(window, rows)
        if len(parts) == 1 and self.is_full(rows, size):
            if self.paging.is_full(rows):
                raise Unprovable(self.paging.full_reason(rows))
            raise Unprovable(f"the provider cuts answers off at {self.cap}, and the window can't be split further")
        return parts

    def is_full(self, rows: int, size: int = 0) -> bool:
        """Return whether a window with this total, in an answer of so many bytes, may have more rows."""
        return self.paging.is_full(rows) or (self.cap is not None and self.cap.cuts(rows, size))

    def halves(self, window: Interval | None) -> tuple[Interval | None, ...]:
        """Return both halves of a window, or the window alone where it can't be split."""
        return windows.split(window, 2, self._rule) if window is not None and self._rule else (window,)

    def fits_a_page(self, window: Interval | None) -> bool:
        """Return whether a window will likely be complete with its first answer."""
        size = self.paging.rows_a_page
        if size is None or window is None or self.density is None:
            return True
        return self.density * window.width.total_seconds() <= size

    @staticmethod
    def _plausible(window: Interval | None) -> float:
        """Return the largest plausible total of a window, so that an absurd total isn't followed for ever."""
        seconds = window.width.total_seconds() if window is not None else 0
        return _MOST_A_SECOND * max(seconds, _SHORT_BURST)

    def _split(self, window: Interval, rows: float) -> tuple[Interval, ...]:
        if self._rule is None:
            return (window,)
        steps_a_row = window.width / self._rule.step / rows
        return windows.split_off(
            window,
            min(math.ceil(steps_a_row * self._target_rows), int(steps_a_row * self._likely_most_rows)),
            self._rule,
        )

    @property
    def _likely_most_rows(self) -> int:
        """Return the expected rows of a window that likely has no more than `most_rows`."""
        return max(1, self.most_rows - _NOISE * math.isqrt(self.most_rows))

    @property
    def _target_rows(self) -> int:
        """Return the rows to plan for each part of a split window: full pages, if a part has several."""
        rows, size = int(self.most_rows / _HEADROOM), self.paging.rows_a_page
        if size is None or rows < size:
            return rows
        rows -= rows % size
        return rows - _NOISE * math.isqrt(rows)
