"""Nova's bets, from ``bets``. Amounts are text in currency units; ``win`` is gross. A bet shows once it is settled.

Nova has no report of sums, so a day is compared with Nova's own count of each window.
"""

from __future__ import annotations

from datetime import timedelta

from airflow_betproviders.declare.bet_expressions import constant, instant, money, text
from airflow_betproviders.declare.bet_mapping import BetMapping
from airflow_betproviders.declare.reports import WindowTotals

MAPPING = BetMapping(
    provider="nova",
    streams=("bets",),
    columns={
        "bet_id": text("betId"),
        "player_id": text("player"),
        "game_id": text("game"),
        "currency": text("currency"),
        "stake": money("stake"),
        "payout": money("win"),
        "placed_at": instant("placedAt"),
        "settled_at": instant("updatedAt"),
        "updated_at": instant("updatedAt"),
        "status": constant("settled"),
    },
    exact_columns=("betId", "player", "game", "currency", "stake", "win", "placedAt", "updatedAt"),
)

REPORTS = (WindowTotals(of="bets", moves_within=timedelta(0)),)
