"""PV's summary endpoints (PV document, 1.2, 1.4, 2.3, 2.4, 3.2, 3.3): sums of the bets that the history returns."""

from __future__ import annotations

import json
import random
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import astuple, dataclass
from datetime import datetime, timezone
from typing import Any

from airflow_betproviders.simulator.pv.bets import GAMES, SLOTS, PvBet, player
from airflow_betproviders.simulator.vendor.bet_history import HOUR, BetHistory, Row


@dataclass
class BetSums:
    """The number of bets, and their sums in li."""

    count: int = 0
    bet: int = 0
    gain: int = 0

    def add(self, other: BetSums) -> None:
        """Add other sums to these."""
        self.count += other.count
        self.bet += other.bet
        self.gain += other.gain


SumsByGroup = dict[tuple[int, int, str], BetSums]
"""By game, user and op_id."""


def sum_by_group(rows: list[Row]) -> SumsByGroup:
    """Add up bets by game, user and op_id."""
    sums_by_group: SumsByGroup = {}
    for row in rows:
        bet: PvBet = row.facts
        sums_by_group.setdefault((bet.game_id, bet.user_id, bet.op_id), BetSums()).add(BetSums(1, bet.bet, bet.gain))
    return sums_by_group


class Summaries:
    """Every total that PV gives for a range of one bet history."""

    def __init__(self, history: BetHistory, clock: int) -> None:
        self._bets = history
        self._clock = clock

    def _hours(self, start: int, end: int, now: int) -> Iterator[tuple[int, SumsByGroup]]:
        return self._bets.by_hour("sums", "bet", start, end, now, sum_by_group, clock=self._clock)

    def _total(self, start: int, end: int, now: int) -> SumsByGroup:
        total: SumsByGroup = {}
        for _, sums_by_group in self._hours(start, end, now):
            for group, sums in sums_by_group.items():
                total.setdefault(group, BetSums()).add(sums)
        return total

    def days(self, start: int, end: int, now: int) -> list[dict[str, Any]]:
        """Return the day list (1.2): newest day first, UTC days, the first and last cut by the range."""
        days: dict[str, BetSums] = {}
        for at, sums_by_group in self._hours(start, end, now):
            date = datetime.fromtimestamp(at // 1000, timezone.utc).strftime("%Y-%m-%d")
            day = days.setdefault(date, BetSums())
            for sums in sums_by_group.values():
                day.add(sums)
        return [{"date": date, **_with_company(day)} for date, day in sorted(days.items(), reverse=True) if day.count]

    def slots_by_game(self, start: int, end: int, now: int) -> list[dict[str, Any]]:
        """Return the sums of slots by game (3.3)."""
        games: dict[int, BetSums] = {}
        for (game, _, _), sums in self._total(start, end, now).items():
            if game in SLOTS:
                games.setdefault(game, BetSums()).add(sums)
        return [{"game_id": game, **_with_company(sums)} for game, sums in sorted(games.items())]

    def slots_by_user(
        self, start: int, end: int, now: int, user_id: int | None, op_id: str | None
    ) -> list[dict[str, Any]]:
        """Return the sums of slots by player and game (3.2)."""
        return [
            {
                "user_id": user,
                "op_id": op,
                "game_id": game,
                "bet_count": sums.count,
                "bet_amount": sums.bet,
                "gain_amount": sums.gain,
                "currency": "$",
            }
            for (game, user, op), sums in sorted(self._total(start, end, now).items())
            if game in SLOTS and user_id in (None, user) and op_id in (None, op)
        ]

    def games_by_game(self, start: int, end: int, now: int, game_id: int) -> dict[str, Any]:
        """Return the sums of one game that is no slot (2.4)."""
        users: dict[int, BetSums] = {}
        for (game, user, _), sums in self._total(start, end, now).items():
            if game == game_id and game not in SLOTS:
                users.setdefault(user, BetSums()).add(sums)
        total = BetSums()
        for sums in users.values():
            total.add(sums)
        return {
            "bet_amount": total.bet,
            "gain_amount": total.gain,
            "user_count": len(users),
            "bet_count": total.count,
            "win_user_count": sum(sums.gain > 0 for sums in users.values()),
            "lose_user_count": sum(sums.gain < 0 for sums in users.values()),
        }


def _with_company(sums: BetSums) -> dict[str, int]:
    count, bet, gain = astuple(sums)
    return {"bet_count": count, "bet_amount": bet, "gain_amount": gain, "company_gain_amount": -gain}


def games_by_user(bets: Iterable[PvBet]) -> dict[str, int]:
    """Return the sums of one player in games that are no slots (2.3), from the player's bets in order of time."""
    listed = list(bets)
    return {
        "bet_amount": sum(bet.bet for bet in listed),
        "gain_amount": sum(bet.gain for bet in listed),
        "credit_before_game": listed[0].before if listed else 0,
        "credit": listed[-1].before + listed[-1].gain if listed else 0,
    }


def bonus_summary(seed: int, start: int, end: int, filters: Mapping[str, Any]) -> str:
    """Return the bonus summary (1.4), of one bonus an hour; money sums are floats in this endpoint alone."""
    released = used = release = converted = bet = win = 0
    for hour in range(start - start % HOUR, end, HOUR):
        rng = random.Random(f"{seed}/bonus/{hour}")
        created = hour + rng.randrange(3600) * 1000
        user_id, op_id = player(rng.randrange(48))
        facts = {
            "game_ids": rng.choice(GAMES).game_id,
            "create_type_list": rng.randrange(1, 4),
            "state_list": rng.randrange(1, 6),
        }
        amount = rng.randrange(100, 1000) * 1000
        if not start <= created < end:
            continue
        if filters.get("user_id") not in (None, user_id) or filters.get("op_id") not in (None, op_id):
            continue
        if any(filters.get(name) and fact not in filters[name] for name, fact in facts.items()):
            continue
        released += 1
        if facts["state_list"] != 1:
            used += 1
            release += amount
            bet += amount * 5
            win -= amount * 2
        if facts["state_list"] == 3:
            converted += amount // 2
    body = {"release_count": released, "used_count": used, "release_bonus": 0.0, "converted_cash": 0.0}
    body |= {"bet_amount": bet, "win_amount": win}
    text = json.dumps(body, separators=(",", ":"))
    text = text.replace('"release_bonus":0.0', f'"release_bonus":{release}.0')
    return text.replace('"converted_cash":0.0', f'"converted_cash":{converted}.0')
