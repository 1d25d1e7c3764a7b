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

COLUMNS = {"gameCode": ("gameCode", "providerCode"), "provider": ("providerCode",), "player": ("playerId",)}
Sums = tuple[Decimal, ...]
"""Bets, wins, cancels, jackpot contributions, jackpot wins, rakes and rounds."""
SumsByGroup = dict[tuple[int, str, str, str, str], Sums]
"""By brand, currency, provider, game and player."""


def sum_by_group(rows: list[Row]) -> SumsByGroup:
    """Add up rounds by brand, currency, provider, game and player."""
    made: SumsByGroup = {}
    for row in rows:
        each: Round = row.facts
        group = (each.brand, each.currency, each.provider, each.game, each.player)
        sums = (each.bets, each.wins, each.cancels, each.jpc, each.jpw, each.rake, Decimal(1))
        made[group] = _plus(made.get(group), sums)
    return made


def _plus(one: Sums | None, other: Sums) -> Sums:
    return other if one is None else tuple(a + b for a, b in zip(one, other, strict=True))


def report(history: BetHistory, start: int, end: int, now: int, filters: Mapping[str, Any]) -> list[str]:
    """Return one object for each currency and group, in the page's fields."""
    report_by = str(filters.get("reportBy", ""))
    sums: dict[tuple[str, ...], Sums] = {}
    players: dict[tuple[str, ...], set[str]] = {}
    for _, made in history.by_hour("sums", "round", start, end, now, sum_by_group):
        for (brand, currency, provider, game, player), each in made.items():
            known = {"currency": currency, "gameCode": game, "providerCode": provider, "playerId": player}
            if brand != BRAND or any(filters.get(name) not in (None, value) for name, value in known.items()):
                continue
            group = (currency, *(known[name] for name in COLUMNS.get(report_by, ())))
            sums[group] = _plus(sums.get(group), each)
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
