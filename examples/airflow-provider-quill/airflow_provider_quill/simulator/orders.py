"""Generate Quill's orders (document: 2.3) as a pure function of seed and time."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from functools import lru_cache
from typing import Any, NamedTuple

MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000
FOREVER = 1 << 62
EAST_8 = timezone(timedelta(hours=8))
TIME = "%Y-%m-%d %H:%M:%S"
LATE = 190 * MINUTE
"""From an order's placing to its last update, of orders that change late."""
PROMPT = 5 * MINUTE
"""The longest from placing to the last update, of all other orders."""
DELAYS = ((5_000, 15_000), (5_000, 8 * MINUTE))
"""From an order's last update until it shows: of three in four, and of the others."""
CURRENCIES = ("PHP", "IDR", "BRL", "VND")
OPEN, FINISHED, CANCELLED, WITHDRAWN = range(4)
LARGEST_STAKE = Decimal("999999999999.9999")
GAMES = (
    ("jdb", "2", "Lucky Demo"),
    ("ag", "1", "Baccarat"),
    ("im", "4", "Football"),
    ("fc", "6", 'Fish "Deluxe" 🐟'),
    ("kg", "7", "百家乐"),
)


class Order(NamedTuple):
    """The members that all versions of an order share."""

    order_id: str
    platform: str
    kind: str
    game: str
    currency: str
    player: str
    round: str
    stake: Decimal
    net: Decimal
    placed: int


class Version(NamedTuple):
    """An order in one status, as the API shows it from ``since`` until ``until`` (epoch milliseconds)."""

    order: Order
    status: int
    updated: int
    since: int
    until: int
    void_zero: bool

    @property
    def key(self) -> str:
        """Return the key of the order: platform and id."""
        return f"{self.order.platform}/{self.order.order_id}"

    @property
    def text(self) -> str:
        """Return the record: 16 members, three of which some orders lack."""
        order = self.order
        void = self.status in {CANCELLED, WITHDRAWN}
        stake = Decimal(0) if void and self.void_zero else order.stake
        settled = order.net if self.status == FINISHED else Decimal(0)
        valid = order.stake if self.status == FINISHED else Decimal(0)
        seat = {"table": "B7", "seat": "3", "betContent": "Player, " * 40} if order.kind == "1" else {}
        texts = {
            "playerId": order.player,
            "platType": order.platform,
            "currency": order.currency,
            "gameType": order.kind,
            "gameName": order.game,
            "round": order.round,
            **seat,
        }
        amounts = f'"betAmount":{stake},"validAmount":{valid},"settledAmount":{settled},"status":{self.status}'
        times = {
            "gameOrderId": order.order_id,
            "betTime": wall(order.placed),
            "lastUpdateTime": wall(self.updated),
        }
        head, tail = (json.dumps(part, ensure_ascii=False, separators=(",", ":")) for part in (texts, times))
        return f"{head[:-1]},{amounts},{tail[1:]}"


class Orders:
    """All orders. They are placed, then finished; some are cancelled or withdrawn, some change hours later."""

    def __init__(self, setup: Any) -> None:
        self._setup = setup
        self._begin = to_ms(setup.begin)
        self._void_zero = setup.options["void_amounts"] == "zero"
        self._prompt = lru_cache(maxsize=4000)(lambda minute: tuple(self._make(minute, late=False)))
        self._late = lru_cache(maxsize=8000)(lambda minute: tuple(self._make(minute, late=True)))

    def select(self, currency: str, start: int, end: int, now: int) -> list[Version]:
        """Return the orders with ``start <= lastUpdateTime < end`` that show at ``now``, oldest update first."""
        versions = []
        for minutes, before in ((self._prompt, PROMPT), (self._late, LATE + PROMPT)):
            first = max((start - before) // MINUTE * MINUTE, self._begin)
            for minute in range(first, min(end, now + 1), MINUTE):
                versions += [
                    version
                    for version in minutes(minute)
                    if version.order.currency == currency
                    and start <= version.updated < end
                    and version.since <= now < version.until
                ]
        return sorted(versions, key=lambda version: (version.updated, version.key))

    def find(self, ids: set[str], now: int) -> list[Version]:
        """Return the orders of some ids, of all platforms."""
        minutes = {int(order_id.rpartition("-")[0], 36) * MINUTE for order_id in ids if "-" in order_id}
        versions = (
            version for minute in sorted(minutes) for make in (self._prompt, self._late) for version in make(minute)
        )
        return [
            version for version in versions if version.order.order_id in ids and version.since <= now < version.until
        ]

    def _make(self, minute: int, *, late: bool) -> Iterator[Version]:
        setup = self._setup
        rng = random.Random(f"{setup.seed}/quill/{late}/{minute}")
        expected = setup.rate / 60 * (setup.late_share if late else 1 - setup.late_share)
        count = int(expected) + (rng.random() < expected % 1)
        on_boundary = len(CURRENCIES) if not late and minute % HOUR == 0 else 0
        for number in range(max(count, on_boundary)):
            yield from self._order(minute, number, rng, late=late, on_boundary=number < on_boundary)

    def _order(
        self, minute: int, number: int, rng: random.Random, *, late: bool, on_boundary: bool
    ) -> Iterator[Version]:
        platform, kind, game = rng.choice(GAMES if number else GAMES[:-1])
        placed = minute if on_boundary else minute + rng.randrange(60) * 1000
        stake = Decimal(rng.choice((10, 50, 100.5, 7.25)))
        if on_boundary and minute // HOUR % 3 == 0:
            stake = LARGEST_STAKE
        # Two platforms may give the same id to different orders.
        serial = (number - (platform == "kg")) * 2 + late
        order = Order(
            order_id=f"{base36(minute // MINUTE)}-{serial}",
            platform=platform,
            kind=kind,
            game=game,
            currency=CURRENCIES[number % len(CURRENCIES)],
            player="".join(chr(97 + rng.randrange(26)) for _ in range(4)) + f"{rng.randrange(40):02d}",
            round=f"R{minute // MINUTE}-{number}",
            stake=stake,
            net=-stake if rng.random() < 0.6 or stake == LARGEST_STAKE else stake * rng.randrange(1, 5) / 4,
            placed=placed,
        )
        draw = rng.random()
        steps = [(OPEN, placed), (FINISHED if draw > 0.06 else CANCELLED, placed + rng.randrange(1, 180) * 1000)]
        if on_boundary:
            steps = [(FINISHED, placed)]
        if late:
            steps = [(FINISHED, placed + 30_000), (FINISHED if draw > 0.5 else WITHDRAWN, placed + LATE)]
        shown = []
        since = 0
        for _, updated in steps:
            since = max(since + 1, updated + rng.randrange(*DELAYS[rng.random() < 0.25]))
            shown.append(since)
        for at, (status, updated) in enumerate(steps):
            until = shown[at + 1] if at + 1 < len(steps) else FOREVER
            now = order._replace(net=order.net + Decimal("0.25")) if late and at == 1 else order
            yield Version(now, status, updated, shown[at], until, self._void_zero)


def base36(number: int) -> str:
    """Format a number in base 36."""
    digits = ""
    while number:
        number, digit = divmod(number, 36)
        digits = "0123456789abcdefghijklmnopqrstuvwxyz"[digit] + digits
    return digits or "0"


def to_ms(moment: datetime) -> int:
    """Return an instant as epoch milliseconds."""
    return round(moment.timestamp() * 1000)


def wall(ms: int) -> str:
    """Format an instant in Quill's local time."""
    return datetime.fromtimestamp(ms // 1000, EAST_8).strftime(TIME)
