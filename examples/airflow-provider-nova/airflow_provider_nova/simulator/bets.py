"""Nova's bets, as a pure function of seed and time."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from datetime import datetime, timezone
from functools import lru_cache
from typing import Any, NamedTuple

MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000
RESETTLED_AFTER = 200 * MINUTE
FOREVER = 1 << 62


class Version(NamedTuple):
    """One version of a bet, as the API shows it from ``shown`` until ``hidden`` (all times: epoch milliseconds)."""

    key: str
    text: str
    clock: int
    shown: int
    hidden: int


class Bets:
    """Bets are shown settled within three minutes; some are settled again hours later, under the same placedAt."""

    def __init__(self, setup: Any) -> None:
        self._setup = setup
        self._minute = lru_cache(maxsize=3000)(self._make)

    def select(self, start: int, end: int, now: int) -> list[Version]:
        """Return the bets with ``start <= placedAt < end`` that are shown at ``now``, by placedAt."""
        first = max(start // MINUTE * MINUTE, self._setup.begin_ms)
        versions = [
            version
            for minute in range(first, min(end, now + 1), MINUTE)
            for version in self._minute(minute)
            if start <= version.clock < end and version.shown <= now < version.hidden
        ]
        return sorted(versions, key=lambda version: (version.clock, version.key))

    def _make(self, minute: int) -> tuple[Version, ...]:
        rng = random.Random(f"{self._setup.seed}/nova/{minute}")
        expected = self._setup.rate / 60
        count = int(expected) + (rng.random() < expected % 1)
        on_the_hour = minute % HOUR == 0
        bets = (self._bet(minute, number, rng) for number in range(max(count, int(on_the_hour))))
        return tuple(version for versions in bets for version in versions)

    def _bet(self, minute: int, number: int, rng: random.Random) -> Iterator[Version]:
        placed = minute if number == 0 and minute % HOUR == 0 else minute + rng.randrange(MINUTE)
        bet = {
            "betId": f"b{minute // MINUTE:08d}-{number}",
            "player": f"p{rng.randrange(30):04d}",
            "game": rng.choice(("dice", "crash", "mines")),
            "currency": rng.choice(("EUR", "BRL")),
            "stake": rng.choice(("1.50", "20", "999999999999.9999")),
            "placedAt": _time(placed),
        }
        settled = placed + rng.randrange(1000, 2 * MINUTE)
        again = settled + RESETTLED_AFTER if rng.random() < self._setup.late_share else FOREVER
        first = {**bet, "win": rng.choice(("0", "0", "2.75", "40")), "updatedAt": _time(settled)}
        yield Version(bet["betId"], json.dumps(first), placed, settled, again)
        if again < FOREVER:
            resettled = {**bet, "win": f"{rng.randrange(100, 900)}.25", "updatedAt": _time(again)}
            yield Version(bet["betId"], json.dumps(resettled), placed, again, FOREVER)


def _time(ms: int) -> str:
    return f"{datetime.fromtimestamp(ms // 1000, timezone.utc):%Y-%m-%d %H:%M:%S}.{ms % 1000:03d}"
