"""What no stored slot holds, cut into slots that fit between those that are stored."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from itertools import pairwise

from airflow_betproviders.declare.interval import DAY, Interval, aligned, ceiling, floor

_SECOND = timedelta(seconds=1)
_MINUTE = timedelta(minutes=1)


def gaps(
    span: Interval,
    held: Sequence[Interval],
    *,
    slot: timedelta | None = None,
    default: timedelta,
    origin: timedelta = timedelta(0),
) -> Iterator[Interval]:
    """Cut what is not stored into slots, as wide as those around it.

    Args:
        span: where to look; both ends are moved outwards to the border of a slot.
        held: the stored slots in and around it, none over another, in order of time.
        slot: how wide the slots should be.
        default: how wide they are where nothing is stored around.
        origin: time past midnight UTC at which the stream's day begins.

    Yields:
        Slots of a width that divides a day, on its borders, in order of time: of ``slot``, the widths of the stored ones
        before and after, and ``default`` the first that fits; else the widest that does.
    """
    before: list[Interval | None] = [interval for interval in held if interval.end <= span.start]
    inside = [interval for interval in held if interval.overlaps(span)]
    after: list[Interval | None] = [interval for interval in held if interval.start >= span.end]
    for left, right in pairwise([*(before[-1:] or [None]), *inside, *(after[:1] or [None])]):
        first, last = left.end if left is not None else None, right.start if right is not None else None
        start, end = max(span.start, first or span.start), min(span.end, last or span.end)
        if start < end:
            widths = [width for width in (slot, _width(left, origin), _width(right, origin), default) if width]
            yield from _cut(Interval(start, end), (first, last), widths, origin)


def _cut(
    gap: Interval, walls: tuple[datetime | None, datetime | None], widths: Sequence[timedelta], origin: timedelta
) -> Iterator[Interval]:
    for width in [*widths, _divisor(min(widths), walls, origin)]:
        start, end = floor(gap.start, width, origin), ceiling(gap.end, width, origin)
        if width >= _MINUTE and start >= (walls[0] or start) and end <= (walls[1] or end):
            yield from (Interval(start + i * width, start + (i + 1) * width) for i in range((end - start) // width))
            return
    yield gap  # beside an object that is no slot of this package


def _divisor(width: timedelta, edges: Iterable[datetime | None], origin: timedelta) -> timedelta:
    """The widest divisor of a width on whose borders all edges lie."""
    offsets = ((edge - floor(edge, width, origin)) // _SECOND for edge in edges if edge is not None)
    return math.gcd(width // _SECOND, *offsets) * _SECOND


def _width(interval: Interval | None, origin: timedelta) -> timedelta | None:
    """The width of a stored slot, if it is one that slots are cut to."""
    if interval is None or DAY % interval.width or interval.width % _MINUTE:
        return None
    return interval.width if aligned(interval.start, interval.width, origin) else None
