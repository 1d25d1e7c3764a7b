"""Make up a provider's bets, as a pure function of seed and time.

Bets are grouped by the minute in which they were placed. A minute's bets can be made at any time, in any order, from
nothing but the seed, so a history of months needs no storage; a bounded cache keeps the minutes that were read last.
"""

from __future__ import annotations

import random
import threading
from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any, NamedTuple, Protocol, TypeVar

MINUTE = 60_000
HOUR = 60 * MINUTE
DAY = 24 * HOUR
FOREVER = 1 << 62

T = TypeVar("T")


class Row:
    """One version of one record: what the provider shows of it from ``visible_from`` until ``hidden_from``.

    ``clocks`` are epoch milliseconds of each column that some stream filters by, ``facts`` what filters and summaries
    need of the record.
    """

    __slots__ = ("_text", "clocks", "facts", "hidden_from", "key", "visible_from")

    def __init__(
        self, key: str, clocks: tuple[int, ...], visible_from: int, text: str | Callable[[], str], facts: Any
    ) -> None:
        self.key = key
        self.clocks = clocks
        self.visible_from = visible_from
        self.hidden_from = FOREVER
        self.facts = facts
        self._text = text

    @property
    def text(self) -> str:
        """Return the record as JSON, exactly as the wire carries it, made when it is first asked for."""
        if not isinstance(self._text, str):
            self._text = self._text()
        return self._text


def supersede(versions: Sequence[Row]) -> list[Row]:
    """Let each version of a record replace the one before it."""
    for older, newer in pairwise(versions):
        older.hidden_from = newer.visible_from
    return list(versions)


class Cohort(NamedTuple):
    """Bets with one life cycle; ``lags`` are the minutes after placement into which their clocks may fall."""

    name: str
    share: float
    lags: tuple[int, ...]


class BetSource(Protocol):
    """A generator of a provider's bets."""

    cohorts: Sequence[Cohort]

    def bets(self, cohort: Cohort, minute: int, count: int, rng: random.Random) -> Mapping[str, list[Row]]:
        """Return rows by kind for ``count`` bets placed in the minute that begins at ``minute`` (epoch milliseconds)."""
        ...


class _Bucket:
    """The bets of one cohort and minute."""

    def __init__(self, rows: Mapping[str, list[Row]]) -> None:
        self._rows = rows
        self.size = sum(len(some) for some in rows.values())
        self._turns = sorted(row.visible_from for some in rows.values() for row in some)
        self._last = {kind: [row for row in some if row.hidden_from == FOREVER] for kind, some in rows.items()}

    def next_turn(self, now: int) -> int:
        """Return when something in this bucket changes after ``now``."""
        if not self._turns or now >= self._turns[-1]:
            return FOREVER
        return self._turns[bisect_right(self._turns, now)]

    def visible(self, kind: str, now: int) -> list[Row]:
        if not self._turns or now >= self._turns[-1]:
            return self._last.get(kind, [])
        return [row for row in self._rows.get(kind, []) if row.visible_from <= now < row.hidden_from]


