"""What the vendor does wrong. `HIDES` names the faults after which no reader can know all rows."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

from airflow_betproviders.declare.pagination import LimitedAnswer, PageNumber, TimestampCursor
from airflow_betproviders.declare.stream import Stream, Total
from airflow_betproviders.exceptions import ProviderOverloaded, ProviderRateLimited, ProviderUnavailable
from airflow_betproviders.extraction.decode.envelope import path_to
from tests.misbehaviour.vendor import Answer, Bet, Fault, OddVendor


class Refuses(Fault):
    """A 5xx, a 429, a 504 or a time-out."""

    def __init__(self, rng: Any, when: str) -> None:
        super().__init__(rng, when)
        self.error = rng.choice([ProviderUnavailable, ProviderRateLimited, ProviderOverloaded])

    def change(self, vendor: OddVendor, call: int, answer: Answer) -> None:
        answer.rows = []
        raise self.error("busy")


class Empty(Fault):
    """Nothing, in any shape, beside the right total."""

    def __init__(self, rng: Any, when: str) -> None:
        super().__init__(rng, when)
        self.shape = rng.choice([[], None, {}, "left out"])

    def change(self, vendor: OddVendor, call: int, answer: Answer) -> None:
        answer.rows, answer.empty, answer.token = [], self.shape, None


class EmptyWithZero(Empty):
    """Nothing, and a total that says so."""

    def change(self, vendor: OddVendor, call: int, answer: Answer) -> None:
        super().change(vendor, call, answer)
        answer.total = 0


class EmptyWithoutTotal(Empty):
    """Nothing, and no total."""

    def change(self, vendor: OddVendor, call: int, answer: Answer) -> None:
        super().change(vendor, call, answer)
        answer.total = None


class OtherTotal(Fault):
    """A total that is too high or too low, by a little or much, or is no number."""

    def __init__(self, rng: Any, when: str) -> None:
        super().__init__(rng, when)
        self.by = rng.choice([-1, 1, -10, 10, -3, 7, "half", "double", "page", None, "text", "words", "zero", "later"])

    def change(self, vendor: OddVendor, call: int, answer: Answer) -> None:
        total = answer.total if isinstance(answer.total, int) else 0
        match self.by:
            case int():
                answer.total = max(total + self.by, 0)
            case "half":
                answer.total = total // 2
            case "double":
                answer.total = total * 2
            case "page":
                answer.total = len(answer.rows)
            case "text":
                answer.total = f"{total}"
            case "words":
                answer.total = "many"
            case "zero":
                answer.total = 0
            case "later":
                answer.total = total - answer.place
            case _:
                answer.total = None


class Capped(Fault):
    """Fewer rows than asked for."""

    constant = True

    def __init__(self, rng: Any, when: str) -> None:
        super().__init__(rng, when)
        self.caps = [rng.choice([10, 11, 12, 16, 20, 25, 50])]
        self.says = rng.choice([True, False])

    def change(self, vendor: OddVendor, call: int, answer: Answer) -> None:
        cap = min(self.rng.choice(self.caps), answer.asked)
        paging = vendor.stream.paging
        if isinstance(paging, PageNumber) and "Offset" not in type(paging).__name__:
            answer.place = answer.place // answer.asked * cap
        answer.rows = answer.found[answer.place : answer.place + cap]
        if answer.token is not None or answer.place + cap < len(answer.found):
            answer.token = f"{answer.place + cap}" if answer.place + cap < len(answer.found) else None
        if self.says:
            answer.size = cap


class CappedAtWill(Capped):
    """Fewer rows than asked for, and not always the same number."""

    constant = False

    def __init__(self, rng: Any, when: str) -> None:
        super().__init__(rng, when)
        self.caps = [rng.randint(3, 30) for _ in range(3)]


class Shuffled(Fault):
    """Rows in another order at each call, so that pages overlap and leave rows out."""

    def change(self, vendor: OddVendor, call: int, answer: Answer) -> None:
        found = [*answer.found]
        self.rng.shuffle(found)
        answer.rows = found[answer.place : answer.place + len(answer.rows)]


class ShuffledPage(Fault):
    """The rows of a page in any order."""

    def change(self, vendor: OddVendor, call: int, answer: Answer) -> None:
        answer.rows = self.rng.sample(answer.rows, len(answer.rows))


class Repeated(Fault):
    """Rows that other pages have, or twice on one page."""

    def change(self, vendor: OddVendor, call: int, answer: Answer) -> None:
        # What lies ahead of a cursor moves it on, which no reader can notice.
        rows = answer.rows if isinstance(vendor.stream.paging, TimestampCursor) else answer.found
        if rows:
            answer.rows = [*answer.rows, *self.rng.choices(rows, k=self.rng.randint(1, 3))]


class Displaced(Fault):
    """Rows of other pages in the place of some."""

    def change(self, vendor: OddVendor, call: int, answer: Answer) -> None:
        if answer.rows and answer.found:
            rows = [*answer.rows]
            rows[self.rng.randrange(len(rows))] = self.rng.choice(answer.found)
            answer.rows = rows


class OtherPage(Fault):
    """Another page than was asked for."""

    def __init__(self, rng: Any, when: str) -> None:
        super().__init__(rng, when)
        self.pages = rng.choice([-1, 1, 2])

    def change(self, vendor: OddVendor, call: int, answer: Answer) -> None:
        place = max(answer.place + self.pages * answer.asked, 0)
        answer.rows = answer.found[place : place + answer.asked]


class Lacking(Fault):
    """Some rows are left out of a page."""

    def __init__(self, rng: Any, when: str) -> None:
        super().__init__(rng, when)
        self.end = rng.choice([True, False])
        self.last = rng.choice([True, False])

    def change(self, vendor: OddVendor, call: int, answer: Answer) -> None:
        if self.last and answer.place + answer.asked < len(answer.found):
            return
        for _ in range(self.rng.randint(1, 3)):
            if answer.rows:
                rows = [*answer.rows]
                rows.pop(-1 if self.end else self.rng.randrange(len(rows)))
                answer.rows = rows


class Strays(Fault):
    """Rows of other windows."""

    def __init__(self, rng: Any, when: str) -> None:
        super().__init__(rng, when)
        self.most = rng.choice([1, 1, 3, 40])

    def change(self, vendor: OddVendor, call: int, answer: Answer) -> None:
        others = [bet for bet in vendor.bets if bet not in answer.found and bet.held(call)]
        answer.rows = [*answer.rows, *self.rng.sample(others, min(self.most, len(others)))]


class Replica(Fault):
    """An answer of a replica that lacks rows, by its own word."""

    def __init__(self, rng: Any, when: str) -> None:
        super().__init__(rng, when)
        self.share = rng.choice([0.02, 0.1, 0.5])
        self.newest = rng.choice([True, False])
        self.salt = rng.random()

    def lacks(self, vendor: OddVendor, bet: Bet) -> bool:
        if self.newest:
            last = max(other.at for other in vendor.bets)
            return bet.at > last - (last - min(other.at for other in vendor.bets)) * self.share
        return hash((self.salt, bet.number)) % 1000 < self.share * 1000

    def held(self, vendor: OddVendor, call: int, bets: list[Bet]) -> list[Bet]:
        return [bet for bet in bets if not self.lacks(vendor, bet)]


class OldVersions(Fault):
    """An answer of a replica that has older versions of rows."""

    def held(self, vendor: OddVendor, call: int, bets: list[Bet]) -> list[Bet]:
        return [replace(bet, version=0, at=bet.before or bet.at, before=None) if bet.version else bet for bet in bets]


class Token(Fault):
    """A token that stops early, comes again, or leads back."""

    def __init__(self, rng: Any, when: str) -> None:
        super().__init__(rng, when)
        self.how = rng.choice(["stops", "again", "back", "goes on"])

    def change(self, vendor: OddVendor, call: int, answer: Answer) -> None:
        match self.how:
            case "stops":
                answer.token = None
            case "again":
                answer.token = f"{answer.place}"
            case "back":
                answer.token = f"{max(0, answer.place - answer.asked)}"
            case _:
                answer.token = f"{answer.place + answer.asked}"


class CursorBack(Fault):
    """Rows that lie before the cursor."""

    def change(self, vendor: OddVendor, call: int, answer: Answer) -> None:
        earlier = sorted((bet for bet in vendor.bets if bet.held(call)), key=lambda bet: (bet.at, bet.number))
        first = max(0, len(earlier) - len(answer.found) - self.rng.randint(1, 30))
        answer.rows = earlier[first : first + answer.asked]


class LateInAnswer(Fault):
    """Shifted times: the clock of a replica is off by a little."""

    def change(self, vendor: OddVendor, call: int, answer: Answer) -> None:
        answer.rows = [replace(bet, at=bet.at + timedelta(hours=9)) for bet in answer.rows]


COMMON = (
    Refuses,
    Empty,
    EmptyWithZero,
    EmptyWithoutTotal,
    Capped,
    CappedAtWill,
    ShuffledPage,
    Repeated,
    Lacking,
    Strays,
    Replica,
    OldVersions,
)
PAGED = (OtherTotal, OtherTotal, OtherTotal, OtherPage, Shuffled, Displaced)
WHEN = ("random", "random", "every", "every", "once", "first", "from", "always")


def fitting(stream: Stream) -> tuple[type[Fault], ...]:
    """Return the faults that a stream can have."""
    paging = stream.paging
    more = PAGED if has_total(stream) else ()
    more += (CursorBack,) if isinstance(paging, TimestampCursor) else ()
    more += (Token, Token, Token) if hasattr(paging, "_next") else ()
    more += (LateInAnswer,) if stream.reject_outside_window and paging.keeps_to_window else ()
    return (*COMMON, *more)


def has_total(stream: Stream) -> bool:
    """Return whether answers give a total."""
    return path_to(stream.envelope, Total) is not None


def noticeable(stream: Stream, fault: Fault) -> bool:
    """Return whether a reader can always notice the rows that a fault hides."""
    if isinstance(fault, Refuses | ShuffledPage | Repeated | LateInAnswer):
        return True
    if isinstance(fault, Strays):  # elsewhere a stray takes the place of a row that lacks
        return stream.reject_outside_window
    if not fault.shows or isinstance(fault, OldVersions | Replica | OtherTotal | EmptyWithZero | EmptyWithoutTotal):
        return False
    if isinstance(fault, Capped):
        always = fault.when == "always" and fault.since is None and fault.constant
        return has_total(stream) or (always and isinstance(stream.paging, LimitedAnswer | TimestampCursor))
    return has_total(stream)
