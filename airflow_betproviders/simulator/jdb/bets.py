"""JDB's bets: settled rounds with a gameDate and a lastModifyTime, in seconds of the account's fixed offset."""

from __future__ import annotations

import random
import uuid
from collections.abc import Mapping, Sequence
from datetime import timezone
from decimal import Decimal
from functools import partial
from itertools import accumulate

from airflow_betproviders.simulator.contract.clock import text_of
from airflow_betproviders.simulator.jdb.layouts import ARCADE, CARD, FISH, GTYPES, HRG, SLOT, JdbBet, record
from airflow_betproviders.simulator.vendor.bet_history import HOUR, MINUTE, Cohort, Row, supersede

TIME = "%d-%m-%Y %H:%M:%S"
GAME_DATE, LAST_MODIFY = 0, 1
PLAYERS = ("0012", "test01", "testpl01", "玩家88", "émile😀", *(f"jp{number:04d}" for number in range(40)))
CURRENCIES = ("RB", "TB", "VN")
LARGEST_STAKE = Decimal("-999999999999.9999")
ZERO = Decimal(0)
LATE_MINUTES = {"late-40": 40, "late-150": 150, "restored-90": 90}
WEIGHTS = list(
    accumulate(8 if gtype in (0, 7, 66) else 3 if gtype in (*ARCADE, *CARD, 12, 22) else 1 for gtype in GTYPES)
)


class JdbBets:
    """Make JDB's rounds. Most settle within two minutes of their gameDate, some after 40 or 150 minutes.

    A round that is restored after a refused cancellation is returned again, with a new result and lastModifyTime.
    """

    cohorts: Sequence[Cohort] = (
        Cohort("prompt", 1.0, (0, 1, 2)),
        *(Cohort(name, 1 / 3, (0, 1, 2, late, late + 1)) for name, late in LATE_MINUTES.items()),
    )

    def __init__(self, zone: timezone, *, doubled: bool) -> None:
        self._zone = zone
        self._doubled = doubled

    def bets(self, cohort: Cohort, minute: int, count: int, rng: random.Random) -> Mapping[str, list[Row]]:
        """Return the versions of the rounds played in a minute."""
        rows: list[Row] = []
        for number in range(count):
            rows += self._round(cohort.name, minute, number, rng)
        return {"round": rows}

    def _round(self, cohort: str, minute: int, number: int, rng: random.Random) -> list[Row]:
        on_the_hour = cohort == "prompt" and number == 0 and minute % HOUR == 0
        played = minute + (0 if on_the_hour else rng.randrange(60) * 1000)
        quick = played + (0 if on_the_hour else rng.choice((0, 0, 1, 7, 47, 100)) * 1000)
        bet = _bet(cohort, minute, number, rng, largest=on_the_hour and minute // HOUR % 3 == 0)
        late = LATE_MINUTES.get(cohort, 0) * MINUTE
        first = self._row(bet, played, played + late if cohort.startswith("late") else quick, rng)
        if not cohort.startswith("restored"):
            return [first]
        other = bet._replace(win=bet.win + Decimal(rng.randrange(1, 500)) / 10)
        return supersede([first, self._row(other, played, played + late, rng)])

    def _row(self, bet: JdbBet, played: int, modified: int, rng: random.Random) -> Row:
        times = [text_of(moment, TIME, self._zone) for moment in (played, modified)]
        text = partial(record, bet, *times, doubled=self._doubled)
        shown = modified + rng.randrange(5, 150) * 1000
        return Row(f"{bet.gtype}/{bet.history_id}", (played, modified), shown, text, bet)


def _bet(cohort: str, minute: int, number: int, rng: random.Random, *, largest: bool) -> JdbBet:
    gtype = 0 if largest else rng.choices(GTYPES, cum_weights=WEIGHTS)[0]
    stake = -Decimal(rng.choice((5, 40, 100, 2240, 9000, 50000))) / 100
    gamble, jackpot, contribution = ZERO, ZERO, ZERO
    win = -stake * rng.choice((0, 0, 0, 1, 2, 5)) * Decimal(rng.randrange(50, 150)) / 100
    if largest:
        stake, win = LARGEST_STAKE, ZERO
    if gtype in ARCADE and rng.random() < 0.3:
        stake, gamble = ZERO, stake
    if gtype in SLOT:
        contribution = stake / 200 if not largest else ZERO
        jackpot = Decimal(50) if rng.random() < 0.01 else ZERO
        win += jackpot
    tax = (-win * 5 / 100).quantize(Decimal("0.0001")) if gtype in CARD and win > 0 else ZERO
    serial = (minute // MINUTE * 8 + ["prompt", *LATE_MINUTES].index(cohort)) * 20_000 + number
    return JdbBet(
        history_id=_history_id(gtype, serial, rng),
        player=PLAYERS[int(rng.random() ** 2 * len(PLAYERS))],
        gtype=gtype,
        mtype=(gtype or 8) * 1000 + rng.randrange(1, 20),
        bet=stake,
        gamble=gamble,
        win=win,
        tax=tax,
        jackpot=jackpot,
        contribution=contribution,
        commission=(-stake / 100).quantize(Decimal("0.0001")) if gtype in HRG else ZERO,
        valid_bet=ZERO if gtype in HRG and rng.random() < 0.2 else stake,
        currency=rng.choice(CURRENCIES),
        before=Decimal(rng.randrange(10**7, 10**9)) / 1000,
        transfer=minute // MINUTE if gtype in FISH else serial,
        round=str(rng.randrange(5000, 10**9)),
        ip=f"10.20.{rng.randrange(256)}.{rng.randrange(256)}",
        client=rng.choice(("WEB", "desktop", "手机")),
        flag=rng.randrange(2),
    )


def _history_id(gtype: int, serial: int, rng: random.Random) -> str:
    """Return an id in the form of the round's sub-provider. ZestPlay's ids repeat those of other sub-providers' rounds."""
    if gtype in HRG:
        return f"AAA-{serial}"
    if gtype in (130, 131, 132):
        return str(uuid.UUID(int=rng.getrandbits(128), version=4))
    if gtype in (30, 31, 32):
        return f"{rng.choice(('asf', 'iu4', 'y7'))}{serial:x}"
    if gtype == 120:
        return str(serial - 1)
    return f"00{serial}" if gtype == 12 else str(serial)
