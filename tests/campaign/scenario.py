"""Draw a scenario of the campaign from its seed."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any

from airflow_betproviders.declare.interval import Interval
from tests.campaign.kinds import (
    HABITS,
    LASTING,
    NEEDS_TOTALS,
    NO_TOTALS,
    ODD_KEY_KINDS,
    ODD_KINDS,
    PAGES_ONLY,
    SLOW,
    TOO_MANY_ROWS,
    TRANSIENT,
)
from tests.campaign.vendors import VENDORS, Vendor

HOUR = timedelta(hours=1)
HOURS = 4

Faults = Mapping[str, Mapping[str, Any]]
"""Kinds of faults with the options of the simulator's switches."""


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """A provider, a store, and the faults of both.

    Attributes:
        seed: of everything.
        vendor: whose stream.
        remote: whether the store is an S3 server (which fails now and then) or a local folder.
        begin: of the four hours that are loaded.
        settings: of the simulator.
        extra: of the connection, beside the simulator's own.
        faults: faults that are on all along.
        lies: faults in every call of a task that then must fail, or store the truth all the same.
        wrong_zone_or_unit: whether the provider answers in another zone or unit than it documents, so that every task must fail.
        store_faults: share of requests to the S3 server that fail.
        killed: share of attempts that are killed.
        grain: slot width of the backfill that overlaps the hourly load.
        archive: whether answers are archived, and replayed.
    """

    seed: int
    vendor: Vendor
    remote: bool
    begin: datetime
    settings: dict[str, Any]
    extra: dict[str, Any]
    faults: Faults
    lies: Faults
    wrong_zone_or_unit: bool
    store_faults: float
    killed: float
    grain: timedelta
    archive: bool

    def __str__(self) -> str:
        """Return how to run it again."""
        return f"seed {self.seed} ({self.provider} {self.stream})"

    @property
    def provider(self) -> str:
        """Connection type."""
        return self.vendor.provider

    @property
    def stream(self) -> str:
        """Return the stream that is loaded."""
        return self.vendor.stream

    @property
    def end(self) -> datetime:
        """Of the hours that are loaded."""
        return self.begin + HOURS * HOUR

    @property
    def hours(self) -> list[Interval]:
        """Return the hourly slots."""
        return [Interval(self.begin + hour * HOUR, self.begin + (hour + 1) * HOUR) for hour in range(HOURS)]

    def backfill(self, rng: random.Random) -> Interval:
        """Draw a range of complete slots of the other grain."""
        slots = (HOURS * HOUR) // self.grain
        first = rng.randrange(slots)
        count = rng.randint(1, slots - first)
        return Interval(self.begin + first * self.grain, self.begin + (first + count) * self.grain)


def draw(seed: int) -> Scenario:
    """Draw the scenario of a seed."""
    rng = random.Random(f"campaign/{seed}")
    vendor = VENDORS[seed % len(VENDORS)]
    midnight = datetime.now(timezone.utc).replace(hour=0, minute=0, second=0, microsecond=0)
    # Every sixth block of four hours ends at midnight, where PV's windows and the days' folders end.
    begin = midnight - timedelta(days=3) + 4 * rng.randrange(6) * HOUR
    options = {name: rng.choice(values) for name, values in vendor.options.items()}
    other = rng.choice(vendor.wrong_zones_and_units) if vendor.wrong_zones_and_units and rng.random() < 0.06 else {}
    faults = _faults(rng, vendor)
    return Scenario(
        seed=seed,
        vendor=vendor,
        remote=rng.random() < 0.15,  # an attempt on S3 costs five times as much
        begin=begin,
        settings={
            "seed": seed,
            "rate": rng.choice((40.0, 120.0, 400.0)),
            "late_share": rng.choice((0.05, 0.2, 0.4)),
            "options": {vendor.provider: {**options, **other}},
            "min_interval": {},
            "slow_seconds": 0.3,
        },
        extra=_extra(rng, vendor, options, faults),
        faults=faults,
        lies=_lies(rng, vendor),
        wrong_zone_or_unit=bool(other),
        store_faults=rng.choice((0.0, 0.02, 0.08)),
        killed=rng.choice((0.0, 0.25, 0.5)),
        grain=rng.choice((HOUR / 4, HOUR / 2, 2 * HOUR, 4 * HOUR)),
        archive=rng.random() < 0.3,
    )


