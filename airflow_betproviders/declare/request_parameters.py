"""How instants and filters travel in a request."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any, TypeAlias


@dataclass(frozen=True)
class EpochParam:
    """Instants travel as a count of units since 1970, as a number or as text."""

    per_second: int
    text: bool = False

    def __call__(self, instant: datetime, _utc_offset: timedelta) -> int | str:
        """The instant as the parameter's value."""
        count = round(instant.timestamp() * self.per_second)
        return str(count) if self.text else count


@dataclass(frozen=True)
class WallParam:
    """Instants travel as wall-clock text, in UTC, in a fixed offset, or (``offset=None``) in the account's offset."""

    format: str
    offset: timedelta | None = timedelta(0)

    def __call__(self, instant: datetime, utc_offset: timedelta) -> str:
        """The instant as the parameter's value."""
        zone = timezone(utc_offset if self.offset is None else self.offset)
        return instant.astimezone(zone).strftime(self.format)


TimeParam: TypeAlias = EpochParam | WallParam


@dataclass(frozen=True, kw_only=True)
class Filter:
    """A parameter of the provider's own that narrows a stream.

    Attributes:
        type: `int`, `str`, or `list` of integers.
        required: the provider refuses the call without it.
        choices: the values it takes, where they are few.
    """

    type: type
    required: bool = False
    choices: tuple[Any, ...] = ()
