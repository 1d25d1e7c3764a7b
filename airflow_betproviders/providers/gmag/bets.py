"""GM-Ag's bets, from ``game_history`` (document: history/game). Amounts are JSON numbers in currency units, all positive.

A row is a settled round; the house's result is ggr = bets - wins - cancels (public page GameReport). In games of the
transfer kind bets, wins and cancels are 0, and the optional transIn and transOut say what the player put in and took out.
Where a row has both, bets, wins and cancels count: ggr has no transfers.

| column | from |
|---|---|
| bet_id | brandId/providerCode/playerId/roundId: two providers may give one roundId |
| round_id | roundId |
| player_id | playerId |
| game_id | providerCode/gameCode |
| game_type | gameType |
| currency | currency |
| stake | bets; transIn where bets, wins and cancels are 0 |
| payout | wins + cancels: what was cancelled went back to the player; transOut where bets, wins and cancels are 0 |
| net | payout - stake: the negative of ggr |
| valid_stake | null: the record has none |
| jackpot_contribution | jpc |
| jackpot_payout | jpw; the vendor says that it is contained in a win |
| fee | rake |
| balance_before | null: the record has none |
| balance_after | balanceEnd |
| placed_at, settled_at | startTime, endTime |
| updated_at | createdAt, else endTime |
| status | cancelled when all of bets was cancelled and nothing won, else settled; unsettled rounds are not in the stream |
"""

from __future__ import annotations

from decimal import Decimal

from airflow_betproviders.declare.bet_expressions import (
    add,
    all_zero,
    coalesce,
    concat,
    constant,
    if_else,
    instant,
    is_refunded,
    money,
    text,
)
from airflow_betproviders.declare.bet_mapping import BetMapping
from airflow_betproviders.declare.reports import Count, Distinct, Measure, Report, Sum

_ZERO = constant(Decimal(0))
_TRANSFERS = all_zero("bets", "wins", "cancels")
_STAKE = if_else(_TRANSFERS, coalesce(money("transIn"), _ZERO), money("bets"))
_PAYOUT = if_else(_TRANSFERS, coalesce(money("transOut"), _ZERO), add(money("wins"), money("cancels")))

MAPPING = BetMapping(
    provider="gmag",
    streams=("game_history",),
    columns={
        "bet_id": concat("brandId", "providerCode", "playerId", "roundId"),
        "round_id": text("roundId"),
        "player_id": text("playerId"),
        "game_id": concat("providerCode", "gameCode"),
        "game_type": text("gameType"),
        "currency": text("currency"),
        "stake": _STAKE,
        "payout": _PAYOUT,
        "jackpot_contribution": money("jpc"),
        "jackpot_payout": money("jpw"),
        "fee": money("rake"),
        "balance_after": money("balanceEnd"),
        "placed_at": instant("startTime"),
        "settled_at": instant("endTime"),
        "updated_at": coalesce(instant("createdAt"), instant("endTime")),
        "status": if_else(is_refunded("cancels", "bets", "wins"), constant("cancelled"), constant("settled")),
    },
    exact_columns=(
        "playerId",
        "roundId",
        "currency",
        "balanceEnd",
        "rake",
        "startTime",
        "endTime",
        "jpc",
        "jpw",
        "gameType",
    ),
    derivable_columns={
        "bets": money("stake"),
        "wins": money("payout"),
        "cancels": _ZERO,
        "transIn": _ZERO,
        "transOut": _ZERO,
        "createdAt": instant("updated_at"),
    },
)

# Public page GameReport: by endTime, ggr = bets - wins - cancels; of this brand alone, whatever the history includes.
_MEASURES: dict[str, Measure] = {
    "games": Count(),
    "totalBets": Sum(("bets",)),
    "totalWins": Sum(("wins",)),
    "totalCancels": Sum(("cancels",)),
    "ggr": Sum(("bets",), minus=("wins", "cancels")),
    "totalJpc": Sum(("jpc",)),
    "totalJpw": Sum(("jpw",)),
    "totalRakes": Sum(("rake",)),
}

REPORTS = (
    Report(
        stream="game_report",
        of="game_history",
        measures={**_MEASURES, "players": Distinct("playerId")},
        groups={"currency": "currency"},
        own="brandId",
        divisible=True,
    ),
    Report(
        stream="game_report",
        of="game_history",
        measures=_MEASURES,
        groups={"currency": "currency", "gameCode": "gameCode"},
        filters={"reportBy": "gameCode"},
        own="brandId",
        divisible=True,
    ),
)
