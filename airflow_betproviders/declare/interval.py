"""Define half-open UTC intervals, and split them into slots."""

from __future__ import annotations

import re
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone
from functools import cached_property

from airflow_betproviders.exceptions import InvalidArgument

DAY = timedelta(days=1)
_FIRST_DAY = datetime.min.replace(tzinfo=timezone.utc)
_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
_NAME = "%Y%m%dT%H%M%SZ"
_NAMED = re.compile(r"[0-9]{8}T[0-9]{6}Z-[0-9]{8}T[0-9]{6}Z")
_UNITS = {"s": "seconds", "m": "minutes", "min": "minutes", "h": "hours", "d": "days"}
_YEARS = range(1970, 9999)  # further back or ahead, a zone, a lag or a lookback would leave what a datetime holds
_LONGEST = timedelta(days=36_500)
_MOST_SLOTS = 1_000_000  # more would fill a worker's memory


@dataclass(frozen=True, order=True)
class Interval:
    """A half-open interval, ``start <= t < end``. Both ends are aware, and converted to UTC."""

    start: datetime
    end: datetime

    def __post_init__(self) -> None:
        """Convert both ends to UTC; refuse naive ends and empty intervals."""
        for name in ("start", "end"):
            value = getattr(self, name)
            if type(value) is datetime and value.tzinfo is timezone.utc:
                continue
            if value.tzinfo is None:
                raise InvalidArgument(
                    f"{name}={value.isoformat()} has no time zone. Give an aware datetime, "
                    f"e.g. {value.isoformat()}+00:00."
                )
            object.__setattr__(self, name, _plain(value))
        if self.start >= self.end:
            raise InvalidArgument(
                f"start {self.start.isoformat()} is not before end {self.end.isoformat()}. Correct one of them."
            )

    @property
    def width(self) -> timedelta:
        """Return the time from start to end."""
        return self.end - self.start

    def overlaps(self, other: Interval) -> bool:
        """Return whether the two intervals have an instant in common."""
        return self.start < other.end and other.start < self.end

    def contains(self, other: Interval) -> bool:
        """Return whether the other interval lies within this one."""
        return self.start <= other.start and other.end <= self.end

    def without(self, others: Iterable[Interval]) -> list[Interval]:
        """Return the parts of this interval that lie in none of the others, in order of time."""
        left, at = [], self.start
        for other in sorted(others):
            if at < min(other.start, self.end):
                left.append(Interval(at, min(other.start, self.end)))
            at = max(at, other.end)
        return [*left, Interval(at, self.end)] if at < self.end else left

    @cached_property
    def texts(self) -> tuple[str, str]:
        """Return both ends as ISO 8601 text, as receipts have them."""
        return self.start.isoformat(), self.end.isoformat()

    @property
    def name(self) -> str:
        """Return the name of a slot's object, without its suffix: ``20261120T050000Z-20261120T060000Z``."""
        return f"{self.start:{_NAME}}-{self.end:{_NAME}}"

    @classmethod
    def from_name(cls, name: str) -> Interval | None:
        """Parse the name of a slot's object; None for any other name."""
        if not _NAMED.fullmatch(name):
            return None
        try:
            start, end = (_instant(part) for part in name.split("-"))
        except ValueError:
            return None
        return cls(start, end) if start < end and start.year in _YEARS and end.year in _YEARS else None

    @property
    def days(self) -> tuple[date, ...]:
        """Return the UTC dates on which a slot that overlaps this one can start (a slot is at most a day long)."""
        first = (max(self.start, _FIRST_DAY + DAY) - DAY).date()
        last = (self.end - timedelta(microseconds=1)).date()
        return tuple(first + i * DAY for i in range((last - first).days + 1))

    def __str__(self) -> str:
        """Return the interval as text: ``[2026-11-20T05:00:00Z, 2026-11-20T06:00:00Z)``."""
        return f"[{self.start:%Y-%m-%dT%H:%M:%SZ}, {self.end:%Y-%m-%dT%H:%M:%SZ})"


def parse_instant(name: str, value: object) -> datetime | None:
    """Read an instant: a datetime, or ISO 8601 text; None where it is empty.

    Raises:
        InvalidArgument: it is neither, has nanoseconds, or is not in the years 1970 to 9998; the message names the argument.
    """
    if value is None or (isinstance(value, str) and value in {"", "None"}):
        return None
    try:
        instant = value if isinstance(value, datetime) else datetime.fromisoformat(_iso(value))
    except ValueError:
        raise InvalidArgument(
            f"{name}={value!r} is not a time. Write ISO 8601 with a zone, e.g. 2026-11-20T05:00:00+00:00."
        ) from None
    check_year(name, instant)
    if getattr(instant, "nanosecond", 0):  # of pandas; a datetime would drop them
        raise InvalidArgument(f"{name}={instant.isoformat()} has nanoseconds. Give whole microseconds.")
    return instant


def check_year(name: str, instant: datetime) -> None:
    """Refuse a time outside the years 1970 to 9998.

    Raises:
        InvalidArgument: the message names the argument.
    """
    if instant.year not in _YEARS:
        raise InvalidArgument(f"{name}={instant.isoformat()} must be in the years {_YEARS[0]} to {_YEARS[-1]}.")


