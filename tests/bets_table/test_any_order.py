"""In whatever order slots are extracted and merged, the table ends with the newest version of each bet."""

from __future__ import annotations

import tempfile
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from airflow_betproviders.declare.interval import Interval
from tests.bets_table.lakes import HOUR, MINUTE, World, aig, at, hour_of

SLOTS = [hour_of(hour, day) for day in (20, 21) for hour in (22, 23, 0)]
BETS = [f"b{number}" for number in range(5)]


class Provider:
    """Bets that change: each has one record, in the slot of its update_time; time only goes on."""

    def __init__(self) -> None:
        self.records: dict[str, dict[str, Any]] = {}
        self.now = at(12, 22)

    def tick(self) -> datetime:
        self.now += MINUTE
        return self.now

    def change(self, bet: str, slot: Interval, minute: int, moved: int, win: int, status: int) -> None:
        """The bet is placed or changes: to another slot, another date, another result. Its update_time never goes back."""
        updated = slot.start + minute * MINUTE
        held = self.records.get(bet)
        if held is None or updated.timestamp() * 1000 > held["update_time"]:
            placed = slot.start - timedelta(minutes=10) - moved * 24 * HOUR
            self.records[bet] = aig(bet, placed=placed, updated=updated, win=str(win), status=status)

    def vanish(self, bet: str) -> None:
        self.records.pop(bet, None)

    def answer(self, slot: Interval) -> list[dict[str, Any]]:
        ends = [int(end.timestamp() * 1000) for end in (slot.start, slot.end)]
        return [record for record in self.records.values() if ends[0] <= record["update_time"] < ends[1]]

    def truth(self) -> dict[str, tuple[Any, ...]]:
        names = ("open", "settled", "cancelled", "void", "void")
        return {name: (names[r["status"]], Decimal(r["win_amount"])) for name, r in self.records.items()}


_slots = st.integers(0, len(SLOTS) - 1)
_steps = st.one_of(
    st.tuples(
        st.just("change"), st.sampled_from(BETS), _slots, st.integers(0, 59), st.integers(0, 2), st.integers(0, 30), st.integers(0, 4)
    ),
    st.tuples(st.just("vanish"), st.sampled_from(BETS)),
    st.tuples(st.just("extract"), _slots),
    st.tuples(st.just("merge"), _slots, st.sampled_from([1, 250_000])),
)  # fmt: skip


@settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
@given(steps=st.lists(_steps, max_size=25), extracted=st.permutations(SLOTS), merged=st.permutations(SLOTS))
def test_the_table_is_the_latest_truth(
    steps: list[tuple[Any, ...]], extracted: list[Interval], merged: list[Interval]
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        world, provider = World(Path(folder)), Provider()
        for step in steps:
            match step:
                case "change", bet, slot, *rest:
                    provider.change(bet, SLOTS[slot], *rest)
                case "vanish", bet:
                    provider.vanish(bet)
                case "extract", slot:
                    world.store(SLOTS[slot], provider.answer(SLOTS[slot]), provider.tick())
                case "merge", slot, batch:
                    world.merge(SLOTS[slot], batch_rows=batch)
        for slot in extracted:
            world.store(slot, provider.answer(slot), provider.tick())
        for slot in merged:
            world.merge(slot)
        rows = world.rows()
        live = {name: (row["status"], row["payout"]) for name, row in rows.items() if row["missing_since"] is None}
        truth = {
            name: (status, live[name][1] if status == "open" else paid)
            for name, (status, paid) in provider.truth().items()
        }
        assert live == truth
        before = world.table.open().version()
        for slot in extracted:
            assert world.merge(slot).commits == 0
        assert world.table.open().version() == before
