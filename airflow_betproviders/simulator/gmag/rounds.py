"""Make GM-Ag's rounds at random."""

from __future__ import annotations

import random
from decimal import Decimal
from typing import NamedTuple

from airflow_betproviders.simulator.vendor.bet_history import HOUR

PLAYERS = ("0012", "palyerid1", "SDFDF", "玩家-é", "émile😀", *(f"gm{number:04d}" for number in range(40)))
GAMES = (
    ("pt", "bfb", "slots", "疯狂金币 🪙"),
    ("pt", "gpas_pluck_pop", "slots", "Pluck Pop"),
    ("gf", "gf_2202", "slots", "Wolf Disco"),
    ("evo", "evo_baccarat_7", "live", "Speed Baccarat"),
    ("oaks", "oaks_0012", "slots", "Sun of Egypt"),
    ("jili", "jili_fish_1", "arcade", "Royal Fishing"),
    ("sbo", "sbo_book", "sport", "Sportsbook"),
)
CURRENCIES = ("CNY", "IDR", "USD")
BRAND, SUB_BRAND = 1001, 1002
LARGEST_STAKE = Decimal("999999999999.9999")
ZERO = Decimal(0)


class Round(NamedTuple):
    """A GM-Ag round; all amounts are positive and in currency units with four decimals."""

    round_id: str
    brand: int
    player: str
    provider: str
    game: str
    game_type: str
    currency: str
    bets: Decimal
    wins: Decimal
    cancels: Decimal
    trans_in: Decimal
    trans_out: Decimal
    before: Decimal
    rake: Decimal
    jpc: Decimal
    jpw: Decimal
    started: int
    ended: int
    random_bits: int

    @property
    def after(self) -> Decimal:
        """Return the player's balance when the round is over."""
        return self.before - self.bets + self.wins + self.cancels - self.trans_in + self.trans_out


def make_round(minute: int, serial: int, rng: random.Random, *, on_the_hour: bool) -> Round:
    """Return a round that begins in a minute; ``on_the_hour``, at its first millisecond."""
    provider, game, game_type, _ = rng.choice(GAMES)
    started = minute if on_the_hour else minute + rng.randrange(60_000)
    bets = Decimal(rng.choice((5, 12.5, 100, 2500)))
    wins = (bets * rng.choice((0, 0, 1, 2)) * Decimal(rng.randrange(5000, 15_000)) / 10_000).quantize(Decimal("0.0001"))
    cancels = trans_in = trans_out = jpc = jpw = ZERO
    if on_the_hour and minute // HOUR % 3 == 0:
        bets, wins = LARGEST_STAKE, ZERO
    elif game_type == "arcade":
        bets, wins, trans_in, trans_out = ZERO, ZERO, bets, wins
    elif rng.random() < 0.03:
        wins, cancels = ZERO, bets
    elif game_type == "slots":
        jpc = (bets / 1000).quantize(Decimal("0.0001"))
        if rng.random() < 0.05:
            jpw = Decimal("5.1235")
            wins += jpw
    return Round(
        # Two providers may give the same roundId to different rounds.
        round_id=str(serial - 1 if provider == "oaks" else serial),
        brand=SUB_BRAND if rng.random() < 0.1 and not on_the_hour else BRAND,
        player=PLAYERS[int(rng.random() ** 2 * len(PLAYERS))],
        provider=provider,
        game=game,
        game_type=game_type,
        currency=rng.choice(CURRENCIES),
        bets=bets,
        wins=wins,
        cancels=cancels,
        trans_in=trans_in,
        trans_out=trans_out,
        before=Decimal(rng.randrange(10**8)) / 100 + bets,
        rake=(bets / 100).quantize(Decimal("0.0001")) if game_type == "live" else ZERO,
        jpc=jpc,
        jpw=jpw,
        started=started,
        ended=started if on_the_hour else started + rng.randrange(200, 40_000),
        random_bits=rng.getrandbits(16),
    )
