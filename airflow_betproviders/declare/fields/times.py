"""Declare kinds of times: counts since 1970, ISO 8601, and anything that ``strptime`` reads.

Columns are UTC, in milliseconds unless a kind says ``precision="us"``. A time with more digits is truncated to the column's
unit, never rounded up: it must not leave its window.
"""

from __future__ import annotations

import decimal
import re
from abc import abstractmethod
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, timezone
from typing import Any

from airflow_betproviders.declare.fields.base import ArrowType, Kind, OddValue, Rounded, quoted
from airflow_betproviders.declare.fields.json_text import MAX_NUMBER
from airflow_betproviders.declare.fields.scalars import exact_number

UNITS = {"s": 0, "ms": 3, "us": 6, "ns": 9}  # as powers of ten of a second
FIRST_SECOND, END_SECOND = 0, 253_402_300_800  # the years 1970 to 9999
_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - wall clock
_EXACT = decimal.Context(prec=300, rounding=decimal.ROUND_FLOOR)
_ISO = re.compile(
    r"(\d{4}-\d\d-\d\d)(?:[T ](\d\d)(?::(\d\d)(?::(\d\d)(?:\.(\d+))?)?)?(?:(Z)|([+-](?:[01]\d|2[0-3]))(?::?([0-5]\d))?)?)?",
    re.ASCII,
)


@dataclass(frozen=True, kw_only=True)
class TimeKind(Kind):
    """Base of all kinds of times. A subclass says what instant a value is.

    Attributes:
        precision: the column's unit, ``ms`` or ``us``.
    """

    precision: str = "ms"

    @property
    def arrow(self) -> ArrowType:
        """Return a timestamp type in UTC."""
        return ("timestamp", self.precision, "UTC")

    @property
    def wire(self) -> ArrowType:
        """Return a text type."""
        return ("string",)

    @abstractmethod
    def seconds(self, value: Any, utc_offset: timedelta) -> decimal.Decimal:
        """Return the exact seconds since 1970, UTC.

        Raises:
            OddValue: it is no time of this kind.
        """

    def coerce(self, value: Any, utc_offset: timedelta) -> str:
        """Read a time of the years 1970 to 9999, truncated to the column's unit."""
        seconds = self.seconds(value, utc_offset)
        if not FIRST_SECOND <= seconds < END_SECOND:
            raise OddValue(f"{quoted(value)} is out of range: not in the years 1970 to 9999")
        places = UNITS[self.precision]
        truncated = seconds.quantize(decimal.Decimal(1).scaleb(-places), context=_EXACT)
        wall = _EPOCH + timedelta(microseconds=int(truncated.scaleb(6)))
        text = f'"{wall.isoformat(" ", "milliseconds" if places == 3 else "microseconds")}"'
        return text if truncated == seconds else Rounded(text)


@dataclass(frozen=True)
class Epoch(TimeKind):
    """A count since 1970, UTC, in ``s``, ``ms``, ``us`` or ``ns``."""

    unit: str

    @property
    def wire(self) -> ArrowType:
        """Return an integer type."""
        return ("int64",)

    def seconds(self, value: Any, utc_offset: timedelta) -> decimal.Decimal:  # noqa: ARG002 - as every kind
        """Read the count."""
        return exact_number(value, "a time as a number").scaleb(-UNITS[self.unit], _EXACT)


@dataclass(frozen=True)
class IsoTime(TimeKind):
    """``2026-11-20T05:00:00.123Z`` and its like: with ``T`` or a blank, with or without fraction and zone.

    Attributes:
        offset: the offset from UTC of times without a zone; None for the account's.
    """

    offset: timedelta | None = timedelta(0)

    @property
    def wire(self) -> ArrowType:
        """Return the type of the column, so that `pyarrow.json` reads the time; a text type if there is an offset to add."""
        return self.arrow if self.offset == timedelta(0) else ("string",)

    def seconds(self, value: Any, utc_offset: timedelta) -> decimal.Decimal:
        """Read the text."""
        text = plain_text(value)
        match = _ISO.fullmatch(text)
        if not match:
            raise OddValue(f"expected a time such as 2026-11-20 05:00:00, got {quoted(value)}")
        day, hour, minute, second, fraction, utc, hours, minutes = match.groups()
        try:
            wall = datetime.combine(date.fromisoformat(day), time(int(hour or 0), int(minute or 0), int(second or 0)))
        except ValueError:
            raise OddValue(f"there is no such time as {quoted(value)}") from None
        offset = utc_offset if self.offset is None else self.offset
        if utc:
            offset = timedelta(0)
        elif hours:
            offset = timedelta(hours=int(hours), minutes=int(hours[0] + (minutes or "0")))
        return _EXACT.add(_seconds(wall, offset), decimal.Decimal(f"0.{fraction or 0}"))


@dataclass(frozen=True)
class StrptimeTime(TimeKind):
    """Text of one format of ``datetime.strptime``, in a fixed offset.

    Attributes:
        format: such as ``%d-%m-%Y %H:%M:%S``; ``%f`` reads up to six decimals, ``%z`` an offset of the value's own.
        offset: the offset from UTC of times without one; None for the account's.
    """

    format: str
    offset: timedelta | None = None

    @property
    def numeric(self) -> bool:
        """Return whether the format has numbers of fixed width only, so that each time is written in one way."""
        return set(re.findall(r"%(.)", self.format)) <= set("YmdHMS")

    def seconds(self, value: Any, utc_offset: timedelta) -> decimal.Decimal:
        """Read the text."""
        text = plain_text(value)
        try:
            wall = datetime.strptime(text, self.format)  # noqa: DTZ007 - the offset is known
        except ValueError:
            wall = None
        if wall is None or (self.numeric and wall.strftime(self.format) != text):
            raise OddValue(f"expected a time such as {_SAMPLE.strftime(self.format)}, got {quoted(value)}")
        offset = wall.utcoffset()
        if offset is None:
            offset = utc_offset if self.offset is None else self.offset
        return _seconds(wall.replace(tzinfo=None), offset)


_SAMPLE = datetime(2026, 11, 20, 5, tzinfo=timezone.utc)


def plain_text(value: Any) -> str:
    """Return a text without blanks around it.

    Raises:
        OddValue: it is no text, or is longer than `MAX_NUMBER` characters.
    """
    if not isinstance(value, str) or len(value) > MAX_NUMBER:
        raise OddValue(f"expected a time, got {quoted(value)}")
    return str(value).strip()


def _seconds(wall: datetime, offset: timedelta) -> decimal.Decimal:
    """Return the exact seconds since 1970 of a wall clock; it may lie beyond what a datetime holds."""
    microsecond = timedelta(microseconds=1)
    return decimal.Decimal((wall - _EPOCH) // microsecond - offset // microsecond).scaleb(-6)
