"""Rowan's bets: a hand is a bet, its round is ``parentBetId``; ``winAmount`` is gross (document 1.5).

Hands that are open never show. An adjusted hand (``handsStatus`` 3) replaces its earlier version. Stakes of transaction
types 2 (bonus money) and 3 (free game) are not cash: ``rest`` keeps the type. Whether a jackpot win is part of
``winAmount`` is not documented, so it is kept in ``rest`` and in no sum.
"""

from __future__ import annotations

from airflow_betproviders.declare.bet_expressions import by_value, instant, money, text
from airflow_betproviders.declare.bet_mapping import BetMapping
from airflow_betproviders.declare.reports import Report, Sum

MAPPING = BetMapping(
    provider="rowan",
    streams=("history", "history_by_time"),
    columns={
        "bet_id": text("betId"),
        "round_id": text("parentBetId"),
        "player_id": text("playerName"),
        "game_id": text("gameId"),
        "currency": text("currency"),
        "stake": money("betAmount"),
        "payout": money("winAmount"),
        "jackpot_contribution": money("jackpotContributionAmount"),
        "balance_before": money("balanceBefore"),
        "balance_after": money("balanceAfter"),
        "placed_at": instant("betTime"),
        "settled_at": instant("betEndTime"),
        "updated_at": instant("rowVersion"),
        "status": by_value("handsStatus", {1: "settled", 2: "settled", 3: "settled"}),
    },
    exact_columns=(
        *("betId", "parentBetId", "playerName", "gameId", "currency", "betAmount", "winAmount"),
        *("jackpotContributionAmount", "balanceBefore", "balanceAfter", "betTime", "betEndTime", "rowVersion"),
    ),
)

REPORTS = (
    Report(
        stream="hourly_summary",
        of="history_by_time",
        measures={"totalBetAmount": Sum(plus=("betAmount",)), "totalWinAmount": Sum(plus=("winAmount",))},
        groups={"currency": "currency", "transactionType": "transactionType"},
        divisible=True,
    ),
)
