"""JDB's bets, from ``transactions`` (action 64) or ``recent_transactions`` (action 29). Amounts are doubles in currency units.

On the wire bet, gambleBet, jackpotContribute and tax are negative, win and jackpot positive, total is the player's
result (document, action 64, samples).

| column | from |
|---|---|
| bet_id | gType/historyId; with account (the parent) it is the key, since sub-providers share the numbers of historyId |
| round_id | roundSeqNo (cards, SPRIBE) or gameRoundSeqNo (HRG); null elsewhere: the record has none |
| player_id, game_id, game_type | playerId, mtype, gType |
| currency | currency, house codes such as RB included; VN and RP count thousands and are not converted |
| stake | -(bet + gambleBet): a gamble round is a separate bet with bet 0; only some games have gambleBet |
| payout | stake + total, which is win, except for cards: their win lacks the stake and their total is win + tax |
| net | payout - stake, which is total |
| valid_stake | validBet without its sign (cards send it negative); null for other games: the record has none |
| jackpot_contribution | -jackpotContribute (slots) |
| jackpot_payout | jackpot (slots); whether win contains it is not documented, so total is used |
| fee | -tax (cards), already out of total. HRG's commission, a rebate outside of total, stays in ``rest`` |
| balance_before, balance_after | beforeBalance, afterBalance; in some of the vendor's samples they disagree with total |
| placed_at | gameDate |
| settled_at | lastModifyTime: the record has no other; a later correction moves it |
| updated_at | lastModifyTime |
| status | settled: both actions give settled bets only |

transferId is in ``rest`` only: many fish bets share one, and HRG has none.
"""

from __future__ import annotations

from decimal import Decimal

from airflow_betproviders.declare.bet_expressions import (
    add,
    coalesce,
    concat,
    constant,
    instant,
    magnitude,
    money,
    negate,
    text,
)
from airflow_betproviders.declare.bet_mapping import BetMapping
from airflow_betproviders.declare.reports import Count, Measure, Report, Sum

_STAKE = negate(add(money("bet"), coalesce(money("gambleBet"), constant(Decimal(0)))))

MAPPING = BetMapping(
    provider="jdb",
    streams=("transactions", "recent_transactions"),
    columns={
        "bet_id": concat("gType", "historyId"),
        "round_id": coalesce(text("roundSeqNo"), text("gameRoundSeqNo")),
        "player_id": text("playerId"),
        "game_id": text("mtype"),
        "game_type": text("gType"),
        "currency": text("currency"),
        "stake": _STAKE,
        "payout": add(_STAKE, money("total")),
        "valid_stake": magnitude(money("validBet")),
        "jackpot_contribution": negate(money("jackpotContribute")),
        "jackpot_payout": money("jackpot"),
        "fee": negate(money("tax")),
        "balance_before": money("beforeBalance"),
        "balance_after": money("afterBalance"),
        "placed_at": instant("gameDate"),
        "settled_at": instant("lastModifyTime"),
        "updated_at": instant("lastModifyTime"),
        "status": constant("settled"),
    },
    exact_columns=("gType", "historyId", "playerId", "mtype", "currency", "gameDate", "lastModifyTime"),
    derivable_columns={
        "bet": negate(money("stake")),
        "gambleBet": constant(Decimal(0)),
        "win": money("payout"),
        "total": money("net"),
        "validBet": negate(money("valid_stake")),
        "jackpotContribute": negate(money("jackpot_contribution")),
        "jackpot": money("jackpot_payout"),
        "tax": negate(money("fee")),
        "beforeBalance": money("balance_before"),
        "afterBalance": money("balance_after"),
        "roundSeqNo": text("round_id"),
        "gameRoundSeqNo": text("round_id"),
    },
)

# Public pages of actions 66 and 42, by gameDate over a day from 04:00 UTC. They do not give the signs of what is negative
# in a record. validBet is left out: the records of most games lack it.
_MEASURES: dict[str, Measure] = {
    "count": Count(),
    "bet": Sum(("bet", "gambleBet"), unsigned=True),
    "win": Sum(("win",)),
    "netWin": Sum(("total",)),
    "jackpot": Sum(("jackpot",)),
    "jackpotContribute": Sum(("jackpotContribute",), unsigned=True),
    "tax": Sum(("tax",), unsigned=True),
}

REPORTS = (
    Report(
        stream="daily_by_game_type",
        of="transactions",
        measures=_MEASURES,
        groups={"gType": "gType"},
        total=("data", "totalSummary"),
    ),
    Report(
        stream="daily_by_player",
        of="transactions",
        measures=_MEASURES,
        groups={"uid": "playerId"},
        each={"gType": "gType"},
    ),
)
