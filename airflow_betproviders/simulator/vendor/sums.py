"""Add up the amounts of a vendor's report."""

from __future__ import annotations

from decimal import Decimal

Sums = tuple[Decimal, ...]
"""One total for each column of a report, in the report's own order."""


def add_sums(earlier: Sums | None, more: Sums) -> Sums:
    """Return the totals of both, column by column; ``earlier`` is None where a group has no totals yet."""
    return more if earlier is None else tuple(a + b for a, b in zip(earlier, more, strict=True))
