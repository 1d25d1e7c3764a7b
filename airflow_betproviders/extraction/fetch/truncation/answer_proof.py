"""Prove an answer that may have been cut off, by requesting pieces of its window."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Protocol

import numpy as np
import numpy.typing as npt

from airflow_betproviders.declare.interval import Interval
from airflow_betproviders.declare.pagination import Unprovable, is_likely_cap
from airflow_betproviders.declare.stream import Stream
from airflow_betproviders.declare.windows import WindowRule
from airflow_betproviders.extraction.answers.instants import ends, inside
from airflow_betproviders.extraction.answers.window_rows import WindowRows
from airflow_betproviders.extraction.decode import arrays
from airflow_betproviders.extraction.fetch.truncation.suspected_answer import SuspectedAnswer


class ReadPiece(Protocol):
    """Read a piece of a window by calls of its own."""

    def __call__(self, window: Interval, among: int, /) -> WindowRows:
        """Return the rows that the provider has in the piece.

        Args:
            window: the piece.
            among: rows of the answer that the piece proves.

        Raises:
            Unprovable: it has more rows than are held in memory at once.
            SlotChanged: it brings newer versions of rows than the slot has.
            ProviderRequestError: it brings too many rows of other windows.
        """


@dataclass(frozen=True)
class _RowPlaces:
    """Where an answer's rows lie in its window, in steps from the window's start.

    Attributes:
        steps: steps of the window.
        first: the step of the earliest row; 0 without rows.
        last: the step of the latest row; the window's last step without rows.
        middle: the median of the rows' steps.
        oldest_first: whether no row is older than the row above it.
        newest_first: whether no row is newer than the row above it.
    """

    steps: int
    first: int
    last: int
    middle: int
    oldest_first: bool
    newest_first: bool

    @classmethod
    def of(cls, instants: npt.NDArray[np.int64], start: int, end: int, steps: int) -> _RowPlaces:
        """Place instants in a window from ``start`` to ``end`` that has so many steps."""
        within = instants[(instants >= start) & (instants < end)]
        extremes = [int(within.min()), int(within.max())] if len(within) else [start, end - 1]
        first, last = ((at - start) * steps // (end - start) for at in extremes)
        places = (within - start) * steps // (end - start)
        middle = int(np.median(places)) if len(places) else steps // 2
        moves = np.diff(instants)
        return cls(steps, first, last, middle, bool((moves >= 0).all()), bool((moves <= 0).all()))

    @property
    def around(self) -> list[tuple[int, int]]:
        """Return two pieces: up to the first row, and from the last row on. Both contain that row's step."""
        return [(0, self.first + 1), (self.last, self.steps)]


