"""How our four vendors write keys and times, by their documents, to compare what is stored with what they sent."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from airflow_betproviders.testing import epoch, wall_clock
from airflow_betproviders.testing.compare import differences as compare
from airflow_betproviders.testing.expectations import Expectations

TIMES = {
    "pv": epoch(1),
    "aig": epoch(1000),
    "jdb": wall_clock("%d-%m-%Y %H:%M:%S", "-04:00"),
    "gmag": wall_clock("%Y-%m-%d %H:%M:%S.%f"),
}
KEYS = {
    "pv": ("event_id",),
    "aig": ("id",),
    "jdb": ("gType", "historyId"),
    "gmag": ("brandId", "providerCode", "playerId", "roundId"),
    "gmag/game_transactions": ("providerCode", "transId"),
    "gmag/extra_transactions": ("providerCode", "transId"),
    "gmag/game_report": ("currency",),
    "pv/games": ("game_id",),
    "pv/stage_summary": ("date",),
    "pv/slots_game_stage_summary": ("game_id",),
    "pv/slots_user_stage_summary": ("user_id", "game_id"),
    "jdb/daily_by_player": ("uid",),
    "jdb/daily_by_game_type": ("gType",),
    "gmag/games": ("providerCode", "gameCode"),
    "pv/bonus_summary": (),
    "pv/games_user_stage_summary": (),
    "pv/games_game_stage_summary": (),
}


def differences(
    provider: str,
    stream: str,
    truth: Iterable[Mapping[str, Any]],
    rows: Iterable[Mapping[str, Any]],
    *,
    utc_offset: str = "-04:00",
) -> list[str]:
    """Return what is missing, doubled, too much, or off by a digit; empty when the rows are the truth."""
    times = wall_clock("%d-%m-%Y %H:%M:%S", utc_offset) if provider == "jdb" else TIMES[provider]
    key = KEYS.get(f"{provider}/{stream}", KEYS[provider])
    return compare(Expectations(provider=provider, times=times), key, truth, rows)
