"""Prove that answers without a total were not cut off."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from airflow_betproviders.declare.interval import Interval
from airflow_betproviders.declare.pagination import FEW_ROWS, ONE_ANSWER, SHORT_ANSWER, Unprovable, like_a_cap
from airflow_betproviders.declare.stream import Stream
from airflow_betproviders.extraction.decode import arrays
from airflow_betproviders.extraction.decode.keys import Hashes
from airflow_betproviders.extraction.fetch.completeness.window_rows import PageAnswer, WindowRows, ends

# Answers of one size, the greatest of a slot, that are taken for cut off without a proof of each.
_CALLED_A_CAP = 3
# Answers of one size that are proven, where the size is not one at which answers are usually cut off.
_PROOFS_OF_A_SIZE = 2
_UNPROVABLE = (
    "the answer for {1} has exactly {0} rows and may be cut off there, and no part of the window can be asked for"
)
_PLACES = (np.min, np.max, np.median)


@dataclass
class SuspectedAnswer:
    """The greatest answer so far, which may have been cut off.

    Attributes:
        window: what was asked.
        hashes: the keys of its rows.
        bad: texts of its rows that do not fit the schema.
        pieces: windows inside it that would bring further rows if it was cut off.
        halves: whether the pieces are all of the window, so that together they have to bring every row.
        one_step: whether all rows lie in one step, which the pieces leave out, as it can't be asked for in parts.
    """

    window: Interval
    hashes: Hashes
    bad: frozenset[str]
    pieces: tuple[Interval, ...]
    halves: bool
    one_step: bool

    def contradiction(self, brought: Sequence[WindowRows]) -> str | None:
        """How the pieces contradict the answer; None if they don't."""
        found = [rows.hashes for rows in brought if rows.hashes is not None]
        hashes = np.concatenate(found)
        further = int((~np.isin(hashes, self.hashes)).sum())
        further += sum(row.raw not in self.bad for rows in brought for row in rows.bad)
        if further:
            return f"parts of {self.window} bring {further} rows that the whole did not"
        lacking = int((~np.isin(self.hashes, hashes)).sum()) if self.halves else 0
        return f"parts of {self.window} lack {lacking} rows of the whole" if lacking else None

    def as_suspect(self, brought: Sequence[WindowRows]) -> WindowRows | None:
        """Return the half that has all of the rows, and so is as suspect as the whole; None where the pieces prove it."""
        if not self.halves or all(rows.distinct for rows in brought):
            return None
        return max(brought, key=lambda rows: rows.distinct)


