"""What hourly runs cost at vendors that keep to their documents, and how they notice one that changes."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from airflow_betproviders.declare.interval import Interval
from airflow_betproviders.exceptions import IncompleteWindow, ProviderOverloaded
from tests.cases.vendors import FIVE, HOUR, Vendor
from tests.conftest import MakeHook

DAY = [Interval(FIVE + i * HOUR, FIVE + (i + 1) * HOUR) for i in range(24)]
GAME = {"game_id": 1062}


def bets(per_hour: float | Callable[[int], float], seed: int = 1, hours: int = 24) -> list[Any]:
    """Instants on whole seconds, as they come in."""
    rng = random.Random(seed)
    each = per_hour if callable(per_hour) else lambda hour: per_hour
    counts = [round(rng.gauss(each(hour), each(hour) ** 0.5)) for hour in range(hours)]
    seconds = [hour * 3600 + rng.randrange(3600) for hour, count in enumerate(counts) for _ in range(count)]
    return [FIVE + timedelta(seconds=second) for second in sorted(seconds)]


def runs(vendor: Vendor, folder: Path, slots: list[Interval] = DAY, **filters: Any) -> list[int]:
    """Store each slot in a run of its own, and return the calls of each."""
    calls = []
    for slot in slots:
        before = len(vendor.asked)
        vendor.store(folder, slot, **filters)
        calls.append(len(vendor.asked) - before)
    return calls


@pytest.mark.slow
@pytest.mark.parametrize(("per_hour", "seed", "ends"), [(60, 1, "[]"), (500, 2, "[)"), (500, 2, "[]"), (4000, 1, "[)")])
def test_a_day_of_jdb_costs_hardly_more_than_its_windows(
    make: MakeHook, tmp_path: Path, per_hour: int, seed: int, ends: str
) -> None:
    vendor = Vendor(make("jdb"), "transactions", bets(per_hour, seed), ends=ends)
    calls = runs(vendor, tmp_path)
    assert 288 <= sum(calls) <= 300
    assert max(calls[12:]) <= 12 + 4


@pytest.mark.slow
def test_windows_that_leave_out_their_start_cost_one_more_call_a_run(make: MakeHook, tmp_path: Path) -> None:
    """The row on a slot's start came with the slot before, in another run."""
    vendor = Vendor(make("jdb"), "transactions", bets(500), ends="(]")
    assert 288 + 24 <= sum(runs(vendor, tmp_path)) <= 300 + 24


@pytest.mark.slow
@pytest.mark.parametrize("ends", ["[)", "[]"])
def test_a_day_of_gmag_costs_its_windows(make: MakeHook, tmp_path: Path, ends: str) -> None:
    vendor = Vendor(make("gmag"), "game_history", bets(2000), ends=ends)
    calls = runs(vendor, tmp_path)
    # One call finds out what windows hold; a total of 650 on one page, or 700, costs a look at the next page.
    assert 72 <= sum(calls) <= 72 + 1 + 2


@pytest.mark.parametrize(
    ("provider", "stream"), [("pv", "history"), pytest.param("aig", "transactions", marks=pytest.mark.slow)]
)
def test_a_day_of_pv_and_aig_costs_a_call_an_hour(make: MakeHook, tmp_path: Path, provider: str, stream: str) -> None:
    vendor = Vendor(make(provider), stream, bets(900))
    # One hour has exactly 900 bets: a total that looks like a limit costs a look at the next page.
    assert sum(runs(vendor, tmp_path)) == 24 + 1


@pytest.mark.slow
def test_which_ends_windows_include_is_remembered_for_a_day(make: MakeHook, tmp_path: Path) -> None:
    quiet = [slot for slot in DAY for _ in range(1)]
    vendor = Vendor(make("jdb"), "transactions", [FIVE + timedelta(minutes=5)])
    calls = runs(
        vendor,
        tmp_path,
        [*quiet, Interval(quiet[-1].end, quiet[-1].end + HOUR)]
        + [Interval(quiet[-1].end + i * HOUR, quiet[-1].end + (i + 1) * HOUR) for i in (1, 2)],
    )
    assert calls[1:25] == [2 * 12] * 24  # an empty window is asked for twice
    assert calls[25:] == [2 * 12 + 1, 2 * 12 + 1]


def test_a_vendor_that_begins_to_leave_out_the_start_is_noticed(make: MakeHook, tmp_path: Path) -> None:
    on_edges = [FIVE + timedelta(minutes=minute) for minute in range(0, 240, 5)]
    vendor = Vendor(make("jdb"), "transactions", on_edges)
    stored = [vendor.store(tmp_path, slot) for slot in DAY[:2]]
    assert stored[1].receipts[0].starts_held_at == DAY[1].start.isoformat()
    vendor.ends = "(]"
    stored += [vendor.store(tmp_path, slot) for slot in DAY[2:4]]
    assert [len(vendor.ids(each)) for each in stored] == [12] * 4
    assert [each.receipts[0].starts_held_at for each in stored[2:]] == [None, None]


