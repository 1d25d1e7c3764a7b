"""Describe an answer that may have been cut off, and the pieces of its window that can prove it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from airflow_betproviders.declare.interval import Interval
from airflow_betproviders.extraction.answers.keys import Hashes, without
from airflow_betproviders.extraction.answers.window_rows import WindowRows


@dataclass(eq=False)
class SuspectedAnswer:
    """An answer that may have been cut off, and the pieces of its window that can prove it.

    Attributes:
        window: the requested window.
        rows: number of its rows as the provider counts them: rejected ones, and those that come twice, included.
        hashes: hashes of its rows' keys.
        rejected: texts of its rows that do not fit the schema.
        pieces: windows inside it that would bring further rows if it was cut off.
        halves: whether the pieces cover the window, so that together they have to bring every row.
        one_step: whether all rows lie in one step, which can't be requested in parts. The pieces leave it out.
        log_chance: logarithm of the chance that a part of the window as large as the one before the first or after the
            last row is empty.
        bytes: size of the answer; of its last page, where it has several.
        rest: the piece in which rows after its last one would lie; None unless rows come oldest first or newest first.
    """

    window: Interval
    rows: int
    hashes: Hashes
    rejected: frozenset[str]
    pieces: tuple[Interval, ...]
    halves: bool
    one_step: bool
    log_chance: float = 0.0
    bytes: int = 0
    rest: Interval | None = None

    def contradiction(self, brought: Sequence[WindowRows]) -> str | None:
        """Say how the rows of the pieces contradict the answer; None if they don't."""
        hashes = np.concatenate([rows.hashes for rows in brought if rows.hashes is not None])
        further = len(without(hashes, self.hashes))
        further += sum(row.raw not in self.rejected for rows in brought for row in rows.rejected)
        if further:
            return f"parts of {self.window} bring {further} rows that the window did not"
        lacking = len(without(self.hashes, hashes)) if self.halves else 0
        return f"parts of {self.window} lack {lacking} rows of the window" if lacking else None

    def as_suspect(self, brought: Sequence[WindowRows]) -> WindowRows | None:
        """Return the half that has all rows, so that it may be cut off as the window may; None where both halves have rows."""
        if not self.halves or all(rows.distinct for rows in brought):
            return None
        return max(brought, key=lambda rows: rows.distinct)
