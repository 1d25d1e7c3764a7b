"""Rowan's hands (document: 1.5), as a pure function of seed and time."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any, NamedTuple

MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000
FOREVER = 1 << 62
ADJUSTED = 185 * MINUTE
"""From a hand's end to its adjustment."""
PROMPT = 4 * MINUTE
"""The longest a minute's hands take to end and to be written down."""
DELAY = (3 * MINUTE, 5 * MINUTE)
"""From a hand's last change until it shows."""
LARGEST_STAKE = Decimal("999999999999.99")


class Hand(NamedTuple):
    """One version of a hand."""

    bet_id: int
    parent_id: int
    player: str
    game: int
    transaction_type: int
    currency: str
    stake: Decimal
    win: Decimal
    before: Decimal
    status: int
    version: int
    placed: int
    ended: int
    feature: bool

    @property
    def key(self) -> str:
        """Return the key."""
        return str(self.bet_id)

    @property
    def text(self) -> str:
        """Return the record, with all its 20 members."""
        contribution = (self.stake / 200).quantize(Decimal("0.0001")) if self.stake < LARGEST_STAKE else Decimal(0)
        return (
            f'{{"parentBetId":{self.parent_id},"betId":{self.bet_id},"playerName":"{self.player}","gameId":{self.game},'
            f'"betType":1,"transactionType":{self.transaction_type},"platform":{1 + self.bet_id % 2},'
            f'"currency":"{self.currency}","betAmount":{self.stake:.2f},"winAmount":{self.win:.2f},'
            f'"jackpotRtpContributionAmount":0.00,"jackpotContributionAmount":{contribution},"jackpotWinAmount":0.00,'
            f'"balanceBefore":{self.before:.2f},"balanceAfter":{self.before - self.stake + self.win:.2f},'
            f'"handsStatus":{self.status},"rowVersion":{self.version},"betTime":{self.placed},"betEndTime":{self.ended},'
            f'"isFeatureBuy":{"true" if self.feature else "false"}}}'
        )


class Shown(NamedTuple):
    """A version of a hand, and when it shows (epoch milliseconds)."""

    hand: Hand
    since: int
    until: int


class Hands:
    """Rounds of one to three hands. Hands written down together share a rowVersion; some are adjusted hours later."""

    def __init__(self, setup: Any) -> None:
        self._setup = setup
        self._begin = to_ms(setup.begin)
        self._prompt = lru_cache(maxsize=2000)(lambda minute: tuple(self._make(minute, late=False)))
        self._late = lru_cache(maxsize=8000)(lambda minute: tuple(self._make(minute, late=True)))

    def by_version(self, start: int, end: int, now: int) -> list[Hand]:
        """Return the hands with ``start <= rowVersion < end`` that show at ``now``, by rowVersion and betId."""
        found = [hand for hand in self._shown(start, end, now) if start <= hand.version < end]
        return sorted(found, key=lambda hand: (hand.version, hand.bet_id))

    def by_end(self, start: int, end: int, now: int) -> list[Hand]:
        """Return the hands with ``start <= betEndTime < end`` that show at ``now``, by betEndTime and betId."""
        found = [hand for hand in self._shown(start, end, now) if start <= hand.ended < end]
        return sorted(found, key=lambda hand: (hand.ended, hand.bet_id))

    def _shown(self, start: int, end: int, now: int) -> Iterator[Hand]:
        for minutes, before in ((self._prompt, PROMPT), (self._late, ADJUSTED + PROMPT)):
            first = max((start - before) // MINUTE * MINUTE, self._begin)
            for minute in range(first, min(end, now + 1), MINUTE):
                yield from (shown.hand for shown in minutes(minute) if shown.since <= now < shown.until)

    def _make(self, minute: int, *, late: bool) -> Iterator[Shown]:
        setup = self._setup
        rng = random.Random(f"{setup.seed}/rowan/{late}/{minute}")
        expected = setup.rate / 60 / 1.5 * (setup.late_share if late else 1 - setup.late_share)
        count = int(expected) + (rng.random() < expected % 1)
        on_the_hour = not late and minute % HOUR == 0
        for number in range(max(count, int(on_the_hour))):
            yield from self._round(minute, number, rng, late=late, on_boundary=on_the_hour and number == 0)
        if not late and minute % HOUR == 30 * MINUTE:
            crowd = range(count, count + setup.options["crowd"])
            together = (
                shown for number in crowd for shown in self._round(minute, number, rng, late=False, on_boundary=True)
            )
            version = minute + MINUTE
            for shown in together:
                yield shown._replace(hand=shown.hand._replace(version=version), since=version + DELAY[1])

    def _round(self, minute: int, number: int, rng: random.Random, *, late: bool, on_boundary: bool) -> Iterator[Shown]:
        parent = 1_790_000_000_000_000_000 + (minute // MINUTE * 20_000 + number) * 8 + late * 4
        hands = 1 if on_boundary else rng.choice((1, 1, 2, 3))
        placed = minute if on_boundary else minute + rng.randrange(MINUTE)
        ends = [placed + (0 if on_boundary else 1000 * (hand + 1) + rng.randrange(900)) for hand in range(hands)]
        version = ends[-1] if on_boundary else (ends[-1] // 250 + 1) * 250  # rowVersion is not unique
        stake = (
            LARGEST_STAKE
            if on_boundary and minute // HOUR % 3 == 0
            else Decimal(rng.choice((50, 200, 1000, 12_345))) / 100
        )
        kind = rng.choice((1, 1, 1, 1, 2, 3))
        player, game, currency = f"p{rng.randrange(40):04d}", 101 + rng.randrange(6), rng.choice(("PHP", "IDR", "VND2"))
        for hand, ended in enumerate(ends):
            last = hand == hands - 1
            made = Hand(
                bet_id=parent + hand,
                parent_id=parent,
                player=player,
                game=game,
                transaction_type=kind,
                currency=currency,
                stake=stake if hand == 0 else Decimal(0),
                win=Decimal(rng.choice((0, 0, 150, 975))) / 100,
                before=Decimal(rng.randrange(10**8)) / 100 + stake,
                status=2 if last else 1,
                version=version,
                placed=placed + hand,
                ended=ended,
                feature=rng.random() < 0.05,
            )
            since = version + rng.randrange(*DELAY)
            again = version + ADJUSTED
            shows_again = again + rng.randrange(*DELAY)
            yield Shown(made, since, shows_again if late and last else FOREVER)
            if late and last:
                other = made._replace(win=made.win + Decimal("0.25"), status=3, version=again)
                yield Shown(other, shows_again, FOREVER)


def to_ms(moment: datetime) -> int:
    """Epoch milliseconds."""
    return round(moment.timestamp() * 1000)
