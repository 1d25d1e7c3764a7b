"""What a simulator can be told, and the demo credentials that it accepts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import Any, Literal

PROVIDERS = ("pv", "aig", "jdb", "gmag")


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Settings of one simulator.

    Where the vendor documents leave a question open, both readings are a setting here, so that a client can be
    tried against each of them.
    """

    seed: int = 7
    rate: float = 600.0
    """Bets per hour and provider."""
    history_days: float = 120.0
    """How far the world reaches back from its first ``now``, rounded down to a UTC day."""
    now: datetime | None = None
    """A frozen instant at which the world stands still; ``None`` lives with the machine's clock."""
    late_share: float = 0.05
    """Share of bets that settle late or are corrected afterwards."""
    min_interval: Mapping[str, float] = field(default_factory=lambda: {"aig": 5.0})
    """Seconds that must pass between two accepted calls of a provider. Only AIG documents a figure."""
    interval_tolerance: float = 0.05
    """Seconds of network jitter forgiven by the rate limits."""
    boundary: Literal["half-open", "closed"] = "half-open"
    """Whether JDB and GM-Ag windows contain their end. PV and AIG document half-open windows."""
    pv_midnight: Literal["accept", "refuse"] = "accept"
    """Whether a PV history window may end at 00:00:00 of the next day."""
    pv_clock: Literal["start_at", "end_at"] = "start_at"
    """The unnamed column that PV history filters by."""
    aig_open_settle_time: Literal["zero", "absent"] = "zero"
    """What AIG sends as settle_time of a bet that is not settled."""
    jdb_utc_offset: str = "-04:00"
    jdb_doubled_keys: bool = False
    """Send beforeBalance and afterBalance twice in gType 67, as the vendor's sample does."""
    gmag_cap: Literal["paged", "capped"] = "paged"
    """Whether GM-Ag pages can go beyond the 10,000th row of a window."""
    fault_rate: float = 0.0
    fault_kinds: Sequence[str] = ()
    slow_seconds: float = 1.0
    cache_rows: int = 120_000
    """Rows that each provider keeps in memory, about two kilobytes each."""

    def __post_init__(self) -> None:
        if self.now is not None and self.now.tzinfo is None:
            raise ValueError("now needs a time zone")

    @property
    def jdb_zone(self) -> timezone:
        """The fixed offset of every JDB time text."""
        sign, hours, minutes = self.jdb_utc_offset[0], self.jdb_utc_offset[1:3], self.jdb_utc_offset[4:6]
        offset = timedelta(hours=int(hours), minutes=int(minutes))
        return timezone(-offset if sign == "-" else offset)


@dataclass(frozen=True, kw_only=True)
class Account:
    """One made-up account at one provider."""

    login: str
    key: str
    extra: Mapping[str, Any] = field(default_factory=dict)


ACCOUNTS: Mapping[str, Account] = {
    "pv": Account(login="101", key="demo-pv-key-0001", extra={"currency": "CNY"}),
    "aig": Account(login="agent001", key="demo-aig-key-0001"),
    "jdb": Account(login="demoagent", key="demo-jdb-aes-key", extra={"dc": "demo", "iv_secret": "demo-jdb-iv-0001"}),
    "gmag": Account(login="1001", key="demo-gmag-secret"),
}


def connections(url: str, settings: Settings) -> dict[str, dict[str, Any]]:
    """The four demo connections, in the field names of ``airflow connections add --conn-json``."""
    found: dict[str, dict[str, Any]] = {}
    for provider, account in ACCOUNTS.items():
        extra = dict(account.extra)
        if provider == "jdb":
            extra["utc_offset"] = settings.jdb_utc_offset
        extra["min_interval"] = settings.min_interval.get(provider, 0.0)
        found[provider] = {
            "conn_type": provider,
            "host": f"{url}/{provider}",
            "login": account.login,
            "password": account.key,
            "extra": extra,
        }
    return found
