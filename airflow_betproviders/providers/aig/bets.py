"""AIG's bets, from ``transactions`` or ``latest`` (document: Query Bet Records). Amounts are text in currency units.

| column | from |
|---|---|
| bet_id | id |
| round_id | inst_id/shoe_id/round_id: a round's number is unique only at its table and shoe |
| player_id, game_id | user_id, game_id (101 baccarat, 103 roulette) |
| game_type | null: the record has none |
| currency | currency, house codes such as VND2 included |
| stake | bet_amount |
| payout | win_amount, which is gross, when settled; the stake itself under status 2, 3, 4; null while open |
| net | payout - stake, as the document defines real_win_amount; so 0 under status 2, 3, 4; null while open |
| valid_stake | valid_bet_turnover, else real_bet_amount, when settled; 0 under status 2, 3, 4; null while open |
| jackpot_contribution, jackpot_payout, fee, balance_before, balance_after | null: the record has none |
| placed_at | bet_time, else create_time |
| settled_at | settle_time; null while open, when AIG sends 0 or nothing |
| updated_at | update_time |
| status | 0 open, 1 settled, 2 cancelled, 3 and 4 void; null for a status that the document does not name |

``rest`` has real_win_amount where it differs from net, and ``status`` itself. The document does not say what win_amount is under
status 2, 3 and 4: the payout is the stake, and ``rest`` has win_amount where it differs.
"""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

from airflow_betproviders.declare.bet_expressions import (
    Expression,
    by_value,
    coalesce,
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
from airflow_betproviders.declare.reports import WindowTotals

_SETTLED = is_in("status", 1)
_REFUNDED = is_in("status", 2, 3, 4)


def _result(settled: Expression, refunded: Expression) -> Expression:
    return if_else(_SETTLED, settled, if_else(_REFUNDED, refunded, null("money")))


MAPPING = BetMapping(
    provider="aig",
    streams=("transactions", "latest"),
    columns={
        "bet_id": text("id"),
        "round_id": concat("inst_id", "shoe_id", "round_id"),
        "player_id": text("user_id"),
        "game_id": text("game_id"),
        "currency": text("currency"),
        "stake": money("bet_amount"),
        "payout": _result(money("win_amount"), money("bet_amount")),
        "valid_stake": _result(coalesce(money("valid_bet_turnover"), money("real_bet_amount")), constant(Decimal(0))),
        "placed_at": coalesce(instant("bet_time"), instant("create_time")),
        "settled_at": if_else(is_in("status", 0), null("instant"), instant("settle_time")),
        "updated_at": instant("update_time"),
        "status": by_value("status", {0: "open", 1: "settled", 2: "cancelled", 3: "void", 4: "void"}),
    },
    exact_columns=("id", "user_id", "game_id", "currency", "bet_amount", "bet_time", "update_time"),
    derivable_columns={
        "win_amount": money("payout"),
        "real_win_amount": money("net"),
        "valid_bet_turnover": money("valid_stake"),
        "real_bet_amount": money("valid_stake"),
        "create_time": instant("placed_at"),
        "settle_time": instant("settled_at"),
    },
)

# AIG has no report. A bet that is settled, cancelled or made void later leaves the window that it was in.
REPORTS = (WindowTotals(of="transactions", moves_within=timedelta(days=3)),)
