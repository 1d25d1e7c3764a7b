"""Find answers with far fewer rows than those before and after them: a provider may have left out some rows, or all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")

# An answer is sparse if its neighbours' rates predict at least so many rows for its window,
_EXPECTED = 30
# and more than so many times the rows that it has.
_FEWER = 3
# Only so many of a slot are returned, those that lack most rows: where traffic comes in bursts, many answers are sparse.
_MOST = 3


@dataclass
class _Answer(Generic[T]):
    item: T
    rows: int
    seconds: float

    @property
    def rate(self) -> float:
        return self.rows / self.seconds


class SparseAnswers(Generic[T]):
    """Compare the answers of a run, in order, each with the one before and the one after it.

    The last answer of a slot is compared with the one before it only.
    """

    def __init__(self) -> None:
        """Begin without answers."""
        self._rate_before: float | None = None
        self._rate_before_slot: float | None = None
        self._last: _Answer[T] | None = None
        self._found: list[tuple[float, T]] = []

    def add(self, item: T, rows: int, seconds: float) -> None:
        """Add an answer.

        Args:
            item: what `end_slot` returns if the answer is sparse.
            rows: its rows.
            seconds: the length of its window.
        """
        answer = _Answer(item, rows, seconds)
        if self._last is not None:
            self._compare(self._last, [self._rate_before, answer.rate])
            self._rate_before = self._last.rate
        self._last = answer

    def end_slot(self) -> Sequence[T]:
        """Return the items of the slot's sparse answers, first the one that lacks most rows."""
        if self._last is not None:
            self._compare(self._last, [self._rate_before])
            self._rate_before, self._last = self._last.rate, None
        items = [item for _, item in sorted(self._found, key=lambda sparse: -sparse[0])]
        self._rate_before_slot, self._found = self._rate_before, []
        return items[:_MOST]

    def forget_slot(self) -> None:
        """Forget the answers of a slot that is read again."""
        self._rate_before, self._last, self._found = self._rate_before_slot, None, []

    def _compare(self, answer: _Answer[T], rates: Sequence[float | None]) -> None:
        """Note an answer if it is sparse by the lower of its neighbours' rates, in rows a second."""
        known = [rate for rate in rates if rate is not None]
        expected = min(known, default=0.0) * answer.seconds
        if expected >= _EXPECTED and answer.rows * _FEWER < expected:
            self._found.append((expected - answer.rows, answer.item))
