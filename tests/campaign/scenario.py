"""What happens in one scenario of the campaign, drawn from its seed."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any

from airflow_betproviders.declare.interval import Interval

PROVIDERS = ("pv", "aig", "jdb", "gmag")
STREAMS = {"pv": "history", "aig": "transactions", "jdb": "transactions", "gmag": "game_history"}
HOUR = timedelta(hours=1)
HOURS = 4

PASSING = (
    "http_500", "http_502_html", "html_200", "reset", "cut_json", "slow", "rate", "http_429", "busy",
    "drift", "duplicate", "repeated_page", "total_lie", "type_drift", "unknown_field", "duplicate_key",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """One world and what goes wrong in it.

    Attributes:
        seed: of everything.
        provider: whose bets.
        remote: whether the store is an S3 server (which fails now and then) or a local folder.
        begin: of the four hours that are loaded.
        settings: of the simulator.
        faults: probability of each fault at the provider.
        store_faults: share of requests to the S3 server that fail.
        killed: share of tries that are killed.
        grain: slot width of the backfill that overlaps the hourly load.
    """

    seed: int
    provider: str
    remote: bool
    begin: datetime
    settings: dict[str, Any]
    faults: dict[str, float]
    store_faults: float
    killed: float
    grain: timedelta

    @property
    def end(self) -> datetime:
        """Of the hours that are loaded."""
        return self.begin + HOURS * HOUR

    @property
    def hours(self) -> list[Interval]:
        """The hourly slots."""
        return [Interval(self.begin + hour * HOUR, self.begin + (hour + 1) * HOUR) for hour in range(HOURS)]

    def backfill(self, dice: random.Random) -> Interval:
        """A stretch of whole slots of the other grain."""
        slots = (HOURS * HOUR) // self.grain
        first = dice.randrange(slots)
        count = dice.randint(1, slots - first)
        return Interval(self.begin + first * self.grain, self.begin + (first + count) * self.grain)


def draw(seed: int) -> Scenario:
    """The scenario of a seed."""
    dice = random.Random(f"campaign/{seed}")
    kinds = dice.sample(PASSING, dice.randint(2, 8))
    midnight = datetime.now(timezone.utc).replace(hour=0, minute=0, second=0, microsecond=0)
    # Every sixth block of four hours ends at midnight, where PV and the days' folders have their seams.
    begin = midnight - timedelta(days=3) + 4 * dice.randrange(6) * HOUR
    grains = (HOUR / 4, HOUR / 2, 2 * HOUR, 4 * HOUR)
    return Scenario(
        seed=seed,
        provider=PROVIDERS[seed % len(PROVIDERS)],
        remote=seed % 16 in {1, 6, 11, 12},  # each provider in turn; a try on S3 costs five times as much
        begin=begin,
        settings={
            "seed": seed,
            "rate": dice.choice((40.0, 120.0, 400.0)),
            "late_share": dice.choice((0.05, 0.2, 0.4)),
            "options": {
                "aig": {"open_settle_time": dice.choice(("zero", "absent"))},
                "jdb": {"window": dice.choice(("[)", "[]")), "doubled_keys": dice.random() < 0.5},
                "gmag": {"window": dice.choice(("[)", "[]")), "cap": dice.choice(("paged", "capped"))},
            },
            "min_interval": {},
            "slow_seconds": 0.3,
        },
        faults=dict.fromkeys(kinds, dice.choice((0.0, 0.05, 0.2)) / len(kinds) * 3),
        store_faults=dice.choice((0.0, 0.02, 0.08)),
        killed=dice.choice((0.0, 0.25, 0.5)),
        grain=dice.choice(grains),
    )
