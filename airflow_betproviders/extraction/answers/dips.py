"""Find answers with far fewer rows than those before and after them: a provider may have left rows out, or all of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

Kept = TypeVar("Kept")

# A dip has less than one in so many of the rows that its neighbours would have in its window, and these have so many.
_FEWER = 3
_EXPECTED = 30
# So many dips of one slot are kept, those that lack most rows: traffic may come in bursts.
_MOST = 3


@dataclass
class _Answer(Generic[Kept]):
    kept: Kept
    rows: int
    seconds: float

    @property
    def rate(self) -> float:
        return self.rows / self.seconds


class Dips(Generic[Kept]):
    """The dips among the answers of a run, which come in order. At the end of a slot, its last answer has one neighbour."""

    def __init__(self) -> None:
        """Begin without answers."""
        self._before: float | None = None
        self._before_slot: float | None = None
        self._last: _Answer[Kept] | None = None
        self._found: list[tuple[float, Kept]] = []

    def add(self, kept: Kept, rows: int, seconds: float) -> None:
        """Add an answer with so many rows in a window of so many seconds."""
        answer = _Answer(kept, rows, seconds)
        if self._last is not None:
            self._judge(self._last, [self._before, answer.rate])
            self._before = self._last.rate
        self._last = answer

    def end_slot(self) -> Sequence[Kept]:
        """Return the dips of the slot, those first that lack most rows."""
        if self._last is not None:
            self._judge(self._last, [self._before])
            self._before, self._last = self._last.rate, None
        found = [kept for _, kept in sorted(self._found, key=lambda dip: -dip[0])]
        self._before_slot, self._found = self._before, []
        return found[:_MOST]

    def forget_slot(self) -> None:
        """Forget the answers of a slot that is read again."""
        self._before, self._last, self._found = self._before_slot, None, []

    def _judge(self, answer: _Answer[Kept], rates: Sequence[float | None]) -> None:
        known = [rate for rate in rates if rate is not None]
        expected = min(known, default=0.0) * answer.seconds
        if expected >= _EXPECTED and answer.rows * _FEWER < expected:
            self._found.append((expected - answer.rows, answer.kept))
