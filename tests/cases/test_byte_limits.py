"""Answers that a server cuts off at a number of bytes, without a total: the slot is complete, or the task fails."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st

from airflow_betproviders.declare.interval import Interval
from airflow_betproviders.exceptions import IncompleteWindow
from tests.cases.vendors import FIVE, HOUR, SLOT, Vendor, spread
from tests.conftest import MakeHook
from tests.examples import examples

GAME = {"game_id": 1062}
# A text member that makes a row larger.
TEXTS = {"pv": "draw_id", "aig": "inst_id", "jdb": "gameName"}
KINDS = [
    ("jdb", "transactions"),
    ("pv", "games_game_history"),
    ("pv", "history"),
    ("aig", "transactions"),
    ("aig", "latest"),
]
LISTS = ("items", "transactions", "records")


def limited(cap: int, *, totals: bool = False) -> Any:
    """Return a `spoil` that gives no more rows than fit into so many bytes, and at least one."""

    def spoil(n: int, window: Any, params: Mapping[str, Any], document: dict[str, Any]) -> dict[str, Any]:
        holder = document["data"] if isinstance(document.get("data"), dict) else document
        name = next((name for name in LISTS if name in holder), "data")
        kept, left = [], cap
        for row in holder[name]:
            left -= len(json.dumps(row)) + 1
            if left < 0 and kept:
                break
            kept.append(row)
        holder[name] = kept
        if not totals:
            holder.pop("total", None)
        return document

    return spoil


def bets(rng: random.Random, per_hour: float, hours: int) -> list[Any]:
    """Instants on whole seconds, more in some windows than in others."""
    found = []
    for part in range(hours * 12):
        start, count = FIVE + part * timedelta(minutes=5), round(per_hour / 12 * rng.uniform(0.6, 1.4))
        found += [start + timedelta(seconds=rng.randrange(300)) for _ in range(count)]
    return sorted(found)


def store(vendor: Vendor, folder: Path, slot: Interval) -> list[str] | None:
    """Return the ids of the stored rows; None where the task fails."""
    try:
        return vendor.ids(vendor.store(folder, slot, **(GAME if vendor.name == "games_game_history" else {})))
    except IncompleteWindow:
        return None


@pytest.mark.slow
@settings(max_examples=examples(20), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@example(("jdb", "transactions"), 3, 25_000, 1000, 300, "time")
@example(("jdb", "transactions"), 6973, 18_000, 516, 516, "newest first")  # only the answers' bytes show these two
@example(("pv", "games_game_history"), 249, 18_000, 249, 249, "time")
@given(
    st.sampled_from(KINDS),
    st.integers(0, 10**6),
    st.integers(18_000, 80_000),
    st.integers(100, 1200),
    st.integers(0, 900),
    st.sampled_from(["time", "newest first", "any"]),
)
def test_whatever_rows_a_limit_of_bytes_leaves_out_the_slot_is_complete_or_fails(
    make: MakeHook,
    tmp_path_factory: pytest.TempPathFactory,
    what: tuple[str, str],
    seed: int,
    cap: int,
    per_hour: int,
    text: int,
    order: str,
) -> None:
    """Hourly runs of three hours; rows of 400 bytes and more, up to ``text`` of which vary."""
    # A cursor has no end, so the older half of an answer without order cannot be requested alone (docs/explanation/limits.md).
    assume((what[1], order) != ("latest", "any"))
    (provider, stream), rng = what, random.Random(seed)
    vendor = Vendor(make(provider), stream, bets(rng, per_hour, 3), spoil=limited(cap))
    sizes = [rng.randint(0, text) for _ in vendor.bets]
    vendor.patch = lambda i: {TEXTS[provider]: "x" * sizes[i]}
    by = {"time": None, "newest first": lambda i: -i, "any": lambda i: (i * 7919) % 12_007}
    vendor.order = by[order]
    folder = tmp_path_factory.mktemp("lake")
    for hour in range(3):
        slot = Interval(FIVE + hour * HOUR, FIVE + (hour + 1) * HOUR)
        stored = store(vendor, folder, slot)
        expected = [f"{i}" for i, at in enumerate(vendor.bets) if slot.start <= at < slot.end]
        assert stored is None or sorted(stored, key=int) == expected, slot
    assert len(vendor.asked) < 3000


@pytest.mark.parametrize("cap", [37, 137, 1000, None])
@pytest.mark.parametrize("others", [0, 30, 400])
def test_more_rows_at_one_instant_than_a_cursors_answer_holds_fail_with_an_error_that_says_so(
    make: MakeHook, tmp_path: Path, cap: int | None, others: int
) -> None:
    """A cap of rows that no document states, or a limit of bytes; and nothing later that would show it."""
    instant = FIVE + timedelta(minutes=50)
    vendor = Vendor(make("aig"), "latest", [*spread(others, SLOT)[: others * 3 // 4], *[instant] * 1500], cap=cap)
    if cap is None:
        vendor.spoil = limited(64_000)
    with pytest.raises(IncompleteWindow, match="rows share one millisecond"):
        vendor.store(tmp_path)
    assert len(vendor.asked) < 40


def test_a_batch_of_one_instant_at_the_end_of_a_feed_is_stored(make: MakeHook, tmp_path: Path) -> None:
    """A larger answer has shown that the batch was not cut off."""
    vendor = Vendor(make("aig"), "latest", [*spread(40, SLOT)[:30], *[FIVE + timedelta(minutes=50)] * 25])
    assert len(vendor.ids(vendor.store(tmp_path))) == 55
    assert len(vendor.asked) == 2


@pytest.mark.parametrize("count", [90, 105, 300, 1000])
def test_pages_without_totals_that_are_cut_off_are_requested_again_in_smaller_ones(
    make: MakeHook, tmp_path: Path, count: int
) -> None:
    """With 2000 rows to a page, the rows after the cut are never asked for."""
    vendor = Vendor(make("pv"), "history", spread(count), spoil=limited(32_000))
    assert len(vendor.ids(vendor.store(tmp_path))) == count
    assert len(vendor.asked) < 60
