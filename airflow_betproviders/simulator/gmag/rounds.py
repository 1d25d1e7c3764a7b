"""GM-Ag's rounds, the money movements inside them, and promotion payouts.

Game history follows the given GM-Ag document. The layouts of ``gameTrans`` and ``extraTrans`` follow the vendor's public
pages GameTrans (922190035) and ExtraTrans (1504641032) of its Confluence space.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from datetime import timezone
from decimal import Decimal
from functools import partial
from typing import NamedTuple

from airflow_betproviders.simulator.contract.clock import text_of
from airflow_betproviders.simulator.vendor.base import quote
from airflow_betproviders.simulator.vendor.bet_history import HOUR, MINUTE, Cohort, Row, supersede

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
LATE_MINUTES = {"corrected-25": 25, "corrected-240": 240}


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


class Movement(NamedTuple):
    """The members of a money movement that filters need, inside a round or as a promotion payout."""

    brand: int
    player: str
    provider: str
    game: str
    currency: str
    round_id: str


class GmAgRounds:
    """Settled rounds; a few come again later with other wins and createdAt, but the same roundId and endTime."""

    cohorts: Sequence[Cohort] = (
        Cohort("prompt", 1.0, (0, 1)),
        *(Cohort(name, 0.5, (0, 1, late, late + 1)) for name, late in LATE_MINUTES.items()),
    )

    def bets(self, cohort: Cohort, minute: int, count: int, rng: random.Random) -> Mapping[str, list[Row]]:
        """Return the rounds begun in a minute, their movements, and payouts."""
        rows: dict[str, list[Row]] = {"round": [], "movement": [], "payout": []}
        late = LATE_MINUTES.get(cohort.name, 0) * MINUTE
        for number in range(count):
            serial = (minute // MINUTE * 4 + ["prompt", *LATE_MINUTES].index(cohort.name)) * 20_000 + number
            on_the_hour = not late and number == 0 and minute % HOUR == 0
            game_round = _round(minute, serial, rng, on_the_hour=on_the_hour)
            shown = game_round.ended + rng.randrange(5000, 290_000)
            first = Row(
                _key(game_round), (game_round.ended,), shown, partial(history, game_round, game_round.ended), game_round
            )
            rows["movement"] += movements(game_round)
            if late:
                created = game_round.ended + late
                extra = Decimal(rng.randrange(1, 90_000)) / 10_000
                again = game_round._replace(wins=game_round.wins + extra)
                second = Row(
                    _key(game_round), (game_round.ended,), created + 30_000, partial(history, again, created), again
                )
                rows["round"] += supersede([first, second])
                rows["movement"].append(
                    _movement(game_round, "amend", 9, created, extra, game_round.after, game_round.after + extra)
                )
            else:
                rows["round"].append(first)
            if on_the_hour or rng.random() < 0.02:
                rows["payout"].append(payout(game_round, serial))
        return rows


def _key(game_round: Round) -> str:
    return f"{game_round.brand}/{game_round.provider}/{game_round.player}/{game_round.round_id}"


def _round(minute: int, serial: int, rng: random.Random, *, on_the_hour: bool) -> Round:
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


def history(game_round: Round, created: int) -> str:
    """Return a record of history/game, some of them without the fields that the document calls optional."""
    random_bits = game_round.random_bits
    optional = {
        "platform": f'"{("web", "mobile", "download")[random_bits % 3]}"' if random_bits & 12 else None,
        "transIn": _money(game_round.trans_in) if random_bits & 16 or game_round.trans_in else None,
        "transOut": _money(game_round.trans_out) if random_bits & 16 or game_round.trans_in else None,
        "rake": _money(game_round.rake) if game_round.rake or random_bits & 32 else None,
        "jpc": _money(game_round.jpc) if game_round.game_type == "slots" else None,
        "jpw": _money(game_round.jpw) if game_round.game_type == "slots" else None,
        "jpDetails": f'[{{"id":"0012{random_bits}","contribution":0.12345,"win":{_money(game_round.jpw)}}}]'
        if game_round.jpw
        else None,
        "additionalData": quote("table=7;备注=😀") if random_bits % 29 == 0 else None,
        "detailUrl": f'"https://detail.example.com/round/{game_round.round_id}"' if random_bits & 192 else None,
    }
    return (
        f'{{"playerId":{quote(game_round.player)},"brandId":{game_round.brand},"providerCode":"{game_round.provider}",'
        f'"sessionId":"{_session(game_round)}","roundId":"{game_round.round_id}","roundType":"{_round_type(game_round)}",'
        f'"roundStatus":"end","gameCode":"{game_round.game}","currency":"{game_round.currency}","bets":{_money(game_round.bets)},'
        f'"wins":{_money(game_round.wins)},"cancels":{_money(game_round.cancels)},"balanceEnd":{_money(game_round.after)},'
        f'"bonusBalanceEnd":0.0000,"startTime":"{_millis(game_round.started)}","endTime":"{_millis(game_round.ended)}",'
        f'"createdAt":"{_millis(created)}",{_joined(optional)}"gameType":"{game_round.game_type}"}}'
    )


def movements(game_round: Round) -> list[Row]:
    """Return the bet and its outcome: gameTrans amounts are positive, transType gives the direction."""
    rows: list[Row] = []
    balance = game_round.before
    steps = (
        ("transIn", game_round.started, game_round.trans_in, -1),
        ("bet", game_round.started, game_round.bets, -1),
        ("win", game_round.ended, game_round.wins, 1),
        ("cancel", game_round.ended, game_round.cancels, 1),
        ("transOut", game_round.ended, game_round.trans_out, 1),
    )
    for number, (kind, at, amount, sign) in enumerate(steps):
        if amount:
            rows.append(_movement(game_round, kind, number, at, amount, balance, balance + sign * amount))
            balance += sign * amount
    return rows


def _movement(
    game_round: Round, kind: str, number: int, at: int, amount: Decimal, before: Decimal, after: Decimal
) -> Row:
    trans_id = f"{game_round.provider}{game_round.round_id}{number}"
    facts = Movement(
        game_round.brand,
        game_round.player,
        game_round.provider,
        game_round.game,
        game_round.currency,
        game_round.round_id,
    )
    text = partial(_movement_text, game_round, kind, trans_id, at, amount, before, after)
    return Row(f"{game_round.provider}/{trans_id}", (at,), at + 5000 + game_round.random_bits, text, facts)


def _movement_text(
    game_round: Round, kind: str, trans_id: str, at: int, amount: Decimal, before: Decimal, after: Decimal
) -> str:
    optional = {
        "referenceId": f'"{game_round.provider}{game_round.round_id}1"' if kind == "cancel" else None,
        "validBet": _money(game_round.trans_in) if kind == "transOut" else None,
        "validWin": _money(game_round.trans_out) if kind == "transOut" else None,
        "jpc": _money(game_round.jpc) if kind == "bet" else None,
        "jpw": _money(game_round.jpw) if kind == "win" and game_round.jpw else None,
        "rake": _money(game_round.rake) if kind == "win" else None,
        "description": quote("结算 😀") if game_round.random_bits % 31 == 0 else None,
    }
    return (
        f'{{"transId":"{trans_id}","sessionId":"{_session(game_round)}","playerId":{quote(game_round.player)},'
        f'"currency":"{game_round.currency}","providerCode":"{game_round.provider}","brandId":{game_round.brand},'
        f'"gameCode":"{game_round.game}","roundId":"{game_round.round_id}","roundType":"{_round_type(game_round)}",'
        f'"roundStatus":"{"active" if kind in ("bet", "transIn") else "end"}","transType":"{kind}",'
        f'"transTime":"{_at(at)}","createdAt":"{_millis(at)}","amount":{_money(amount)},'
        f'"balanceBefore":{_money(before)},"balanceAfter":{_money(after)},"platform":"web",'
        f'"bonusBalanceEnd":0.0000,{_joined(optional)}"gameType":"{game_round.game_type}"}}'
    )


def payout(game_round: Round, serial: int) -> Row:
    """Return a record of history/extraTrans: a promotion or tournament payout."""
    amount = Decimal(serial % 97) / 100
    at = game_round.started
    described = f',"description":{quote("锦标赛 🏆")}' if serial % 3 == 0 else ""
    text = (
        f'{{"transId":"x{serial}","playerId":{quote(game_round.player)},"providerCode":"{game_round.provider}",'
        f'"brandId":{game_round.brand},"transTime":"{_at(at)}","amount":{_money(amount)},"currency":"{game_round.currency}",'
        f'"balanceBefore":{_money(game_round.before)},"balanceAfter":{_money(game_round.before + amount)},'
        f'"referenceId":"{10000 + serial % 50}","referenceName":"{10000 + serial % 50}"{described}}}'
    )
    facts = Movement(game_round.brand, game_round.player, game_round.provider, "", game_round.currency, "")
    return Row(f"{game_round.provider}/x{serial}", (at,), at + 5000 + game_round.random_bits, text, facts)


def _joined(optional: Mapping[str, str | None]) -> str:
    return "".join(f'"{name}":{text},' for name, text in optional.items() if text is not None)


def _session(game_round: Round) -> str:
    return f"{game_round.random_bits:08x}{game_round.started:024x}"


def _round_type(game_round: Round) -> str:
    return ("freegame", "bonusgame")[game_round.random_bits % 2] if game_round.random_bits % 17 == 0 else "normal"


def _money(amount: Decimal) -> str:
    return f"{amount:.4f}"


def _millis(ms: int) -> str:
    return f"{text_of(ms, '%Y-%m-%d %H:%M:%S', timezone.utc)}.{ms % 1000:03d}"


def _at(ms: int) -> str:
    """Return a transTime: it may lack milliseconds, as one of the vendor's samples does."""
    return _millis(ms) if ms % 1000 else text_of(ms, "%Y-%m-%d %H:%M:%S", timezone.utc)
