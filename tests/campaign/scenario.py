"""Draw what happens in one scenario of the campaign from its seed."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import Any

from airflow_betproviders.declare.interval import Interval
from tests.campaign.kinds import (
    EMPTY,
    HABITS,
    LASTING,
    NEEDS_TOTALS,
    NO_TOTALS,
    ODD_FIELDS,
    ODD_KEY_KINDS,
    ODD_KINDS,
    OTHER_WORLDS,
    SLOW,
    TRANSIENT,
    WINDOW_COLUMNS,
)

PROVIDERS = ("pv", "aig", "jdb", "gmag")
STREAMS = {"pv": "history", "aig": "transactions", "jdb": "transactions", "gmag": "game_history"}
KEYS = {"pv": "event_id", "aig": "id", "jdb": "historyId", "gmag": "roundId"}
HOUR = timedelta(hours=1)
HOURS = 4
EDGES = ("[)", "[]", "(]")

Faults = Mapping[str, Mapping[str, Any]]
"""Kinds of faults with the options of the simulator's switches."""


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """One world and what goes wrong in it.

    Attributes:
        seed: of everything.
        provider: whose bets.
        remote: whether the store is an S3 server (which fails now and then) or a local folder.
        begin: of the four hours that are loaded.
        settings: of the simulator.
        extra: of the connection, beside the simulator's own.
        faults: faults that are on all along.
        lies: faults that strike every call of a task that then must fail, or store the truth all the same.
        other_world: whether the provider answers in another zone or unit than it documents, so that every task must fail.
        store_faults: share of requests to the S3 server that fail.
        killed: share of attempts that are killed.
        grain: slot width of the backfill that overlaps the hourly load.
    """

    seed: int
    provider: str
    remote: bool
    begin: datetime
    settings: dict[str, Any]
    extra: dict[str, Any]
    faults: Faults
    lies: Faults
    other_world: bool
    store_faults: float
    killed: float
    grain: timedelta
    stream: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "stream", STREAMS[self.provider])

    @property
    def end(self) -> datetime:
        """Of the hours that are loaded."""
        return self.begin + HOURS * HOUR

    @property
    def hours(self) -> list[Interval]:
        """The hourly slots."""
        return [Interval(self.begin + hour * HOUR, self.begin + (hour + 1) * HOUR) for hour in range(HOURS)]

    def backfill(self, dice: random.Random) -> Interval:
        """A range of complete slots of the other grain."""
        slots = (HOURS * HOUR) // self.grain
        first = dice.randrange(slots)
        count = dice.randint(1, slots - first)
        return Interval(self.begin + first * self.grain, self.begin + (first + count) * self.grain)


def draw(seed: int) -> Scenario:
    """Draw the scenario of a seed."""
    dice = random.Random(f"campaign/{seed}")
    provider = PROVIDERS[seed % len(PROVIDERS)]
    midnight = datetime.now(timezone.utc).replace(hour=0, minute=0, second=0, microsecond=0)
    # Every sixth block of four hours ends at midnight, where PV's windows and the days' folders end.
    begin = midnight - timedelta(days=3) + 4 * dice.randrange(6) * HOUR
    options = _options(dice)
    other = dice.choice(OTHER_WORLDS[provider]) if dice.random() < 0.06 else {}
    return Scenario(
        seed=seed,
        provider=provider,
        remote=seed % 16 in {1, 6, 11, 12},  # each provider in turn; an attempt on S3 costs five times as much
        begin=begin,
        settings={
            "seed": seed,
            "rate": dice.choice((40.0, 120.0, 400.0)),
            "late_share": dice.choice((0.05, 0.2, 0.4)),
            "options": {**options, provider: {**options[provider], **other}},
            "min_interval": {},
            "slow_seconds": 0.3,
        },
        extra={
            "timeout": 5,
            "max_answer_mb": 32,
            **({"filter_column": options["jdb"]["filter_column"]} if provider == "jdb" else {}),
            **({"page_size": dice.choice((50, 300))} if provider in {"pv", "aig"} and dice.random() < 0.3 else {}),
        },
        faults=_faults(dice, provider),
        lies=_lies(dice, provider),
        other_world=bool(other),
        store_faults=dice.choice((0.0, 0.02, 0.08)),
        killed=dice.choice((0.0, 0.25, 0.5)),
        grain=dice.choice((HOUR / 4, HOUR / 2, 2 * HOUR, 4 * HOUR)),
    )


def _options(dice: random.Random) -> dict[str, dict[str, Any]]:
    """What the vendors' documents leave open."""
    trouble = ("html", "empty", "error", "cut")
    return {
        "pv": {
            "clock": dice.choice(("start_at", "end_at")),
            "midnight": dice.choice(("accept", "refuse")),
            "last_second_trouble": dice.sample(trouble, dice.choice((0, 0, 1, 2))),
        },
        "aig": {"open_settle_time": dice.choice(("zero", "absent"))},
        "jdb": {
            "window": dice.choice(EDGES),
            "filter_column": dice.choice(("gameDate", "lastModifyTime")),
            "doubled_keys": dice.random() < 0.5,
        },
        "gmag": {"window": dice.choice(EDGES), "cap": dice.choice(("paged", "capped"))},
    }


def _faults(dice: random.Random, provider: str) -> Faults:
    habit = dice.choice(HABITS) if dice.random() < 0.5 else None
    kinds = dice.sample(TRANSIENT, dice.randint(2, 10))
    if habit in NO_TOTALS or provider == "jdb":  # nothing could show that a list has moved
        kinds = [kind for kind in kinds if kind not in NEEDS_TOTALS]
    share = dice.choice((0.0, 0.05, 0.2)) / max(len(kinds), 1) * 3
    found: dict[str, Mapping[str, Any]] = {
        kind: {"probability": share, **({"seconds": 1} if kind.endswith("_date") else {})} for kind in kinds
    }
    if habit:
        found[habit] = {} if habit in NO_TOTALS or habit == "total_float" else {"rows": dice.choice((50, 90, 200, 333))}
    # A second call tells an empty answer from an empty window, so the same one may come only once.
    empty = dice.choice([kind for kind in EMPTY if (provider, kind) != ("jdb", "empty_list")])
    if dice.random() < 0.5 and provider != "gmag":  # whose answers without rows have a total of 0, as true ones have
        found[empty] = {"times": 1, "after": dice.randrange(12)}
    if dice.random() < 0.25:
        kind = dice.choice(SLOW)
        seconds = {"drip_body": 0.0005} if dice.random() < 0.5 else {}
        found[kind] = {"times": 1, "after": dice.randrange(12), "seconds": seconds.get(kind, 0.5)}
    if dice.random() < 0.4:
        for kind in dice.sample(ODD_KINDS, dice.randint(1, 3)):
            fields = [*ODD_FIELDS[provider], *([KEYS[provider]] if kind in ODD_KEY_KINDS else [])]
            if kind == "odd_range":  # the year 9999 is a time, of another window
                fields = [name for name in fields if name not in WINDOW_COLUMNS]
            found[kind] = {"field": dice.choice(fields), "rows": dice.choice((0.01, 0.05, 0.2))}
    return found


def _lies(dice: random.Random, provider: str) -> Faults:
    kinds = [kind for kind in LASTING if provider != "jdb" or kind not in NEEDS_TOTALS]
    chosen = {kind: LASTING[kind] for kind in dice.sample(kinds, 2)}
    if dice.random() < 0.08:
        chosen[dice.choice(SLOW)] = {"seconds": 0.5}
    return chosen