def parse_duration(name: str, value: object) -> timedelta:
    """Read a duration: a timedelta, or text such as ``15m``, ``1h`` or ``1d``; units are s, m, h and d.

    Raises:
        InvalidArgument: it is neither, is negative, or is longer than a hundred years; the message names the argument.
    """
    duration = value if isinstance(value, timedelta) else None
    match = re.fullmatch(r"\s*(\d{1,12})\s*([a-z]+)\s*", value, re.ASCII) if isinstance(value, str) else None
    if match and match[2] in _UNITS:
        with suppress(OverflowError):
            duration = timedelta(**{_UNITS[match[2]]: int(match[1])})
    if duration is not None and timedelta(0) <= duration <= _LONGEST:
        return duration
    raise InvalidArgument(f"{name}={value!r} is not a duration. Write a number and a unit: 15m, 1h, 1d.")


def duration_text(duration: timedelta) -> str:
    """Write a duration as `parse_duration` reads it, in the largest unit that leaves no remainder: ``90m``, ``1h``."""
    for unit, text in ((DAY, "d"), (timedelta(hours=1), "h"), (timedelta(minutes=1), "m"), (timedelta(seconds=1), "s")):
        if not duration % unit:
            return f"{duration // unit}{text}"
    return f"{duration.total_seconds():g}s"


def aligned(instant: datetime, step: timedelta, day_start_offset: timedelta = timedelta(0)) -> bool:
    """Return whether the instant lies on the grid of steps that starts ``day_start_offset`` past midnight UTC."""
    return (instant - _EPOCH - day_start_offset) % step == timedelta(0)


def floor(instant: datetime, step: timedelta, day_start_offset: timedelta = timedelta(0)) -> datetime:
    """Round the instant down to the grid of steps that starts ``day_start_offset`` past midnight UTC."""
    return instant - (instant - _EPOCH - day_start_offset) % step


def ceiling(instant: datetime, step: timedelta, day_start_offset: timedelta = timedelta(0)) -> datetime:
    """Round the instant up to the grid of steps that starts ``day_start_offset`` past midnight UTC."""
    return instant + (_EPOCH + day_start_offset - instant) % step


def check_slot(slot: timedelta) -> None:
    """Refuse a width that slots cannot have.

    Raises:
        InvalidArgument: it does not divide a day, or is not a number of minutes.
    """
    if slot <= timedelta(0) or DAY % slot or slot % timedelta(minutes=1):
        raise InvalidArgument(
            f"slot {duration_text(slot)} does not divide a day into equal parts of minutes. Use 15m, 30m, 1h, 6h or 1d."
        )


def check_slot_count(interval: Interval, slot: timedelta) -> None:
    """Refuse an interval of more than a million slots, such as one that ends in the year 9998.

    Raises:
        InvalidArgument: the message has the interval and the number.
    """
    if interval.width // slot > _MOST_SLOTS:
        raise InvalidArgument(
            f"{interval} has {interval.width // slot} slots of {duration_text(slot)}, more than {_MOST_SLOTS}. Give a start and "
            "an end that are closer, or a longer slot."
        )


def slots(interval: Interval, slot: timedelta, day_start_offset: timedelta = timedelta(0)) -> tuple[Interval, ...]:
    """Split the interval into slots, the unit of storage.

    Args:
        interval: both ends lie on slot boundaries.
        slot: a width that divides a day, in minutes.
        day_start_offset: time past midnight UTC at which the provider's day begins (4 h for the daily reports of JDB).
    """
    check_slot(slot)
    check_slot_count(interval, slot)
    for name, instant in (("start", interval.start), ("end", interval.end)):
        if not aligned(instant, slot, day_start_offset):
            raise InvalidArgument(
                f"{name} {instant.isoformat()} is not on a boundary of {duration_text(slot)} slots"
                f"{f' counted from {day_start_offset} UTC' if day_start_offset else ''}. Give an interval and a lookback that consist of slots, or a slot that "
                "divides them. A manual run with an odd logical date often causes this."
            )
    count = interval.width // slot
    return tuple(Interval(interval.start + i * slot, interval.start + (i + 1) * slot) for i in range(count))


def _plain(instant: datetime) -> datetime:
    """Return an instant as Python's own datetime in UTC: Airflow gives pendulum's, whose differences no timedelta divides."""
    at = instant.astimezone(timezone.utc)
    return datetime(at.year, at.month, at.day, at.hour, at.minute, at.second, at.microsecond, timezone.utc)


def _iso(value: object) -> str:
    """Return text of ISO 8601 as Python 3.10 reads it, which knows no ``Z``."""
    text = str(value).strip()
    return f"{text[:-1]}+00:00" if text[-1:] in ("Z", "z") else text


def _instant(text: str) -> datetime:
    """Parse an instant in the form of `_NAME`. strptime would take most of the time that listing a large lake takes."""
    return datetime.fromisoformat(f"{text[:4]}-{text[4:6]}-{text[6:11]}:{text[11:13]}:{text[13:15]}+00:00")
