"""Prove that answers without a total were not cut off."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from airflow_betproviders.declare.interval import Interval
from airflow_betproviders.declare.pagination import FEW_ROWS, ONE_ANSWER, SHORT_ANSWER, Unprovable, like_a_cap
from airflow_betproviders.declare.stream import Stream
from airflow_betproviders.extraction.decode import arrays
from airflow_betproviders.extraction.decode.keys import Hashes
from airflow_betproviders.extraction.fetch.completeness.window_rows import PageAnswer, WindowRows, ends, inside

# Answers of one size, the greatest of a slot, that are taken for cut off without a proof of each.
_CALLED_A_CAP = 3
# Answers of one size that are proven, where the size is not one at which answers are usually cut off.
_PROOFS_OF_A_SIZE = 2
# By how small a chance several answers have one size, or leave a part of their window empty, before they are proven.
_COINCIDENCE = 0.02
_LOPSIDED = math.log(1e-6)
# Answers with fewer rows often are a single player's, and lie together in the window.
_MANY_ROWS = 50
_UNPROVABLE = (
    "the answer for {1} has exactly {0} rows and may be cut off there, and no part of the window can be asked for"
)
_PLACES = (np.min, np.max, np.median)


@dataclass(eq=False)
class SuspectedAnswer:
    """An answer that may have been cut off.

    Attributes:
        window: what was asked.
        hashes: the keys of its rows.
        bad: texts of its rows that do not fit the schema.
        pieces: windows inside it that would bring further rows if it was cut off.
        halves: whether the pieces are all of the window, so that together they have to bring every row.
        one_step: whether all rows lie in one step, which the pieces leave out, as it can't be asked for in parts.
        log_chance: logarithm of the chance that a part of the window as large as the one before the first or after the
            last row is empty.
    """

    window: Interval
    hashes: Hashes
    bad: frozenset[str]
    pieces: tuple[Interval, ...]
    halves: bool
    one_step: bool
    log_chance: float = 0.0

    @property
    def rows(self) -> int:
        """Return the number of its rows, rejected ones included."""
        return len(self.hashes) + len(self.bad)

    def contradiction(self, brought: Sequence[WindowRows]) -> str | None:
        """Say how the parts contradict the answer; None if they don't."""
        hashes = np.concatenate([rows.hashes for rows in brought if rows.hashes is not None])
        further = int((~np.isin(hashes, self.hashes)).sum())
        further += sum(row.raw not in self.bad for rows in brought for row in rows.bad)
        if further:
            return f"parts of {self.window} bring {further} rows that the window did not"
        lacking = int((~np.isin(self.hashes, hashes)).sum()) if self.halves else 0
        return f"parts of {self.window} lack {lacking} rows of the window" if lacking else None

    def as_suspect(self, brought: Sequence[WindowRows]) -> WindowRows | None:
        """Return the half that has all of the rows, and so is as suspect as the window; None where the parts prove it."""
        if not self.halves or all(rows.distinct for rows in brought):
            return None
        return max(brought, key=lambda rows: rows.distinct)


class _SlotSizes:
    """The answers of one slot that may have been cut off.

    Attributes:
        size: rows of the greatest.
        count: answers of that size.
        greatest: some of these.
        lopsided: the answer that leaves its window empty, before or after its rows, with the least chance; None where none does.
    """

    def __init__(self) -> None:
        """Begin without answers."""
        self.size = self.count = 0
        self.greatest: list[SuspectedAnswer] = []
        self.lopsided: SuspectedAnswer | None = None

    def add(self, size: int, answer: SuspectedAnswer) -> None:
        """Add an answer with so many rows."""
        if size > self.size:
            self.size, self.count, self.greatest = size, 0, []
        if size == self.size:
            self.count += 1
            if len(self.greatest) < _CALLED_A_CAP:
                self.greatest.append(answer)
        least = self.lopsided.log_chance if self.lopsided else _LOPSIDED
        if size >= _MANY_ROWS and answer.log_chance < least:
            self.lopsided = answer

    @property
    def improbable(self) -> bool:
        """Return whether so many answers of one size are improbable: counts vary by their square root."""
        return self.size > 0 and self.size ** (-0.5 * (self.count - 1)) < _COINCIDENCE


