"""Window ends and offsets of local time, for the questions that vendors' documents leave open."""

from __future__ import annotations

from datetime import timedelta, timezone

WINDOWS = ("[)", "[]", "(]")


def window(ends: str, start: int, end: int, unit: int) -> tuple[int, int]:
    """Return a window as a half-open range of milliseconds.

    Args:
        ends: One of ``WINDOWS``.
        start: Epoch milliseconds.
        end: Epoch milliseconds.
        unit: Milliseconds in the column's least step. An included end extends the range by it.
    """
    return start + (unit if ends[0] == "(" else 0), end + (unit if ends[1] == "]" else 0)


def fixed_offset(text: str) -> timezone:
    """Return the zone of an offset such as ``-04:00``."""
    offset = timedelta(hours=int(text[1:3]), minutes=int(text[4:6]))
    return timezone(-offset if text[0] == "-" else offset)
