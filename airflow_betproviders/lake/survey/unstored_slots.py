"""Divide the time between stored slots into missing slots."""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from operator import attrgetter

from airflow_betproviders.declare.interval import DAY, Interval, aligned, ceiling, floor

_SECOND = timedelta(seconds=1)
_MINUTE = timedelta(minutes=1)


def unstored_slots(
    span: Interval,
    stored: Sequence[Interval],
    *,
    slot: timedelta | None = None,
    default: timedelta,
    day_start_offset: timedelta = timedelta(0),
) -> Iterator[Interval]:
    """Divide the time that is not stored into slots as wide as their stored neighbours.

    Args:
        span: the time of interest; both ends are rounded outwards to slots.
        stored: the stored slots in and around it, in order of time, without overlap.
        slot: width of the slots.
        default: width where nothing is stored around.
        day_start_offset: time past midnight UTC at which the stream's day begins.

    Yields:
        Slots in order of time. Their width divides a day and is the first that fits: ``slot``, the width of the stored
        slot before, of the one after, ``default``; else the widest that fits.
    """
    first_inside = bisect_right(stored, span.start, key=attrgetter("end"))
    first_after = bisect_left(stored, span.end, key=attrgetter("start"))
    before = stored[first_inside - 1] if first_inside else None
    after = stored[first_after] if first_after < len(stored) else None
    for left, right in pairwise([before, *stored[first_inside:first_after], after]):
        if left is not None and right is not None and left.end == right.start:
            continue
        first, last = left.end if left is not None else None, right.start if right is not None else None
        start, end = max(span.start, first or span.start), min(span.end, last or span.end)
        if start < end:
            widths = [
                width
                for width in (slot, _width(left, day_start_offset), _width(right, day_start_offset), default)
                if width
            ]
            yield from _divide(Interval(start, end), (first, last), widths, day_start_offset)


def _divide(
    gap: Interval,
    limits: tuple[datetime | None, datetime | None],
    widths: Sequence[timedelta],
    day_start_offset: timedelta,
) -> Iterator[Interval]:
    for width in [*widths, _divisor(min(widths), limits, day_start_offset)]:
        start, end = floor(gap.start, width, day_start_offset), ceiling(gap.end, width, day_start_offset)
        if width >= _MINUTE and start >= (limits[0] or start) and end <= (limits[1] or end):
            yield from (Interval(start + i * width, start + (i + 1) * width) for i in range((end - start) // width))
            return
    yield gap  # next to an object that is no slot of this package


def _divisor(width: timedelta, edges: Iterable[datetime | None], day_start_offset: timedelta) -> timedelta:
    """Return the widest slot that divides a width and has every edge on a slot boundary."""
    offsets = ((edge - floor(edge, width, day_start_offset)) // _SECOND for edge in edges if edge is not None)
    return math.gcd(width // _SECOND, *offsets) * _SECOND


def _width(interval: Interval | None, day_start_offset: timedelta) -> timedelta | None:
    """Return the width of a stored slot, or None where slots cannot have it."""
    if interval is None or DAY % interval.width or interval.width % _MINUTE:
        return None
    return interval.width if aligned(interval.start, interval.width, day_start_offset) else None
