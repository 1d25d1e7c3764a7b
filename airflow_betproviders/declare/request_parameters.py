"""Declare how times and filters are written in a request, and how often requests may be made."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from operator import index
from typing import Any, TypeAlias


@dataclass(frozen=True)
class EpochParam:
    """Write instants as a count of units since 1970, as a number or as text."""

    per_second: int
    text: bool = False

    def __call__(self, instant: datetime, _utc_offset: timedelta) -> int | str:
        """Format the instant as the parameter's value."""
        count = round(instant.timestamp() * self.per_second)
        return str(count) if self.text else count


@dataclass(frozen=True)
class WallParam:
    """Write instants as local time in text, in UTC, in a fixed offset, or (``offset=None``) in the account's offset."""

    format: str
    offset: timedelta | None = timedelta(0)

    def __call__(self, instant: datetime, utc_offset: timedelta) -> str:
        """Format the instant as the parameter's value."""
        zone = timezone(utc_offset if self.offset is None else self.offset)
        return instant.astimezone(zone).strftime(self.format)


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Limits on the calls to a provider.

    Attributes:
        spacing: least time between two calls that do not turn a page.
        page_spacing: least time between any call and one that turns a page; default `spacing`.
        quota: the most calls within any period of a length, e.g. ``(5, timedelta(hours=1))`` for five calls an hour.
        pages_count: whether calls that turn a page count in the quota.
    """

    spacing: timedelta = timedelta(0)
    page_spacing: timedelta | None = None
    quota: tuple[int, timedelta] | None = None
    pages_count: bool = True

    @property
    def shortest_spacing(self) -> timedelta:
        """Return the least time between any two calls."""
        return self.spacing if self.page_spacing is None else min(self.page_spacing, self.spacing)

    @property
    def sequential(self) -> bool:
        """Return whether calls must not overlap."""
        return bool(self.spacing or self.quota)

    def counts(self, *, page: bool) -> bool:
        """Return whether a call counts in the quota."""
        return self.quota is not None and (self.pages_count or not page)

    def __str__(self) -> str:
        """Return the limits for a message."""
        parts = [f"one call in {self.spacing.total_seconds():g} s"] if self.spacing else []
        if self.quota:
            calls, period = self.quota
            pages = "" if self.pages_count else ", pages not counted"
            parts.append(f"{calls} calls in {period.total_seconds() / 60:g} minutes{pages}")
        return ", ".join(parts) or "none"


TimeParam: TypeAlias = EpochParam | WallParam


@dataclass(frozen=True, kw_only=True)
class Filter:
    """A request parameter of the provider that narrows a stream.

    Attributes:
        type: `int`, `str`, or `list` of integers.
        required: whether the provider refuses a call without it.
        choices: the allowed values, if the document lists them.
        empty_means_all: whether an empty list selects everything, as no filter does.
        all_value: the value that selects everything, as no filter does; None if there is none.
        column: the column that the filter selects by, if the document makes it clear; None if rows do not show it. A row with
            another value is stored, with a warning.
    """

    type: type
    required: bool = False
    choices: tuple[Any, ...] = ()
    empty_means_all: bool = False
    all_value: Any = None
    column: str | None = None

    @property
    def wanted(self) -> str:
        """Return a description of valid values, to follow "must be"."""
        if self.choices:
            return f"one of {self.choices}"
        if self.type is list:
            return "a list of integers" if self.empty_means_all else "a list of integers, not empty"
        return {
            str: "text, not empty or None, without blanks around it or control characters",
            int: "an integer",
        }.get(self.type, f"of type {self.type.__name__}")

    def normalise(self, value: Any) -> Any:
        """Normalise a value: a list is sorted, without duplicates. Return None for a value that selects everything.

        Raises:
            ValueError: the value is not `wanted`.
        """
        if self.type is list:
            numbers = (
                [_integer(item) for item in value] if isinstance(value, list | tuple | set | frozenset) else [None]
            )
            integers = {number for number in numbers if number is not None}
            if None not in numbers and (integers or self.empty_means_all):
                return sorted(integers) or None
        else:
            fitting = _integer(value) if self.type is int else _text(value) if self.type is str else value
            if isinstance(fitting, self.type) and (not self.choices or fitting in self.choices):
                return None if fitting == self.all_value else fitting
        raise ValueError(self.wanted)

    def selects(self, value: Any, found: Any) -> bool:
        """Return whether a row with ``found`` in the filter's column may be in an answer to a normalised value.

        Documents do not say how text compares, so its case and blanks around it do not count. Null and empty text say nothing.
        """
        wanted = value if self.type is list else [value]
        return found in (None, "") or _comparable(found) in map(_comparable, wanted)


def _comparable(value: Any) -> str:
    return str(value).strip().casefold()


def _integer(value: Any) -> int | None:
    """Return an integer of 64 bits, Python's or NumPy's, as Python's; None for any other value."""
    try:
        number = index(value)
    except TypeError:
        return None
    return None if isinstance(value, bool) or not -(2**63) <= number < 2**63 else number


def _text(value: Any) -> str | None:
    """Return text that can be an id; None for any other value.

    Blanks around it come from a template and would select nothing; ``None`` is what a template makes of None.
    """
    fits = isinstance(value, str) and value not in {"", "None"} and value == value.strip() and value.isprintable()
    return value if fits else None