class AnswerProof:
    """Find the pieces that can prove an answer of one stream, and request them."""

    def __init__(self, stream: Stream) -> None:
        """Bind the stream."""
        self._stream = stream

    def suspected(self, rows: WindowRows, count: int, size: int = 0, *, half: bool = False) -> SuspectedAnswer | None:
        """Return the answer with the pieces that can prove it; None where no part of its window can be requested.

        | windows | pieces |
        |---|---|
        | have a fixed length | one window of it: from the latest row on, or up to the oldest where rows come newest first |
        | filter the time column, and rows come in its order | the parts up to the first row and from the last row on |
        | filter the time column, and all rows lie in one step | the parts before and after this step |
        | else | two parts, which together have to bring exactly the answer's rows |

        An answer without rows has one piece, the window itself.

        Args:
            rows: the answer.
            count: its rows as the provider counts them, with those that come twice.
            size: its bytes.
            half: whether it is a half that has all rows of its window, so that it is halved again.
        """
        stream, window = self._stream, rows.window
        if window is None or rows.hashes is None or not stream.time_column or not stream.windows:
            return None
        rule, steps = stream.windows, window.width // stream.windows.step
        if not (rule.splits or rule.fixed) or steps < 2:
            return None
        column, hashes = rows.table[stream.time_column], rows.hashes
        instants, (start, end) = arrays.integers(column), ends(window, column.type)
        if stream.reject_outside_window:
            kept = inside(rows.table, stream, window)
            instants, hashes = instants[kept], hashes[kept]
        places = _RowPlaces.of(instants, start, end, steps)
        pieces = self._pieces(places, rule, half=half) if rows.distinct else [(0, steps)]
        windows = tuple(
            Interval(window.start + a * rule.step, window.end if b == steps else window.start + b * rule.step)
            for a, b in pieces
            if a < b
        )
        around_rows = pieces == places.around
        return SuspectedAnswer(
            window,
            count,
            hashes,
            frozenset(row.raw for row in rows.rejected),
            windows,
            halves=len(windows) == 2 and windows[0].end == windows[1].start,
            one_step=self._filters_time and places.first == places.last,
            log_chance=_log_chance(instants, start, end),
            bytes=size,
            rest=(windows[-1] if places.oldest_first else windows[0]) if around_rows else None,
        )

    @property
    def _filters_time(self) -> bool:
        """Return whether the document says that windows filter the time column."""
        return self._stream.reject_outside_window and self._stream.filters_time_column

    def _pieces(self, places: _RowPlaces, rule: WindowRule, *, half: bool) -> list[tuple[int, int]]:
        """Return first step and end of each piece; see `suspected`."""
        first, last, steps = places.first, places.last, places.steps
        if rule.fixed:
            # Where rows come newest first, the missing rows are older than the oldest: a window that ends there brings them.
            length = rule.span // rule.step
            begin = last if places.oldest_first else first + 1 - length if places.newest_first else places.middle
            return [(begin, begin + length)]
        if not self._filters_time or (first < last and not (places.oldest_first or places.newest_first)):
            # Where it isn't known which column windows filter, both parts should have rows.
            after_first = first + 1 if places.newest_first else places.middle
            boundary = places.middle if half else last if places.oldest_first else after_first
            return [*pairwise([0, min(max(boundary, first + 1, 1), steps - 1), steps])]
        return places.around if first < last else [(0, first), (last + 1, steps)]

    def probe_end(self, answer: SuspectedAnswer, read_piece: ReadPiece, proven: int = 0) -> str | None:
        """Do as `probe` does; where rows come in the order of time, with one call, for the piece after the last row."""
        if answer.rest is None:
            return self.probe(answer, read_piece, proven)
        rest = self._inside(read_piece(answer.rest, answer.rows), answer.rest, answer.window)
        return replace(answer, halves=False).contradiction([rest])

    def probe(self, answer: SuspectedAnswer, read_piece: ReadPiece, proven: int = 0) -> str | None:
        """Request the pieces of an answer. Say what shows that it was cut off; None where they prove that it was not.

        Args:
            answer: the answer.
            read_piece: reads a piece.
            proven: rows of the greatest answer that was proven before. A cap is a constant, so an answer with no more rows
                counts as complete if no part of its window can be requested.

        Raises:
            Unprovable: its number of rows is round as a server's cap is, and no part of its window can be requested.
        """
        suspected: SuspectedAnswer | None = answer
        while suspected:
            brought = [
                self._inside(read_piece(piece, suspected.rows), piece, suspected.window) for piece in suspected.pieces
            ]
            if problem := suspected.contradiction(brought):
                return problem
            rest = suspected.as_suspect(brought)
            if rest is None and not suspected.one_step:
                return None
            suspected = self.suspected(rest, rest.distinct, half=True) if rest else None
        if is_likely_cap(answer.rows) and answer.rows > proven:
            raise unprovable(answer.rows, answer.window)
        return None

    def _inside(self, rows: WindowRows, piece: Interval, window: Interval) -> WindowRows:
        """Return the rows of a piece that the answer for its window should have: rows outside are left out."""
        if self._stream.has_outside_rows:
            inside_rows = replace(rows, rejected=[])
            instants = rows.table[str(self._stream.time_column)]
            start, end = ends(window, instants.type)
            inside_rows.filter((arrays.integers(instants) >= start) & (arrays.integers(instants) < end))
            return inside_rows
        if not self._stream.reject_outside_window:
            return rows
        inside_rows = replace(rows)
        inside_rows.filter(inside(rows.table, self._stream, piece))
        return inside_rows


def unprovable(rows: int, window: Interval | None) -> Unprovable:
    """Return the error of an answer with a round number of rows, where no part of its window can be requested."""
    return Unprovable(
        f"the answer for {window} has exactly {rows} rows and may be cut off there, and no part of the window can be requested"
    )


def _log_chance(instants: npt.NDArray[np.int64], start: int, end: int) -> float:
    inside = instants[(instants >= start) & (instants <= end)]
    if not len(inside):
        return 0.0
    empty = max(int(inside.min()) - start, end - int(inside.max())) / (end - start)
    return len(inside) * math.log1p(-empty) if empty < 1 else -math.inf
