"""In whatever order slots are extracted and merged, the table ends with the newest version of each bet."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal

import pytest
from deltalake import DeltaTable
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from airflow_betproviders.bets_table.optimize import optimize
from airflow_betproviders.bets_table.table import CommitConflict, Snapshot
from airflow_betproviders.declare.interval import Interval
from tests.bets_table.changing_bets import ChangingBets, GmAgBets, PvBets
from tests.bets_table.lakes import HOUR, MINUTE, SampleLake, aig, hour_of
from tests.examples import examples

SLOTS = [hour_of(hour, day) for day in (20, 21) for hour in (22, 23)]
WIDE = [hour_of(22, day, width=2) for day in (20, 21)]
BETS = ["a", "b", "c"]


class AigBets(ChangingBets):
    """A bet is in the slot of its update_time, which never goes back."""

    name = "aig"

    def change(self, bet: str, slot: Interval, minute: int, moved: int, win: int, status: int) -> None:
        """Place the bet, or change it: to another slot, another date, another result."""
        updated = slot.start + minute * MINUTE
        if bet not in self.records or updated > self.times[bet]:
            placed = slot.start - timedelta(minutes=10) - moved * 24 * HOUR
            self.times[bet] = updated
            self.records[bet] = aig(bet, placed=placed, updated=updated, win=str(win), status=status)

    def truth(self) -> dict[str, tuple[Any, ...]]:
        names = ("open", "settled", "cancelled", "void", "void")
        return {name: (names[r["status"]], Decimal(r["win_amount"])) for name, r in self.records.items()}


class Killed(Exception):
    """The process ends here."""


@contextmanager
def disturbed(when: str, action: Callable[[], object]) -> Iterator[None]:
    """Let something happen at the next commit of this process: before it, or after it and before its answer."""
    commit = Snapshot.commit

    def once(self: Snapshot, *arguments: Any) -> None:
        Snapshot.commit = commit
        if when == "before":
            action()
        commit(self, *arguments)
        if when == "after":
            action()

    Snapshot.commit = once
    try:
        yield
    finally:
        Snapshot.commit = commit


def fail(error: Exception) -> None:
    raise error


class History:
    """A provider, a lake and a table, to which one thing happens after another."""

    def __init__(self, folder: Path, provider: ChangingBets) -> None:
        self.sample = SampleLake(folder, provider.name)
        self.provider = provider
        self._seen: set[str] = set()

    def vanish(self, bet: str) -> None:
        self.provider.records.pop(bet, None)

    def change(self, bet: str, slot: int, minute: int, moved: int, win: int, status: int) -> None:
        self.provider.change(bet, SLOTS[slot], minute, moved, win, status)

    def extract(self, slot: int) -> None:
        """Extract a slot, or the larger one that took its place."""
        wanted = SLOTS[slot]
        wide = next((one for one in WIDE if one in self.sample.stored() and one.contains(wanted)), wanted)
        self.sample.store(wide, self.provider.answer(wide), self.provider.tick())

    def widen(self, number: int) -> None:
        """Extract a larger slot, which takes the place of those inside it."""
        wide = WIDE[number]
        self.sample.store(wide, self.provider.answer(wide), self.provider.tick())
        self.sample.remove(*(slot for slot in self.sample.stored() if slot != wide and wide.contains(slot)))

    def merge(self, slot: int, batch_rows: int = 250_000) -> int:
        return self.sample.merge(SLOTS[slot], batch_rows=batch_rows).commits

    def run(self, slot: int) -> None:
        """Extract and merge a slot, as a scheduled run does."""
        self.extract(slot)
        self.merge(slot)

    def kill(self, slot: int, when: str) -> None:
        """Merge a slot in a process that ends just before a commit, or just after it."""
        with disturbed(when, lambda: fail(Killed())), suppress(Killed):
            self.merge(slot, batch_rows=1)

    def lose_the_answer(self, slot: int) -> None:
        """Merge a slot while the store does not say that the commit was made."""
        with disturbed("after", lambda: fail(CommitConflict("no answer"))):
            self.merge(slot)

    def overtake(self, slot: int, other: int, extracted: int) -> None:
        """Merge a slot while another merge, of the same slot perhaps, commits first."""

        def first() -> None:
            if extracted:
                self.extract(other)
            self.merge(other)

        with disturbed("before", first):
            self.merge(slot)

    def compact(self, sort_by: Literal["placed_at", "player_id"]) -> None:
        if DeltaTable.is_deltatable(self.sample.table.uri):
            optimize(self.sample.table, interval=None, file_size=1 << 20, retention=None, sort_by=sort_by)

    def check(self) -> None:
        """No bet is there twice or lost, and net is payout - stake, or null where one of them is."""
        rows = self.sample.rows() if DeltaTable.is_deltatable(self.sample.table.uri) else {}
        assert self._seen <= rows.keys()
        self._seen |= rows.keys()
        for row in rows.values():
            stake, payout = row["stake"], row["payout"]
            assert row["net"] == (None if stake is None or payout is None else payout - stake)

    def current_bets(self) -> dict[str, tuple[Any, ...]]:
        """Return the bets of the table that are not missing."""
        rows = self.sample.rows().items()
        return {name: (row["status"], row["payout"]) for name, row in rows if row["missing_since"] is None}


_slot = st.integers(0, len(SLOTS) - 1)
_bet = st.sampled_from(BETS)
_steps = st.one_of(
    st.tuples(
        st.just("change"), _bet, _slot, st.integers(0, 59), st.integers(0, 2), st.integers(0, 30), st.integers(0, 4)
    ),
    st.tuples(st.just("vanish"), _bet),
    st.tuples(st.just("run"), _slot),
    st.tuples(st.just("extract"), _slot),
    st.tuples(st.just("widen"), st.integers(0, len(WIDE) - 1)),
    st.tuples(st.just("merge"), _slot, st.sampled_from([1, 250_000])),
    st.tuples(st.just("kill"), _slot, st.sampled_from(["before", "after"])),
    st.tuples(st.just("lose_the_answer"), _slot),
    st.tuples(st.just("overtake"), _slot, _slot, st.integers(0, 1)),
    st.tuples(st.just("compact"), st.sampled_from(["placed_at", "player_id"])),
)


@pytest.mark.slow
@pytest.mark.parametrize("provider", [AigBets, PvBets, GmAgBets])
@settings(max_examples=examples(10), deadline=None, suppress_health_check=list(HealthCheck))
@given(
    steps=st.lists(_steps, max_size=25),
    extracted=st.permutations(range(len(SLOTS))),
    merged=st.permutations(range(len(SLOTS))),
)
def test_the_table_is_the_latest_truth(
    provider: type[ChangingBets], steps: list[tuple[Any, ...]], extracted: list[int], merged: list[int]
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        history = History(Path(folder), provider())
        for name, *arguments in steps:
            getattr(history, name)(*arguments)
            history.check()
        for slot in extracted:
            history.extract(slot)
        for slot in merged:
            history.merge(slot)
            history.check()
        current = history.current_bets()
        truth = {
            name: (status, current[name][1] if status == "open" else paid)
            for name, (status, paid) in history.provider.truth().items()
        }
        assert current == truth
        before = history.sample.table.open().version()
        assert [history.merge(slot) for slot in extracted] == [0] * len(SLOTS)
        assert history.sample.table.open().version() == before
