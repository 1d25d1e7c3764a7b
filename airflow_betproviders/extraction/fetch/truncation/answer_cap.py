"""Describe the number of rows or bytes at which a provider cuts answers off."""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True)
class AnswerCap:
    """The size at which a provider cuts answers off, as far as one answer shows it.

    Attributes:
        rows: rows of the answer.
        bytes: bytes of the answer.
        row_bytes: bytes of the largest row seen.
        counts_rows: whether the provider may limit rows.
        counts_bytes: whether the provider may limit bytes.
        reason: what shows that the answer was cut off.
    """

    rows: int
    bytes: int
    row_bytes: int
    counts_rows: bool
    counts_bytes: bool
    reason: str

    def __str__(self) -> str:
        """Name the cap for a message."""
        return f"{self.rows} rows" if self.counts_rows else f"some {self.bytes} bytes"

    def cuts(self, rows: int, size: int) -> bool:
        """Return whether an answer with so many rows and bytes may have been cut off there."""
        return (self.counts_rows and rows >= self.rows) or (self.counts_bytes and size + self.row_bytes > self.bytes)

    def after(self, rows: int, size: int) -> AnswerCap | None:
        """Return the cap as far as an answer with so many rows and bytes leaves it possible; None if it disproves the cap."""
        by_rows = self.counts_rows and rows <= self.rows
        by_bytes = self.counts_bytes and size < self.bytes + self.row_bytes
        return replace(self, counts_rows=by_rows, counts_bytes=by_bytes) if by_rows or by_bytes else None

    @property
    def most_rows(self) -> int:
        """Return the most rows that an answer likely has without being cut off."""
        fitting = (self.bytes - self.row_bytes) * self.rows // max(1, self.bytes) if self.counts_bytes else self.rows
        return max(1, min(fitting, self.rows) - 1)
