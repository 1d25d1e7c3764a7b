"""Quill's bets: ``settledAmount`` is the player's net result, so the payout is stake plus net (document 2.3).

| status | bet | payout |
|---|---|---|
| 0 | open | null |
| 1 | settled | betAmount + settledAmount |
| 2, 3 | cancelled, void | betAmount, since the document does not say what the other amounts are then |
"""

from __future__ import annotations

from decimal import Decimal

from airflow_betproviders.declare.bet_expressions import (
    Expression,
    add,
    by_value,
    concat,
    constant,
    if_else,
    instant,
    is_in,
    money,
    null,
    text,
)
from airflow_betproviders.declare.bet_mapping import BetMapping

_SETTLED, _REFUNDED = is_in("status", 1), is_in("status", 2, 3)


def _result(settled: Expression, refunded: Expression) -> Expression:
    return if_else(_SETTLED, settled, if_else(_REFUNDED, refunded, null("money")))


MAPPING = BetMapping(
    provider="quill",
    streams=("history", "latest"),
    columns={
        "bet_id": concat("platType", "gameOrderId"),
        "round_id": text("round"),
        "player_id": text("playerId"),
        "game_id": text("gameName"),
        "game_type": text("gameType"),
        "currency": text("currency"),
        "stake": money("betAmount"),
        "payout": _result(add(money("betAmount"), money("settledAmount")), money("betAmount")),
        "valid_stake": _result(money("validAmount"), constant(Decimal(0))),
        "placed_at": instant("betTime"),
        "settled_at": if_else(_SETTLED, instant("lastUpdateTime"), null("instant")),
        "updated_at": instant("lastUpdateTime"),
        "status": by_value("status", {0: "open", 1: "settled", 2: "cancelled", 3: "void"}),
    },
    exact_columns=("playerId", "gameName", "gameType", "round", "currency", "betAmount", "betTime", "lastUpdateTime"),
    derivable_columns={"settledAmount": money("net"), "validAmount": money("valid_stake")},
)
