"""Collect the answers of one slot that may have been cut off, and compare their sizes with what chance would give."""

from __future__ import annotations

import math
from collections import Counter

from airflow_betproviders.declare.pagination import is_likely_cap
from airflow_betproviders.extraction.fetch.truncation.suspected_answer import SuspectedAnswer

# So many answers of a slot's greatest size, a round one, are taken for cut off without further calls.
CALLED_A_CAP = 3
# So many of a slot's largest answers by bytes are kept to be proven.
_HEAVIEST = 8
# Answers of one size are proven if chance makes so many of them with less than this probability,
_COINCIDENCE = 0.02
# and an answer that leaves its window's start or end empty, if chance does so with less than this (as a logarithm).
_UNLIKELY_GAP = math.log(1e-6)
# The rows of a smaller answer are often a single player's and lie close together, so an empty part of the window shows nothing.
_MANY_ROWS = 50


class SlotSizes:
    """Collect the answers of one slot that may have been cut off.

    Attributes:
        size: rows of the greatest answer.
        count: number of answers of that size.
        greatest: the first of these answers, at most `CALLED_A_CAP`.
        counts: how many answers have each number of rows.
        samples: one answer of each number of rows.
        heaviest: the largest by their bytes, largest first.
        least_likely: the answer whose empty start or end of the window is the least likely; None where none is unlikely.
    """

    def __init__(self) -> None:
        """Begin without answers."""
        self.size = self.count = 0
        self.greatest: list[SuspectedAnswer] = []
        self.counts: Counter[int] = Counter()
        self.samples: dict[int, SuspectedAnswer] = {}
        self.heaviest: list[SuspectedAnswer] = []
        self.least_likely: SuspectedAnswer | None = None

    def add_rows(self, size: int, answer: SuspectedAnswer) -> None:
        """Add an answer that may have been cut off at its number of rows."""
        if size > self.size:
            self.size, self.count, self.greatest = size, 0, []
        if size == self.size:
            self.count += 1
            if len(self.greatest) < CALLED_A_CAP:
                self.greatest.append(answer)
        self.counts[size] += 1
        self.samples.setdefault(size, answer)
        least = self.least_likely.log_chance if self.least_likely else _UNLIKELY_GAP
        if size >= _MANY_ROWS and answer.log_chance < least:
            self.least_likely = answer

    def add_bytes(self, answer: SuspectedAnswer) -> None:
        """Add an answer that may have been cut off at its bytes."""
        self.heaviest = sorted([*self.heaviest, answer], key=lambda heavy: -heavy.bytes)[:_HEAVIEST]

    @property
    def improbable(self) -> bool:
        """Return whether chance hardly makes so many answers of the greatest size: counts vary by their square root."""
        return self.size > 0 and self.size ** (-0.5 * (self.count - 1)) < _COINCIDENCE

    @property
    def improbable_others(self) -> list[SuspectedAnswer]:
        """Return one answer of each smaller size that chance hardly gives to so many answers of the slot."""
        seen = self.counts.total()
        return [
            self.samples[size]
            for size, count in self.counts.items()
            if size < self.size
            and count > 1
            and (
                (count >= CALLED_A_CAP and is_likely_cap(size))
                or _log_chance(seen, count, size) < math.log(_COINCIDENCE)
            )
        ]


def _log_chance(seen: int, count: int, size: int) -> float:
    """Return the logarithm of the chance that so many of the answers seen have this size."""
    choices = math.lgamma(seen + 1) - math.lgamma(count + 1) - math.lgamma(seen - count + 1)
    return choices - 0.5 * (count - 1) * math.log(size)
