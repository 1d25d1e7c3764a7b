"""AIG's bets: the record of ``/api/game/transaction/query`` (AIG document) through placing, settling and voiding."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from decimal import Decimal
from functools import partial
from typing import NamedTuple

from airflow_betproviders.simulator.vendor.base import quote
from airflow_betproviders.simulator.vendor.bet_history import HOUR, Cohort, Row, supersede

PLACED, SETTLED, CANCELLED, INVALID, VOIDED = range(5)
USERS = ("0012", "7797", "uid001", "玩家7", "émile😀", *(f"u{number:05d}" for number in range(40)))
CURRENCIES = ("USD", "CNY", "VND2")
BACCARAT_ITEMS = ("Banker", "Player", "Tie", "Big", "Small", "PlayerPair", "BankerPair", "Super6", "AnyPair")
ROULETTE_ITEMS = ("Direct-11", "Dozen-1", "Dozen-2", "Odd", "Even", "Red", "Black", "Small", "Column-1")
SUITS = ("Hearts", "Diamonds", "Clubs", "Spades")
STAKES = tuple(map(Decimal, ("10", "50", "100", "250", "12.5")))
RANKS = ("A", "2", "3", "4", "5", "6", "7", "8", "9", "10", "J", "Q", "K")
LARGEST_STAKE = Decimal("999999999999.9999")
LATE_MINUTES = {"late-12": 12, "late-130": 130, "void-35": 35, "void-200": 200}


class AigBet(NamedTuple):
    """The members that all versions of an order share."""

    id: str
    user: str
    game: str
    table: str
    shoe: int
    round: int
    placed: int
    stakes: tuple[tuple[str, Decimal], ...]
    wins: tuple[tuple[str, Decimal], ...]
    currency: str
    no_comm: bool
    random_bits: int
    """Random bits, from which the cards and results are made."""


class Version(NamedTuple):
    """The members that change from version to version."""

    status: int
    updated: int
    settled: int


class AigBets:
    """An order is placed (0), then settled (1), cancelled (2) or invalid (3); some settled ones turn invalid (4).

    Each change moves ``update_time``, so the order leaves the window in which it was seen before.
    """

    cohorts: Sequence[Cohort] = (
        Cohort("prompt", 1.0, (0, 1)),
        *(Cohort(name, 0.25, (0, 1, late, late + 1)) for name, late in LATE_MINUTES.items()),
    )

    def __init__(self, *, zero: bool) -> None:
        self._zero = zero

    def bets(self, cohort: Cohort, minute: int, count: int, rng: random.Random) -> Mapping[str, list[Row]]:
        """Return the versions of a minute's orders."""
        orders = (self._order(cohort.name, minute, number, rng) for number in range(count))
        return {"order": [row for versions in orders for row in versions]}

    def _order(self, cohort: str, minute: int, number: int, rng: random.Random) -> list[Row]:
        on_the_hour = cohort == "prompt" and number == 0 and minute % HOUR == 0
        placed = minute if on_the_hour else minute + rng.randrange(60_000)
        bet = _bet(placed, rng, largest=on_the_hour and minute // HOUR % 3 == 0)
        settled = placed + 20_000 + rng.randrange(25_000)
        late = LATE_MINUTES.get(cohort, 0) * 60_000
        versions = [Version(PLACED, placed, 0)]
        draw = rng.random()
        if on_the_hour:
            # The vendor's own baccarat sample is settled with an update_time that never moved.
            versions = [Version(SETTLED, placed, settled)]
        elif cohort.startswith("late"):
            versions.append(Version(SETTLED, placed + late, placed + late))
        elif cohort.startswith("void"):
            versions += [Version(SETTLED, settled, settled), Version(VOIDED, placed + late, settled)]
        elif draw < 0.05:
            versions.append(Version(CANCELLED, placed + 1000 + rng.randrange(9000), 0))
        elif draw < 0.07:
            versions.append(Version(INVALID, settled, 0))
        else:
            versions.append(Version(SETTLED, settled, settled))
        rows = []
        shown = 0
        for version in versions:
            shown = max(shown, version.updated, version.settled) + 1000 + rng.randrange(60_000)
            rows.append(Row(bet.id, (version.updated,), shown, partial(record, bet, version, zero=self._zero), bet))
        return supersede(rows)


def _bet(placed: int, rng: random.Random, *, largest: bool) -> AigBet:
    baccarat = rng.random() < 0.7
    items = BACCARAT_ITEMS if baccarat else ROULETTE_ITEMS
    first, count = rng.randrange(len(items)), rng.choice((1, 1, 2) if baccarat else (2, 3, 5))
    chosen = [items[first - number] for number in range(count)]
    stakes = [(item, rng.choice(STAKES)) for item in chosen] if not largest else [(chosen[0], LARGEST_STAKE)]
    wins = [(item, stake * rng.choice((0, 0, 1, 2)) if not largest else Decimal(0)) for item, stake in stakes]
    shoe = 10_000 + placed // HOUR % 5000
    return AigBet(
        id=f"{placed // 1000:08x}{rng.getrandbits(64):016x}",
        user=USERS[int(rng.random() ** 2 * len(USERS))],
        game="101" if baccarat else "103",
        table=f"iN95Kc{rng.randrange(10)}",
        shoe=shoe,
        round=rng.randrange(80) if baccarat else shoe,
        placed=placed,
        stakes=tuple(stakes),
        wins=tuple(wins),
        currency=rng.choice(CURRENCIES),
        no_comm=rng.random() < 0.5,
        random_bits=rng.getrandbits(64),
    )


def _outcome(bet: AigBet) -> tuple[str, str]:
    """Return game result and open cards."""
    bits = bet.random_bits
    if bet.game == "103":
        result = f'["{("Red", "Black")[bits & 1]}","{("Odd", "Even")[bits >> 1 & 1]}","Column-{bits % 3 + 1}"]'
        return result, f'{{"result":"{bits % 37}"}}'
    deck = [SUITS[bits >> shift & 3] + RANKS[(bits >> shift + 2) % len(RANKS)] for shift in range(0, 48, 8)]
    banker, player = ",".join(deck[: 2 + (bits >> 60 & 1)]), ",".join(deck[3 : 5 + (bits >> 61 & 1)])
    result = f'["{("Banker", "Player", "Tie")[bits % 3]}","{("Big", "Small")[bits & 1]}"]'
    return result, f'{{"banker":"{banker}","player":"{player}"}}'


def record(bet: AigBet, version: Version, *, zero: bool) -> str:
    """Return one order as the document's sample shows it: money as text, except in ``bet_detail``."""
    stake = sum((amount for _, amount in bet.stakes), Decimal(0))
    if version.status == PLACED:
        win, wins = Decimal(0), {}
    elif version.status == SETTLED:
        win, wins = sum((amount for _, amount in bet.wins), Decimal(0)), dict(bet.wins)
    else:
        # The stake goes back, which keeps real_win_amount = win_amount - bet_amount true.
        win, wins = stake, dict(bet.stakes)
    counted = stake if version.status in (PLACED, SETTLED) else Decimal(0)
    result, cards = ("[]", "{}") if version.status in (PLACED, CANCELLED) else _outcome(bet)
    settle = f'"settle_time":{version.settled},' if version.settled or zero else ""
    bet_detail = ",".join(f'"{item}":{amount.normalize():f}' for item, amount in bet.stakes)
    win_detail = ",".join(f'"{item}":"{_cents(amount)}"' for item, amount in wins.items())
    return (
        f'{{"id":"{bet.id}","user_id":{quote(bet.user)},"game_id":"{bet.game}","inst_id":"{bet.table}",'
        f'"shoe_id":{bet.shoe},"round_id":{bet.round},"bet_time":{bet.placed},{settle}'
        f'"bet_amount":"{stake.normalize():f}","real_bet_amount":"{counted.normalize():f}",'
        f'"valid_bet_turnover":"{counted.normalize():f}","win_amount":"{_cents(win)}",'
        f'"real_win_amount":"{_cents(win - stake)}","currency":"{bet.currency}","bet_detail":{{{bet_detail}}},'
        f'"win_detail":{{{win_detail}}},"no_comm":{"true" if bet.no_comm else "false"},'
        f'"game_result":{result},"open_cards":{cards},'
        f'"create_time":{bet.placed},"update_time":{version.updated},"status":{version.status}}}'
    )


def _cents(amount: Decimal) -> str:
    return f"{amount:.2f}" if amount == amount.quantize(Decimal("0.01")) else f"{amount:f}"
