"""Finch's rounds (document: 3.3), as a pure function of seed and time."""

from __future__ import annotations

import csv
import io
import json
import random
from collections.abc import Iterator, Sequence
from datetime import datetime, timezone
from decimal import Decimal
from functools import lru_cache
from typing import Any, NamedTuple

SECOND, MINUTE, HOUR = 1000, 60_000, 3_600_000
DATA_TYPES = ("RNG", "LC", "VSB", "BNG", "R1", "R2")
SHARES = (50, 25, 10, 5, 5, 5)
DOMAINS = ("eu", "asia")
DELAY = 3 * MINUTE
"""Every round shows so long after it is over, at most."""
PROMPT = 2 * MINUTE
"""The longest from a round's minute to its end."""
ADJUSTED = 100 * MINUTE
"""From a live-casino round's end to its adjustment."""
COLUMNS = (
    "playerID", "extPlayerID", "gameID", "playSessionID", "parentSessionID", "startDate", "endDate", "status", "type",
    "bet", "win", "currency", "jackpot",
)  # fmt: skip
OPTION_COLUMNS = {
    "addRoundDetails": ("roundDetails",),
    "addBalance": ("balance",),
    "addBonusBetWin": ("bonusBet", "bonusWin"),
}
LARGEST_STAKE = Decimal("999999999999.99")


class Round(NamedTuple):
    """A round that is over; times are epoch milliseconds; the feed prints seconds."""

    session: int
    parent: int | None
    data_type: str
    player: int
    game: str
    status: str
    kind: str
    bet: Decimal
    win: Decimal
    currency: str
    balance: Decimal
    started: int
    ended: int
    shown: int

    def cells(self, columns: Sequence[str]) -> dict[str, str | None]:
        """Return the cells of some columns; ``None`` is a missing one."""
        details = {"result": "Player", "bets": [{"c": "Bnkr", "a": f"{self.bet}"}], "note": 'first, "second" 百家乐'}
        every = {
            "playerID": str(90_000_000 + self.player),
            "extPlayerID": f"p{self.player:04d}",
            "gameID": self.game,
            "playSessionID": str(self.session),
            "parentSessionID": None if self.parent is None else str(self.parent),
            "startDate": _time(self.started),
            "endDate": _time(self.ended),
            "status": self.status,
            "type": self.kind,
            "bet": f"{self.bet:.2f}",
            "win": f"{self.win:.2f}",
            "currency": self.currency,
            "jackpot": "0.00",
            "roundDetails": json.dumps(details, ensure_ascii=False) if self.data_type == "LC" else None,
            "balance": f"{self.balance:.2f}",
            "bonusBet": "0.00",
            "bonusWin": "0.00",
        }
        return {name: every[name] for name in columns}


class Line(NamedTuple):
    """A round as a line of CSV."""

    key: str
    text: str


def line_of(game_round: Round, columns: Sequence[str], missing: str) -> Line:
    """Write a round as a line."""
    text = io.StringIO()
    cells = game_round.cells(columns).values()
    csv.writer(text, lineterminator="").writerow([missing if cell is None else cell for cell in cells])
    return Line(str(game_round.session), text.getvalue())


class Rounds:
    """Rounds of several domains. Slot rounds win free spins, which are rounds too; live ones are adjusted later."""

    def __init__(self, setup: Any) -> None:
        self._setup = setup
        self._begin = to_ms(setup.begin)
        self._minute = lru_cache(maxsize=4000)(lambda domain, minute: tuple(self._make(domain, minute)))

    def finished(self, domain: str, data_type: str, start: int, end: int, now: int) -> list[Round]:
        """Return the rounds that ended in ``start <= t < end`` and show at ``now``, by their end."""
        first = max((start - PROMPT) // MINUTE * MINUTE, self._begin)
        rounds = [
            game_round
            for minute in range(first, min(end, now + 1), MINUTE)
            for game_round in self._minute(domain, minute)
            if game_round.data_type == data_type and start <= game_round.ended < end and game_round.shown <= now
        ]
        return sorted(rounds, key=lambda game_round: (game_round.ended, game_round.session))

    def adjusted(self, domain: str, data_type: str, start: int, end: int, now: int) -> list[Round]:
        """Return the live-casino rounds that were adjusted in ``start <= t < end``, with that time as their end."""
        if data_type != "LC":
            return []
        ended = self.finished(domain, data_type, start - ADJUSTED, end - ADJUSTED, now)
        return [
            game_round._replace(
                win=game_round.win + Decimal("1.25"),
                ended=game_round.ended + ADJUSTED,
                shown=game_round.shown + ADJUSTED,
            )
            for game_round in ended
            if random.Random(f"adjusted/{game_round.session}").random() < self._setup.late_share
            and game_round.shown + ADJUSTED <= now
        ]

    def _make(self, domain: str, minute: int) -> Iterator[Round]:
        rng = random.Random(f"{self._setup.seed}/finch/{domain}/{minute}")
        expected = self._setup.rate / 60 / len(DOMAINS)
        count = int(expected) + (rng.random() < expected % 1)
        # A slot and a live-casino round end exactly on every tenth minute, where windows of the feed begin and end.
        on_boundary = 2 if minute % (10 * MINUTE) == 0 else 0
        serial = 90_000_000_000_000 + minute // MINUTE % 10_000_000 * 1_000_000 + DOMAINS.index(domain) * 500_000
        if self._setup.options["ids"] == "per_domain":
            serial -= DOMAINS.index(domain) * 500_000
        for number in range(max(count, on_boundary)):
            data_type = DATA_TYPES[number] if number < on_boundary else rng.choices(DATA_TYPES, SHARES)[0]
            yield from self._round(minute, serial + number * 4, data_type, rng, on_boundary=number < on_boundary)

    def _round(
        self, minute: int, session: int, data_type: str, rng: random.Random, *, on_boundary: bool
    ) -> Iterator[Round]:
        ended = minute if on_boundary else minute + rng.randrange(MINUTE)
        started = ended - rng.choice((0, 2, 25, 7200)) * SECOND
        bet = LARGEST_STAKE if on_boundary and minute // HOUR % 3 == 0 else Decimal(rng.choice((100, 40, 4000))) / 100
        game_round = Round(
            session=session,
            parent=None,
            data_type=data_type,
            player=1 + rng.randrange(40),
            game=f"vs{rng.randrange(20, 30)}demo" if data_type == "RNG" else str(401 + rng.randrange(9)),
            status="C" if on_boundary else rng.choices("CFV", (96, 3, 1))[0],
            kind="R",
            bet=bet,
            win=Decimal(rng.choice((0, 0, 250, 999))) / 100,
            currency=rng.choice(("PHP", "VND2", "EUR")),
            balance=Decimal(rng.randrange(10**7)) / 100,
            started=started,
            ended=ended,
            shown=ended + rng.randrange(5 * SECOND, DELAY),
        )
        yield game_round
        if data_type == "RNG" and not on_boundary and rng.random() < 0.1:
            later = ended + rng.randrange(2, 40) * SECOND
            yield game_round._replace(
                session=session + 1,
                parent=session,
                kind="F",
                status="C",
                bet=Decimal(0),
                started=ended,
                ended=later,
                shown=later + rng.randrange(5 * SECOND, DELAY),
            )


def to_ms(moment: datetime) -> int:
    """Epoch milliseconds."""
    return round(moment.timestamp() * 1000)


def _time(ms: int) -> str:
    return f"{datetime.fromtimestamp(ms // 1000, timezone.utc):%Y-%m-%d %H:%M:%S}"