def _extra(rng: random.Random, vendor: Vendor, options: Mapping[str, Any], faults: Faults) -> dict[str, Any]:
    """Return what the connection has beside the account."""
    extra: dict[str, Any] = {"timeout": 1 if "too_slow" in faults else 5, "max_answer_mb": 32}
    if "filter_column" in options:
        extra["filter_column"] = options["filter_column"]
    if vendor.page_sizes and rng.random() < 0.3:
        extra["page_size"] = rng.choice(vendor.page_sizes)
    return extra


def _faults(rng: random.Random, vendor: Vendor) -> Faults:
    habit = rng.choice([*HABITS]) if rng.random() < 0.5 else None
    kinds = rng.sample(TRANSIENT, rng.randint(2, 10))
    if habit in NO_TOTALS or not vendor.totals:  # nothing could show that a list has moved
        kinds = [kind for kind in kinds if kind not in NEEDS_TOTALS]
    # A habit multiplies a slot's calls: with faults in half of them, no number of attempts is sure to be enough.
    most = 0.1 if habit else 0.2
    share = min(rng.choice((0.0, 0.05, 0.2)), most) / max(len(kinds), 1) * 3
    faults: dict[str, Mapping[str, Any]] = {
        kind: {"probability": share, **({"seconds": 1} if kind.endswith("_date") else {})} for kind in kinds
    }
    impossible = (set() if vendor.totals else PAGES_ONLY) | (TOO_MANY_ROWS if vendor.cursor else set())
    if habit and habit not in impossible:
        faults[habit] = {option: rng.choice(values) for option, values in HABITS[habit].items()}
    # A second call distinguishes an empty answer from an empty window, so the same one may come only once.
    if vendor.empty and rng.random() < 0.5:
        faults[rng.choice(vendor.empty)] = {"times": 1, "after": rng.randrange(12)}
    if rng.random() < 0.25:
        kind = rng.choice(SLOW)
        seconds = {"drip_body": 0.0005} if rng.random() < 0.5 else {}
        faults[kind] = {"times": 1, "after": rng.randrange(12), "seconds": seconds.get(kind, 0.5)}
    if vendor.odd_fields and rng.random() < 0.4:
        faults |= _odd(rng, vendor)
    if "odd_long" in faults:  # which alone fills an answer
        faults.pop("byte_cap", None)
    return faults


def _odd(rng: random.Random, vendor: Vendor) -> Faults:
    faults: dict[str, Mapping[str, Any]] = {}
    for kind in rng.sample(ODD_KINDS, rng.randint(1, 3)):
        fields = [*vendor.odd_fields, *([vendor.key_field] if kind in ODD_KEY_KINDS else [])]
        if kind == "odd_range" and rng.random() < 0.5:
            fields = [*vendor.time_columns]
        faults[kind] = {"field": rng.choice(fields), "rows": rng.choice((0.01, 0.05, 0.2))}
    return faults


def _lies(rng: random.Random, vendor: Vendor) -> Faults:
    useless = (set() if vendor.totals else NEEDS_TOTALS) | (set() if vendor.rejects_outside else {"stray_rows"})
    kinds = [kind for kind in LASTING if kind not in useless]
    chosen = {kind: LASTING[kind] for kind in rng.sample(kinds, 2)}
    if rng.random() < 0.08:
        chosen[rng.choice(SLOW)] = {"seconds": 0.5}
    return chosen
