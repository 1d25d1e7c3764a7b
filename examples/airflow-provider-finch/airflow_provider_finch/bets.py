"""Finch's bets: ``win`` is gross; a free spin (type F) is a bet of its own, without a stake (document 3.3).

A correction shows in ``adjusted`` only. Its ``endDate`` is the time of the adjustment, so it replaces the round. What
status F and V mean for money is not documented, so amounts count as they are and ``rest`` keeps the status. A round in
progress (status I) is open: its payout is null, and ``rest`` keeps win.
"""

from __future__ import annotations

from airflow_betproviders.declare.bet_expressions import by_value, if_else, instant, is_in, money, null, text
from airflow_betproviders.declare.bet_mapping import BetMapping

_OPEN = is_in("status", "I")

MAPPING = BetMapping(
    provider="finch",
    streams=("rounds", "adjusted"),
    columns={
        "bet_id": text("playSessionID"),
        "round_id": text("playSessionID"),
        "player_id": text("extPlayerID"),
        "game_id": text("gameID"),
        "currency": text("currency"),
        "stake": money("bet"),
        "payout": if_else(_OPEN, null("money"), money("win")),
        "placed_at": instant("startDate"),
        "settled_at": if_else(_OPEN, null("instant"), instant("endDate")),
        "updated_at": instant("endDate"),
        "status": by_value("status", {"C": "settled", "I": "open", "F": "settled", "V": "void"}),
    },
    exact_columns=("playSessionID", "extPlayerID", "gameID", "currency", "bet", "startDate", "endDate"),
    derivable_columns={"win": money("payout")},
)
