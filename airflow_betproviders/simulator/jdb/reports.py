"""JDB's daily reports, actions 42 and 66: sums of the rounds that the details return.

Both follow the vendor's public pages (doc.jdb711.com, report/action42 and report/action66). A day D runs from 12:00
UTC+8 of D, which is 04:00Z, to the same time of the next day, by time of play.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from airflow_betproviders.simulator.jdb.bets import GAME_DATE
from airflow_betproviders.simulator.jdb.layouts import JdbBet, number
from airflow_betproviders.simulator.vendor.base import quote
from airflow_betproviders.simulator.vendor.bet_history import DAY, BetHistory, Row
from airflow_betproviders.simulator.vendor.sums import Sums, add_sums

FIELDS = ("bet", "win", "netWin", "jackpot", "jackpotContribute", "count", "validBet", "tax")
SumsByGroup = dict[tuple[int, str], Sums]
"""By gType and player."""


def _sums(bet: JdbBet) -> Sums:
    """Return the amounts of one bet, in the order of `FIELDS`."""
    stake = bet.bet + bet.gamble
    return (stake, bet.win, bet.total, bet.jackpot, bet.contribution, Decimal(1), bet.valid_bet + bet.gamble, bet.tax)


def sum_by_group(rows: list[Row]) -> SumsByGroup:
    """Add up rounds by gType and player."""
    sums_by_group: SumsByGroup = {}
    for row in rows:
        group = (row.facts.gtype, row.facts.player)
        sums_by_group[group] = add_sums(sums_by_group.get(group), _sums(row.facts))
    return sums_by_group


def _total(history: BetHistory, day: int, now: int) -> Iterator[tuple[int, str, Sums]]:
    total: SumsByGroup = {}
    for _, sums_by_group in history.by_hour("sums", "round", day, day + DAY, now, sum_by_group, clock=GAME_DATE):
        for group, sums in sums_by_group.items():
            total[group] = add_sums(total.get(group), sums)
    for (gtype, player), sums in sorted(total.items()):
        yield gtype, player, sums


def by_player(history: BetHistory, day: int, now: int, gtype: int) -> list[str]:
    """Return the rows of action 42: one object a player, for one gType."""
    return [
        f'{{"uid":{quote(who)},{_body(sums)}}}'
        for player_gtype, who, sums in _total(history, day, now)
        if player_gtype == gtype
    ]


def by_game_type(history: BetHistory, day: int, now: int) -> tuple[list[str], str]:
    """Return the rows of action 66, one for each gType, and the grand total."""
    games: dict[int, Sums] = {}
    everything: Sums = (Decimal(0),) * len(FIELDS)
    for gtype, _, sums in _total(history, day, now):
        games[gtype] = add_sums(games.get(gtype), sums)
        everything = add_sums(everything, sums)
    return [f'{{"gType":"{gtype}",{_body(sums)}}}' for gtype, sums in sorted(games.items())], f"{{{_body(everything)}}}"


def _body(sums: Sums) -> str:
    return ",".join(f'"{name}":{number(amount)}' for name, amount in zip(FIELDS, sums, strict=True))