class AnswerSizes:
    """The sizes of answers that have no total: a server's cap is a constant, so what is smaller than another was not cut off.

    Only the greatest answer of a slot remains to be proven, by asking for pieces of it.

    Attributes:
        greatest: rows of the greatest answer that was seen, in earlier runs too.
        proven: rows of the greatest answer that was proven, in earlier runs too.
    """

    def __init__(self, stream: Stream, proven: int = 0) -> None:
        """Begin with what earlier runs have proven."""
        self._stream = stream
        self.greatest = self.proven = proven
        self._kept: list[SuspectedAnswer] = []
        self._size = 0

    def see(self, rows: int) -> None:
        """Note the size of any answer."""
        self.greatest = max(self.greatest, rows)

    def suspects(self, rows: int) -> bool:
        """Whether an answer with so many rows may have been cut off, by what is known so far."""
        if rows < FEW_ROWS or rows < self.greatest:
            return False
        return rows > self.proven or like_a_cap(rows)

    def check(self, rows: WindowRows, answers: Sequence[PageAnswer]) -> None:
        """Keep an answer without a total that may have been cut off, to be proven at the end of the slot.

        Raises:
            Unprovable: it has as many rows as answers are usually cut off at, and no part of its window can be asked for.
        """
        for answer in answers:
            self.see(answer.rows)
        if rows.proof != SHORT_ANSWER or not self.suspects(rows.distinct):
            return
        if suspected := self.suspected(rows):
            if rows.distinct > self._size:
                self._kept, self._size = [], rows.distinct
            self._kept.append(suspected)
            return
        rule = self._stream.windows
        if rule and rule.splits and self._stream.time_column and like_a_cap(rows.distinct):
            raise Unprovable(_UNPROVABLE.format(rows.distinct, rows.window))
        rows.proof = ONE_ANSWER

    def take(self) -> tuple[int, list[SuspectedAnswer]]:
        """Return the size and the answers of it that are to be proven, none where a greater one was seen since."""
        size, kept = self._size, self._kept if self.suspects(self._size) else []
        self._kept, self._size = [], 0
        return size, kept

    def disproof(self, read_piece: Callable[[Interval], WindowRows]) -> tuple[int, str] | None:
        """Ask for pieces of the slot's greatest answers; return their size and what shows that they were cut off, if anything.

        Raises:
            Unprovable: as `check` does.
        """
        size, suspected = self.take()
        if like_a_cap(size):
            if len(suspected) >= _CALLED_A_CAP:
                return size, f"{len(suspected)} answers have this many rows"
        else:
            suspected = suspected[:_PROOFS_OF_A_SIZE]
        for answer in suspected:
            if problem := self._cut_off(answer, read_piece):
                return size, problem
        if suspected:
            self.proven = max(self.proven, size)
        return None

    def _cut_off(self, answer: SuspectedAnswer, read_piece: Callable[[Interval], WindowRows]) -> str | None:
        """What shows that an answer was cut off; None where its pieces prove that it was not."""
        suspected: SuspectedAnswer | None = answer
        while suspected:
            brought = [read_piece(piece) for piece in suspected.pieces]
            if problem := suspected.contradiction(brought):
                return problem
            rest = suspected.as_suspect(brought)
            if rest is None and not suspected.one_step:
                return None
            suspected = self.suspected(rest) if rest else None
        if like_a_cap(len(answer.hashes)):
            raise Unprovable(_UNPROVABLE.format(len(answer.hashes), answer.window))
        return None

    def suspected(self, rows: WindowRows) -> SuspectedAnswer | None:
        """Return what can prove an answer, if anything can.

        Where windows are known to filter the time column and rows come in its order, that is what lies before the first
        and after the last row; else two parts of the window, which have to bring exactly its rows.
        """
        stream, window, hashes = self._stream, rows.window, rows.hashes
        if window is None or hashes is None or not stream.time_column or not stream.windows:
            return None
        steps = window.width // stream.windows.step
        if not stream.windows.splits or steps < 2:
            return None
        column = rows.table[stream.time_column]
        instants, (start, end) = arrays.integers(column), ends(window, column.type)
        inside = (instants[(instants >= start) & (instants < end)] - start) * steps // (end - start)
        first, last, middle = (int(at(inside)) for at in _PLACES) if len(inside) else (0, steps - 1, steps // 2)
        moves = np.diff(instants)
        in_order = bool((moves >= 0).all() or (moves <= 0).all())
        known = stream.reject_outside_window and stream.filters_time_column
        if not known or (first < last and not in_order):
            # Where it isn't known what windows filter, any border will do that has rows on both sides.
            borders = [0, min(max(middle, first + 1, 1), steps - 1), steps]
            pieces = [*pairwise(borders)]
        elif first < last:
            pieces = [(0, first + 1), (last, steps)]
        else:
            pieces = [(0, first), (last + 1, steps)]
        windows = tuple(
            Interval(
                window.start + a * stream.windows.step,
                window.start + b * stream.windows.step if b < steps else window.end,
            )
            for a, b in pieces
            if a < b
        )
        bad = frozenset(row.raw for row in rows.bad)
        return SuspectedAnswer(
            window,
            hashes,
            bad,
            windows,
            halves=len(windows) == 2 and windows[0].end == windows[1].start,
            one_step=known and first == last,
        )
