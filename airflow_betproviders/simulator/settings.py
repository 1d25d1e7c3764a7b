"""Declare the settings of a simulator."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Settings:
    """The settings of one simulator.

    Attributes:
        seed: Seed of everything that is random.
        rate: Bets per hour and vendor.
        history_days: How far the bets reach back from the first ``now``, rounded down to a UTC day.
        now: The instant at which simulated time stands still; ``None`` follows the machine's clock.
        late_share: Share of bets that settle late or are corrected afterwards.
        min_interval: Seconds that must pass between two accepted calls, by vendor; vendors not named have no limits
            at all. ``None``: the limits of each vendor's document.
        interval_tolerance: Seconds of network jitter that rate limits forgive.
        options: Options by vendor. Where a vendor's document leaves a question open, each reading is a value of one of
            its options.
        fault_rate: Probability of each of ``fault_kinds``.
        fault_kinds: Faults that are on from the start.
        slow_seconds: How long the fault ``slow`` waits.
        cache_rows: Rows that each vendor keeps in memory, about two kilobytes each.
    """

    seed: int = 7
    rate: float = 600.0
    history_days: float = 120.0
    now: datetime | None = None
    late_share: float = 0.05
    min_interval: Mapping[str, float] | None = None
    interval_tolerance: float = 0.05
    options: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    fault_rate: float = 0.0
    fault_kinds: Sequence[str] = ()
    slow_seconds: float = 1.0
    cache_rows: int = 120_000

    def __post_init__(self) -> None:
        if self.now is not None and self.now.tzinfo is None:
            raise ValueError("now needs a time zone")

    def limited(self, vendor: str) -> bool:
        """Return whether a vendor enforces its rate limits."""
        return self.min_interval is None or self.min_interval.get(vendor, 0.0) > 0