class AnswerSizes:
    """The sizes of answers without a total. A server's cap is a constant, so an answer smaller than another was not cut off.

    At the end of each slot, the answers that look cut off are proven by asking for pieces of them:

    | answer | looks cut off when |
    |---|---|
    | the greatest of the run | it is greater than any that was proven, or servers often cut off at that number of rows |
    | the greatest of the run | more answers than chance allows have exactly this many rows |
    | at least half as great as that | the rows leave a part of the window empty, at its start or end, that chance would not |

    The first line holds for a cap that stays as it was, the others for one that has come down since, or that counts bytes.

    Attributes:
        greatest: rows of the greatest answer that was seen in this run.
        proven: rows of the greatest answer that was proven, in earlier runs too.
    """

    def __init__(self, stream: Stream, proven: int = 0) -> None:
        """Begin with what earlier runs have proven."""
        self._stream = stream
        self.greatest = 0
        self.proven = proven
        self._proven_now = 0
        self._slot = _SlotSizes()

    def see(self, rows: int) -> None:
        """Note the size of any answer."""
        self.greatest = max(self.greatest, rows)

    def suspects(self, rows: int) -> bool:
        """Return whether an answer may have been cut off, by its number of rows alone."""
        if rows < max(FEW_ROWS, self.greatest) or rows <= self._proven_now:
            return False
        return rows > self.proven or like_a_cap(rows)

    def check(self, rows: WindowRows, answers: Sequence[PageAnswer]) -> None:
        """Keep an answer without a total that may have been cut off, to be proven at the end of the slot.

        Raises:
            Unprovable: it has as many rows as answers are usually cut off at, and no part of its window can be asked for.
        """
        for answer in answers:
            self.see(answer.rows)
        size = rows.distinct
        if rows.proof != SHORT_ANSWER or size < FEW_ROWS or size <= self._proven_now // 2:
            return
        suspected = self.suspected(rows)
        if suspected:
            self._slot.add(size, suspected)
        elif self.suspects(size):
            rule = self._stream.windows
            if rule and rule.splits and self._stream.time_column and like_a_cap(size):
                raise Unprovable(_UNPROVABLE.format(size, rows.window))
            rows.proof = ONE_ANSWER

    def forget_slot(self) -> None:
        """Forget the answers of a slot that is read again."""
        self._slot = _SlotSizes()

    def disproof(self, read_piece: Callable[[Interval], WindowRows]) -> tuple[int, str] | None:
        """Ask for pieces of the slot's answers that look cut off; return the rows of one that was, and what shows it, if any was.

        Raises:
            Unprovable: as `check` does.
        """
        slot, self._slot = self._slot, _SlotSizes()
        size = slot.size
        if self.suspects(size) and like_a_cap(size) and slot.count >= _CALLED_A_CAP:
            return size, f"{slot.count} answers have this many rows"
        proven: list[SuspectedAnswer] = []
        if self.suspects(size) or (size >= self.greatest and size > self._proven_now and slot.improbable):
            proven = slot.greatest if like_a_cap(size) else slot.greatest[:_PROOFS_OF_A_SIZE]
            for answer in proven:
                if problem := self._cut_off(answer, read_piece):
                    return size, problem
            self.proven, self._proven_now = max(self.proven, size), max(self._proven_now, size)
        lopsided = slot.lopsided
        if lopsided and lopsided not in proven and lopsided.rows > max(self._proven_now, self.greatest) // 2:
            problem = self._cut_off(lopsided, read_piece)
            return (lopsided.rows, problem) if problem else None
        return None

    def _cut_off(self, answer: SuspectedAnswer, read_piece: Callable[[Interval], WindowRows]) -> str | None:
        """Say what shows that an answer was cut off; None where its parts prove that it was not."""
        suspected: SuspectedAnswer | None = answer
        while suspected:
            brought = [self._inside(read_piece(piece), piece) for piece in suspected.pieces]
            if problem := suspected.contradiction(brought):
                return problem
            rest = suspected.as_suspect(brought)
            if rest is None and not suspected.one_step:
                return None
            suspected = self.suspected(rest) if rest else None
        if like_a_cap(len(answer.hashes)):
            raise Unprovable(_UNPROVABLE.format(len(answer.hashes), answer.window))
        return None

    def _inside(self, rows: WindowRows, window: Interval) -> WindowRows:
        """Leave out rows that lie outside a window by mistake: another answer may not have them."""
        if not self._stream.reject_outside_window:
            return rows
        found = replace(rows)
        found.keep(inside(rows.table, self._stream, window))
        return found

    def suspected(self, rows: WindowRows) -> SuspectedAnswer | None:
        """Return what can prove an answer, if anything can.

        Where windows are known to filter the time column and rows come in its order, that is what lies before the first
        and after the last row; else two parts of the window, which have to bring exactly its rows.
        """
        stream, window = self._stream, rows.window
        if window is None or rows.hashes is None or not stream.time_column or not stream.windows:
            return None
        steps = window.width // stream.windows.step
        if not stream.windows.splits or steps < 2:
            return None
        column, hashes = rows.table[stream.time_column], rows.hashes
        instants, (start, end) = arrays.integers(column), ends(window, column.type)
        if stream.reject_outside_window:
            kept = inside(rows.table, stream, window)
            instants, hashes = instants[kept], hashes[kept]
        places = (instants[(instants >= start) & (instants < end)] - start) * steps // (end - start)
        first, last, middle = (int(at(places)) for at in _PLACES) if len(places) else (0, steps - 1, steps // 2)
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
            log_chance=_log_chance(instants, start, end),
        )


def _log_chance(instants: npt.NDArray[np.int64], start: int, end: int) -> float:
    inside = instants[(instants >= start) & (instants <= end)]
    if not len(inside):
        return 0.0
    empty = max(int(inside.min()) - start, end - int(inside.max())) / (end - start)
    return len(inside) * math.log1p(-empty) if empty < 1 else -math.inf
