"""PV's bets: the record of ``/api/all/history`` (PV document, 1.3) and its layouts in the other endpoints."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

from airflow_betproviders.simulator.vendor.base import quote
from airflow_betproviders.simulator.vendor.bet_history import HOUR, Cohort, Row


class Game(NamedTuple):
    """A game of /api/all/list (1.1)."""

    game_id: int
    name: str
    kind: str


GAMES = (
    Game(1006, "Elves", "Slots"),
    Game(1007, "777-fruit", "Slots"),
    Game(1019, "Dragon 龙", "Slots"),
    Game(1056, "Lucky Tiger", "Slots"),
    Game(1062, "Gems", "Slots"),
    Game(2000, "SicBo", "Multiplayer"),
    Game(2011, "Roulette", "Multiplayer"),
    Game(3011, "CrashI", "Crypto"),
    Game(3015, "CrashII", "Crypto"),
    Game(4001, "AndarBahar", "Table"),
    Game(5001, "Fish 🐟", "Fish"),
)
SLOTS = frozenset(game.game_id for game in GAMES if game.kind == "Slots")
CRASH = frozenset((3011, 3015))
OP_IDS = ("0012", "1234", "玩家-é-😀")


class PvBet(NamedTuple):
    """A PV bet; amounts are integers in li (1000 li are one currency unit)."""

    event_id: str
    draw_id: str
    game_id: int
    user_id: int
    op_id: str
    bet: int
    gain: int
    before: int
    start: int
    end: int


def player(number: int) -> tuple[int, str]:
    """Return a player's user_id (wider than 32 bits) and op_id (often empty)."""
    return 101106411105 + number * 97, OP_IDS[number // 4 % 3] if number % 4 == 0 else ""


class PvBets:
    """Make PV's bets. They are settled when they first appear and never change: no document says otherwise."""

    cohorts: Sequence[Cohort] = (Cohort("prompt", 1.0, (0, 1)),)

    def bets(self, cohort: Cohort, minute: int, count: int, rng: random.Random) -> Mapping[str, list[Row]]:  # noqa: ARG002
        """Return the bets that started in a minute."""
        return {"bet": [self._bet(minute, number, rng) for number in range(count)]}

    def _bet(self, minute: int, number: int, rng: random.Random) -> Row:
        on_the_hour = number == 0 and minute % HOUR == 0
        game = GAMES[rng.randrange(len(GAMES))].game_id
        user_id, op_id = player(int(rng.random() ** 2 * 48))
        start = minute // 1000 + (0 if on_the_hour else rng.randrange(60))
        bet = rng.choice((100, 1000, 12_345, 100_000, 600_000)) * rng.randrange(1, 9)
        if on_the_hour and minute // HOUR % 3 == 0:
            bet = 9_007_199_254_740_993  # 2**53 + 1, which a float cannot hold
        gain = -bet if rng.random() < 0.7 else rng.randrange(bet * 3)
        if game in SLOTS:
            end = start + (0 if on_the_hour else rng.randrange(2))
            draw_id = f"{game}-0-{rng.randrange(1000)}-{start}-{number}"
        else:
            end = start if on_the_hour else start - start % 20 + 20
            draw_id = str(34_000_000 + start // 20 % 60_000_000 + game)
        bits = rng.getrandbits(96)
        event_id = f"{bits >> 64:08x}-{bits >> 48 & 0xFFFF:04x}-11f0-{bits >> 32 & 0x3FFF | 0x8000:04x}-"
        event_id += f"{bits & 0xFFFFFFFF:08x}{number & 0xFFFF:04x}"
        pv_bet = PvBet(event_id, draw_id, game, user_id, op_id, bet, gain, rng.randrange(bet, bet + 10**10), start, end)
        return Row(
            event_id, (start * 1000, end * 1000), (end + rng.randrange(5, 300)) * 1000, partial(history, pv_bet), pv_bet
        )


def history(bet: PvBet) -> str:
    """Return a record of /api/all/history (1.3)."""
    return (
        f'{{"event_id":"{bet.event_id}","draw_id":"{bet.draw_id}","game_id":{bet.game_id},"user_id":{bet.user_id},'
        f'"op_id":{quote(bet.op_id)},{_money(bet)},{_times(bet)}}}'
    )


def games_record(bet: PvBet, *, by_user: bool) -> str:
    """Return a record of /api/games/user/history (2.1) or /api/games/game/history (2.2)."""
    rng = random.Random(bet.event_id)
    areas, wins = (f"[{rng.randrange(150)},{rng.randrange(150)}]" for _ in range(2))
    odds = f"{rng.randrange(100, 5000) / 100}" if bet.game_id in CRASH else "null"
    who = "" if by_user else f'"user_id":{bet.user_id},"op_id":{quote(bet.op_id)},'
    money = _money(bet) if by_user else f'"bet_amount":{bet.bet},"gain_amount":{bet.gain}'
    return (
        f'{{"event_id":"{bet.event_id}","draw_id":"{bet.draw_id}","game_id":{bet.game_id},{who}{money},{_times(bet)},'
        f'"bet_areas":{areas},"win_areas":{wins},"game_result":{rng.randrange(37)},"award_odds":{odds}}}'
    )


def slots_record(bet: PvBet) -> str:
    """Return a record of /api/slots/user/history (3.1)."""
    rng = random.Random(bet.event_id)
    payout = bet.bet + bet.gain
    feature = rng.choice((0, 0, 0, 1, 2))
    free = payout // 2 if feature == 1 else 0
    bonus = payout // 2 if feature == 2 else 0
    business = (
        f'{{"award_type":{feature},"base_amount":{payout - free - bonus},"free_amount":{free},"bonus_amount":{bonus},'
        f'"jackpot_amount":0,"extra_spins":{rng.choice((0, 0, 5))}}}'
    )
    return (
        f'{{"event_id":"{bet.event_id}","draw_id":"{bet.draw_id}","user_id":{bet.user_id},"op_id":{quote(bet.op_id)},'
        f'"currency":"$","game_id":{bet.game_id},"feature":{feature},"extra_business":{business},'
        f'{_money(bet)},{_times(bet)},"is_buy":{"true" if rng.random() < 0.1 else "false"}}}'
    )


def _money(bet: PvBet) -> str:
    return (
        f'"bet_amount":{bet.bet},"gain_amount":{bet.gain},'
        f'"credit_before_bet":{bet.before},"credit":{bet.before + bet.gain}'
    )


def _times(bet: PvBet) -> str:
    return f'"start_at":{bet.start},"end_at":{bet.end}'


def game_list() -> list[dict[str, Any]]:
    """Return the records of /api/all/list (1.1)."""
    return [
        {
            "game_id": game.game_id,
            "game_name": game.name,
            "game_type": game.kind,
            "resource_url": f"https://static.example.com/{game.game_id}.png",
            "resource_with_name_url": f"https://static.example.com/{game.game_id}-name.png",
        }
        for game in GAMES
    ]


def matches(bet: PvBet, filters: Mapping[str, Any]) -> bool:
    """Return whether a bet is of the requested game and player."""
    return bool(
        filters.get("game_id", bet.game_id) == bet.game_id
        and filters.get("user_id", bet.user_id) == bet.user_id
        and filters.get("op_id", bet.op_id) == bet.op_id
    )
