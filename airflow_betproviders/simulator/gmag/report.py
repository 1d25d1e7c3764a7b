"""GM-Ag's history/gameReport: sums of the rounds that the history returns.

It follows the vendor's public page GameReport (998637577): rounds by endTime, grouped by currency and ``reportBy``.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from airflow_betproviders.simulator.gmag.rounds import BRAND, Round
from airflow_betproviders.simulator.vendor.base import quote
from airflow_betproviders.simulator.vendor.bet_history import BetHistory, Row
from airflow_betproviders.simulator.vendor.sums import Sums, add_sums

COLUMNS = {"gameCode": ("gameCode", "providerCode"), "provider": ("providerCode",), "player": ("playerId",)}
SumsByGroup = dict[tuple[int, str, str, str, str], Sums]
"""By brand, currency, provider, game and player."""


def sum_by_group(rows: list[Row]) -> SumsByGroup:
    """Add up rounds by brand, currency, provider, game and player."""
    sums_by_group: SumsByGroup = {}
    for row in rows:
        game_round: Round = row.facts
        group = (game_round.brand, game_round.currency, game_round.provider, game_round.game, game_round.player)
        sums_by_group[group] = add_sums(sums_by_group.get(group), _sums(game_round))
    return sums_by_group


def _sums(game_round: Round) -> Sums:
    """Return bets, wins, cancels, jackpot contributions, jackpot wins, rakes, and one round."""
    amounts = (game_round.bets, game_round.wins, game_round.cancels, game_round.jpc, game_round.jpw, game_round.rake)
    return (*amounts, Decimal(1))


def report(history: BetHistory, start: int, end: int, now: int, filters: Mapping[str, Any]) -> list[str]:
    """Return one object for each currency and group, in the page's fields."""
    report_by = str(filters.get("reportBy", ""))
    sums: dict[tuple[str, ...], Sums] = {}
    players: dict[tuple[str, ...], set[str]] = {}
    for _, sums_by_group in history.by_hour("sums", "round", start, end, now, sum_by_group):
        for (brand, currency, provider, game, player), group_sums in sums_by_group.items():
            known = {"currency": currency, "gameCode": game, "providerCode": provider, "playerId": player}
            if brand != BRAND or any(filters.get(name) not in (None, value) for name, value in known.items()):
                continue
            group = (currency, *(known[name] for name in COLUMNS.get(report_by, ())))
            sums[group] = add_sums(sums.get(group), group_sums)
            players.setdefault(group, set()).add(player)
    return [_record(group, sums[group], len(players[group]), report_by) for group in sorted(sums)]


def _record(group: tuple[str, ...], sums: Sums, players: int, report_by: str) -> str:
    bets, wins, cancels, jpc, jpw, rakes, games = sums
    columns = dict(zip(COLUMNS.get(report_by, ()), group[1:], strict=True))
    by = "".join(f',"{name}":{quote(value)}' for name, value in columns.items())
    return (
        f'{{"ggr":{_number(bets - wins - cancels)},"totalWins":{_number(wins)},"totalCancels":{_number(cancels)},'
        f'"players":{players},"games":{games},"totalBets":{_number(bets)},"currency":"{group[0]}",'
        f'"totalJpw":{_number(jpw)},"totalRakes":{_number(rakes)},"totalJpc":{_number(jpc)}{by}}}'
    )


def _number(amount: Decimal) -> str:
    return f"{amount.normalize():f}"
