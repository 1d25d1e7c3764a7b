"""Misbehave by the window or the page that is requested, and change rows while they are read."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from airflow_betproviders.declare.interval import Interval
from airflow_betproviders.declare.pagination import Offset, PageNumber
from airflow_betproviders.declare.stream import Stream
from tests.misbehaviour.faults import Capped, has_total
from tests.misbehaviour.vendor import Answer, Bet, Fault, OddVendor

MINUTE = timedelta(minutes=1)


class CappedLongWindows(Capped):
    """Return fewer rows than asked for, for long windows only."""

    def __init__(self, rng: Any, when: str) -> None:
        super().__init__(rng, when)
        self.longest = rng.choice([1, 5, 10, 20]) * MINUTE

    def concerns(self, window: Interval) -> bool:
        return window.width > self.longest and super().concerns(window)


class CappedByTime(Capped):
    """Return fewer rows than asked for, with a cap that depends on the minute in which the window begins."""

    constant = False

    def __init__(self, rng: Any, when: str) -> None:
        super().__init__(rng, when)
        self.by_minute = [rng.choice([10, 12, 20, 25, 50, 1000]) for _ in range(3)]

    def change(self, vendor: OddVendor, call: int, answer: Answer) -> None:
        assert vendor.asked[-1][0] is not None
        self.caps = [self.by_minute[vendor.asked[-1][0].start.minute // 20]]
        super().change(vendor, call, answer)


class LastPageAgain(Fault):
    """Answer a page after the last one with the last page."""

    def change(self, vendor: OddVendor, call: int, answer: Answer) -> None:
        if answer.found and answer.place >= len(answer.found):
            last = (len(answer.found) - 1) // answer.asked * answer.asked
            answer.rows = answer.found[last:]


class FirstPageAgain(Fault):
    """Ignore the page number: answer any page with the first."""

    def change(self, vendor: OddVendor, call: int, answer: Answer) -> None:
        answer.rows = answer.found[: answer.asked]


class LargerPages(Fault):
    """Ignore the page size: return more rows than asked for."""

    def change(self, vendor: OddVendor, call: int, answer: Answer) -> None:
        if not isinstance(vendor.stream.paging, Offset):
            answer.place *= 2
        answer.rows = answer.found[answer.place : answer.place + 2 * answer.asked]


class EmptyInTheMiddle(Fault):
    """Return an empty page although further pages have rows."""

    def __init__(self, rng: Any, when: str) -> None:
        super().__init__(rng, when)
        self.page = rng.choice([0, 1, 1, 2])

    def change(self, vendor: OddVendor, call: int, answer: Answer) -> None:
        if answer.place // answer.asked == self.page and answer.place + answer.asked < len(answer.found):
            answer.rows = []


class OtherHour(Fault):
    """Return the rows of an earlier or later window. If that window has none, nothing shows the mistake."""

    shows = False

    def __init__(self, rng: Any, when: str) -> None:
        super().__init__(rng, when)
        self.by = timedelta(minutes=rng.choice([-480, -60, -10, -1, 1, 10, 60, 480]))

    def window(self, window: Interval) -> Interval:
        return Interval(window.start + self.by, window.end + self.by)


HABITS = (CappedLongWindows, CappedByTime, EmptyInTheMiddle)
PAGES = (LastPageAgain, FirstPageAgain, LargerPages)


def habit(rng: random.Random, stream: Stream, middle: datetime) -> Fault:
    """Draw a habit that a stream's vendor can have; it may begin in the middle of the slots only."""
    kinds: tuple[type[Fault], ...] = HABITS
    if isinstance(stream.paging, PageNumber) and has_total(stream):
        kinds += PAGES
    if stream.reject_outside_window and stream.paging.keeps_to_window:
        kinds += (OtherHour,)
    fault = rng.choice(kinds)(rng, rng.choice(["always", "always", "every", "from", "random"]))
    fault.since = rng.choice([None, None, middle])
    return fault


def changed(rng: random.Random, stream: Stream, bets: list[Bet]) -> list[Bet]:
    """Return the bets; about one in five has two versions at two times, or gets the second while the bets are read."""
    first = rng.choice([0, 0, rng.randint(2, 20)])
    versions = []
    for bet in bets:
        if rng.random() > 0.2:
            versions.append(bet)
            continue
        later = bet.at + timedelta(seconds=rng.choice([1, 1, 60, 300, 1800]))
        until = {"until": first} if first and stream.rows_move else {}
        versions += [replace(bet, **until), replace(bet, at=later, version=1, since=first)]
    return versions
