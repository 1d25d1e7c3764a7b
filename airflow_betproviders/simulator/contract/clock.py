"""Simulate the clock."""

from __future__ import annotations

import time
from datetime import datetime, timedelta, timezone
from functools import lru_cache


class Clock:
    """A clock that follows the machine's, or stands still at an instant.

    Bets and documented limits follow it. Whether a request's timestamp is fresh is decided by the machine's clock,
    because clients sign with theirs.
    """

    def __init__(self, now: datetime | None = None) -> None:
        self._frozen = now

    @property
    def now(self) -> datetime:
        """Return the simulated time."""
        return self._frozen if self._frozen is not None else datetime.now(timezone.utc)

    @property
    def now_ms(self) -> int:
        """Return the simulated time in epoch milliseconds."""
        return to_ms(self.now)

    def set(self, now: datetime | None) -> None:
        """Stand still at ``now``, or follow the machine's clock again."""
        if now is not None and now.tzinfo is None:
            raise ValueError("now needs a time zone")
        self._frozen = now

    def advance(self, step: timedelta) -> None:
        """Move a frozen clock."""
        if self._frozen is None:
            raise ValueError("only a frozen clock can be moved; set it first")
        self._frozen += step


def to_ms(moment: datetime) -> int:
    """Return epoch milliseconds, exact."""
    delta = moment - datetime(1970, 1, 1, tzinfo=timezone.utc)
    return (delta.days * 86_400 + delta.seconds) * 1000 + delta.microseconds // 1000


def wall_ms() -> int:
    """Return the machine's clock, by which signatures are timed."""
    return time.time_ns() // 1_000_000


@lru_cache(maxsize=4096)
def _second(second: int, form: str, zone: timezone) -> str:
    return datetime.fromtimestamp(second, zone).strftime(form)


def text_of(ms: int, form: str, zone: timezone = timezone.utc) -> str:
    """Return an instant in a vendor's format."""
    return _second(ms // 1000, form, zone)
