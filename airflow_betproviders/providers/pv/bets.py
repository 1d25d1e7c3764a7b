"""PV's bets, from ``history`` (document 1.3). Amounts are integers in li; 1000 li are one currency unit.

| column | from |
|---|---|
| bet_id | event_id |
| round_id | draw_id; all players of a multiplayer round share it |
| player_id | user_id; op_id, the operator's own id, is in ``rest`` |
| game_id | game_id |
| game_type | null: the record has none; join the stream ``games`` |
| currency | the connection's extra ``currency``: the record has none; null if a merge does not name the connection |
| stake | bet_amount / 1000 |
| payout | (bet_amount + gain_amount) / 1000: gain_amount is the net result, as the balances of the samples show; null while open |
| net | payout - stake: gain_amount / 1000, negative on a loss; null while open |
| valid_stake, jackpot_contribution, jackpot_payout, fee | null: the record has none |
| balance_before, balance_after | credit_before_bet / 1000, credit / 1000 |
| placed_at | start_at |
| settled_at | end_at; null while open |
| updated_at | end_at, else start_at: the record has no time of change |
| status | settled; open while end_at is 0, null or absent. PV has no status, and no document says that a bet is ever cancelled |

While a bet is open, its gain_amount is in ``rest``.
"""

from __future__ import annotations

from airflow_betproviders.declare.bet_expressions import (
    Expression,
    add,
    constant,
    if_else,
    in_li,
    instant,
    is_valid,
    li,
    null,
    text,
)
from airflow_betproviders.declare.bet_mapping import BetMapping
from airflow_betproviders.declare.reports import Count, Measure, Report, Sum

_SETTLED = is_valid(instant("end_at"))


def _result(amount: Expression) -> Expression:
    return if_else(_SETTLED, amount, null("money"))


MAPPING = BetMapping(
    provider="pv",
    streams=("history",),
    columns={
        "bet_id": text("event_id"),
        "round_id": text("draw_id"),
        "player_id": text("user_id"),
        "game_id": text("game_id"),
        "stake": li("bet_amount"),
        "payout": _result(add(li("bet_amount"), li("gain_amount"))),
        "balance_before": li("credit_before_bet"),
        "balance_after": li("credit"),
        "placed_at": instant("start_at"),
        "settled_at": instant("end_at"),
        "updated_at": instant("end_at"),
        "status": if_else(_SETTLED, constant("settled"), constant("open")),
    },
    exact_columns=(
        "event_id",
        "draw_id",
        "game_id",
        "user_id",
        "bet_amount",
        "credit_before_bet",
        "credit",
        "start_at",
        "end_at",
    ),
    derivable_columns={"gain_amount": in_li("net")},
    settings={"currency": "currency"},
)

_MEASURES: dict[str, Measure] = {
    "bet_count": Count(),
    "bet_amount": Sum(("bet_amount",)),
    "gain_amount": Sum(("gain_amount",)),
    "company_gain_amount": Sum(minus=("gain_amount",)),
}

# Documents 1.2 and 3.3; in their samples company_gain_amount is -gain_amount. Amounts are in li. The second speaks of
# slots alone, and the history does not say which games are slots.
REPORTS = (
    Report(
        stream="stage_summary",
        of="history",
        measures=_MEASURES,
        total=("data", "summary"),
        divisible=True,
    ),
    Report(
        stream="slots_game_stage_summary",
        of="history",
        measures=_MEASURES,
        groups={"game_id": "game_id"},
        named_only=True,
        divisible=True,
    ),
)