class BetHistory:
    """Every bet of one provider, with its late changes."""

    def __init__(
        self, name: str, source: BetSource, *, seed: int, rate: float, begin: int, late_share: float, cache_rows: int
    ) -> None:
        self._name = name
        self._source = source
        self._seed = seed
        self._rate = rate
        self._begin = begin
        self._late_share = late_share
        self._cache_rows = cache_rows
        self._cached = 0
        self._buckets: OrderedDict[tuple[str, int], _Bucket] = OrderedDict()
        self._windows: OrderedDict[tuple[str, int, int, int], tuple[range, list[Row]]] = OrderedDict()
        self._hours_read: dict[tuple[str, str, int, int], tuple[range, Any]] = {}
        self._lock = threading.RLock()

    def select(self, kind: str, start: int, end: int, now: int, *, clock: int = 0) -> list[Row]:
        """Return the rows with ``start <= clock < end`` that the provider shows at ``now``, ordered by that clock."""
        with self._lock:
            window = (kind, clock, start, end)
            if window in self._windows and now in self._windows[window][0]:
                self._windows.move_to_end(window)
                return self._windows[window][1]
            rows, valid = self._read(kind, start, end, now, clock)
            self._windows[window] = (valid, rows)
            while len(self._windows) > 1 and (len(self._windows) > 8 or self._remembered() > self._cache_rows):
                self._windows.popitem(last=False)
            return rows

    def newest_first(self, kind: str, start: int, end: int, now: int, *, clock: int = 0) -> Iterator[Row]:
        """Yield the rows of a long range, an hour at a time, so that the range need not fit into memory."""
        until = min(end, now + 1)
        while until > start:
            at = max(start, (until - 1) // HOUR * HOUR)
            with self._lock:
                rows, _ = self._read(kind, at, until, now, clock)
            yield from reversed(rows)
            until = at

    def by_hour(
        self, name: str, kind: str, start: int, end: int, now: int, make: Callable[[list[Row]], T], *, clock: int = 0
    ) -> Iterator[tuple[int, T]]:
        """Yield ``make`` of each UTC hour in a long range, with the hour's start; complete hours are cached."""
        at = max(start, self._begin)
        while at < min(end, now + 1):
            until = min(end, at - at % HOUR + HOUR)
            known = (name, kind, clock, at)
            with self._lock:
                if until - at == HOUR and known in self._hours_read and now in self._hours_read[known][0]:
                    hour_sums = self._hours_read[known][1]
                else:
                    rows, valid = self._read(kind, at, until, now, clock)
                    hour_sums = make(rows)
                    if until - at == HOUR:
                        self._hours_read[known] = (valid, hour_sums)
            yield at, hour_sums
            at = until

    def _read(self, kind: str, start: int, end: int, now: int, clock: int) -> tuple[list[Row], range]:
        """Return the rows, and the instants at which this answer is the same."""
        rows: list[Row] = []
        until = FOREVER if end <= now else now + 1
        horizon = min(end, now + 1)
        for cohort in self._source.cohorts:
            for minute in self._minutes(cohort, start, horizon):
                bucket = self._bucket(cohort, minute)
                until = min(until, bucket.next_turn(now))
                rows.extend(row for row in bucket.visible(kind, now) if start <= row.clocks[clock] < end)
        rows.sort(key=lambda row: (row.clocks[clock], row.key))
        return rows, range(now, until)

    def _remembered(self) -> int:
        return sum(len(rows) for _, rows in self._windows.values())

    def _minutes(self, cohort: Cohort, start: int, end: int) -> list[int]:
        if end <= start:
            return []
        first, last = start // MINUTE, (end - 1) // MINUTE
        wanted = {minute - lag for lag in cohort.lags for minute in range(first, last + 1)}
        floor = self._begin // MINUTE
        return [minute * MINUTE for minute in sorted(wanted) if minute >= floor]

    def _bucket(self, cohort: Cohort, minute: int) -> _Bucket:
        known = (cohort.name, minute)
        if known in self._buckets:
            self._buckets.move_to_end(known)
            return self._buckets[known]
        rng = random.Random(f"{self._seed}/{self._name}/{cohort.name}/{minute}")
        bucket = _Bucket(self._source.bets(cohort, minute, self._count(cohort, minute, rng), rng))
        self._buckets[known] = bucket
        self._cached += bucket.size
        while self._cached > self._cache_rows and len(self._buckets) > 1:
            _, dropped = self._buckets.popitem(last=False)
            self._cached -= dropped.size
        return bucket

    def _count(self, cohort: Cohort, minute: int, rng: random.Random) -> int:
        late = [cohort for cohort in self._source.cohorts if cohort.name != "prompt"]
        share = 1 - self._late_share if cohort.name == "prompt" else self._late_share * cohort.share
        if not late:
            share = 1.0
        expected = self._rate / 60 * share
        count = int(expected) + (rng.random() < expected % 1)
        return max(count, 1) if cohort.name == "prompt" and minute % HOUR == 0 else count