# ------------------------------------------------------------------ caps that come down


ORDERS = {"time": None, "newest first": lambda i: -i, "any": lambda i: (i * 7919) % 12_007}


@pytest.mark.parametrize(
    ("cap", "order"),
    [
        *((111, order) for order in ORDERS),
        pytest.param(37, "any", marks=pytest.mark.slow),
        pytest.param(50, "newest first", marks=pytest.mark.slow),
        pytest.param(73, "time", marks=pytest.mark.slow),
        pytest.param(97, "newest first", marks=pytest.mark.slow),
    ],
)
def test_a_cap_that_came_down_below_what_was_proven_is_found_out(
    make: MakeHook, tmp_path: Path, cap: int, order: str
) -> None:
    """167 bets in five minutes were proven; the next hour the server gives no more than its new cap."""
    vendor = Vendor(make("jdb"), "transactions", bets(2000, hours=2), order=ORDERS[order])
    runs(vendor, tmp_path, DAY[:1])
    vendor.cap = cap
    found = [at for at in vendor.bets if DAY[1].start <= at < DAY[1].end]
    assert len(found) / 12 > cap
    try:
        stored = vendor.store(tmp_path, DAY[1])
    except IncompleteWindow:
        return
    assert len(vendor.ids(stored)) == len(found)


def test_one_answer_that_a_lower_cap_cuts_off_in_the_middle_of_its_window_is_noticed(
    make: MakeHook, tmp_path: Path
) -> None:
    even = [FIVE + timedelta(seconds=9 * i) for i in range(800)]
    burst = [DAY[1].start + timedelta(seconds=600 + i) for i in range(300)]
    vendor = Vendor(make("jdb"), "transactions", sorted([*even, *burst]))
    vendor.store(tmp_path, Interval(DAY[1].start, DAY[1].end))
    vendor.cap = 97  # one window has 333
    stored = vendor.store(tmp_path, DAY[1])
    assert len(vendor.ids(stored)) == 700


def test_a_cap_on_bytes_that_leaves_a_part_of_the_window_empty_is_found_out(make: MakeHook, tmp_path: Path) -> None:
    """Its answers have different numbers of rows."""
    vendor = Vendor(make("jdb"), "transactions", bets(2400, hours=2))

    def by_bytes(n: int, window: Any, params: Any, document: dict[str, Any]) -> dict[str, Any]:
        return {**document, "data": document["data"][: 81 + n * 7 % 19]}

    runs(vendor, tmp_path, DAY[:1])
    vendor.spoil = by_bytes
    found = [at for at in vendor.bets if DAY[1].start <= at < DAY[1].end]
    try:
        stored = vendor.store(tmp_path, DAY[1])
    except IncompleteWindow:
        return
    assert len(vendor.ids(stored)) == len(found)


# ------------------------------------------------------------------ what a provider answers in time


@pytest.mark.slow
def test_the_next_run_starts_from_the_page_size_that_came_in_time_and_grows_back_a_step_a_day(
    make: MakeHook, tmp_path: Path
) -> None:
    refused: list[int] = []

    def too_large(n: int, window: Any, params: Any, document: dict[str, Any]) -> dict[str, Any]:
        if int(params["page_size"]) > 600:
            refused.append(int(params["page_size"]))
            raise ProviderOverloaded("HTTP 504")
        return document

    vendor = Vendor(make("aig"), "transactions", bets(700, hours=26), spoil=too_large)
    first = vendor.store(tmp_path, DAY[0])
    assert {*refused} == {5000, 1250}
    assert first.receipts[0].asked_for_less == {"rows": 312.0}
    refused.clear()
    runs(vendor, tmp_path, DAY[1:19])  # to midnight
    assert refused == []
    stored = vendor.store(tmp_path, DAY[19])  # the first of the next day
    assert {*refused} == {1248}
    assert stored.receipts[0].asked_for_less == {"rows": 312.0}
    vendor.spoil = None
    days = [Interval(slot.start + timedelta(days=i), slot.end + timedelta(days=i)) for i in range(4) for slot in DAY]
    asked = {slot: vendor.store(tmp_path, slot).receipts[0].asked_for_less for slot in days[20 : 20 + 72]}
    first_of_a_day = [less for slot, less in asked.items() if not slot.start.hour]
    assert first_of_a_day == [{"rows": 1248.0}, {"rows": 4992.0}, {}]


def test_the_next_run_starts_from_the_window_that_came_in_time(make: MakeHook, tmp_path: Path) -> None:
    refused: list[Any] = []

    def too_long(n: int, window: Interval, params: Any, document: dict[str, Any]) -> dict[str, Any]:
        if window.width > timedelta(minutes=2):
            refused.append(window)
            raise ProviderOverloaded("HTTP 504")
        return document

    vendor = Vendor(make("jdb"), "transactions", bets(60), spoil=too_long)
    vendor.store(tmp_path, DAY[0])
    assert refused
    refused.clear()
    vendor.store(tmp_path, DAY[1])
    assert refused == []
