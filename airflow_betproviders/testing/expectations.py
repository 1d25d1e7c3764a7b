"""State what a provider's author expects, from the vendor's document, for the suite to compare with what is stored."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from functools import lru_cache
from typing import Any, NamedTuple, TypeAlias

ReadTime: TypeAlias = Callable[[Any], datetime]


class Bet(NamedTuple):
    """The bet that a record stands for, by the vendor's document.

    Attributes:
        bet_id: as in the bets table.
        status: ``open``, ``settled``, ``cancelled`` or ``void``.
        stake: in currency units.
        payout: gross, in currency units; None while the bet is open.
        net: the player's, in currency units; None while the bet is open.
    """

    bet_id: str
    status: str
    stake: Decimal
    payout: Decimal | None
    net: Decimal | None


def epoch(per_second: int) -> ReadTime:
    """Read times that are a count since 1970, such as milliseconds (1000)."""

    def read(value: Any) -> datetime:
        seconds, part = divmod(int(value), per_second)
        start = datetime(1970, 1, 1, tzinfo=timezone.utc)
        return start + timedelta(seconds=seconds, microseconds=part * 1_000_000 // per_second)

    return read


def wall_clock(form: str, utc_offset: str = "+00:00") -> ReadTime:
    """Read times that are text in a fixed offset. A fraction of a second may be missing in the text."""
    hours, minutes = utc_offset[1:].split(":")
    offset = timedelta(hours=int(hours), minutes=int(minutes)) * (-1 if utc_offset.startswith("-") else 1)

    @lru_cache(maxsize=100_000)  # the tests of a suite compare the same records
    def read_text(text: str) -> datetime:
        pattern = form if "." in text else form.removesuffix(".%f")
        return datetime.strptime(text, pattern).replace(tzinfo=timezone(offset))

    return lambda value: read_text(str(value))


@dataclass(frozen=True, kw_only=True)
class Expectations:
    """The arguments of `provider_tests`."""

    provider: str
    times: ReadTime | Mapping[str, ReadTime]
    bet: Callable[[Mapping[str, Any]], Bet] | None = None
    pii: Mapping[str, str] = field(default_factory=dict)
    signatures: frozenset[str] = frozenset()
    settings: Mapping[str, Any] = field(default_factory=dict)
    may_fail: frozenset[str] = frozenset()
    hours: int = 12

    def time(self, name: str, value: Any) -> datetime:
        """Read a time of the wire.

        Raises:
            AssertionError: ``times`` lacks the field.
        """
        if callable(self.times):
            return self.times(value)
        assert name in self.times, (
            f"provider_tests(times=...) doesn't say how {name} is written; the record has {value!r}"
        )
        return self.times[name](value)
