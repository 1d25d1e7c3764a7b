"""Answers that lack rows, or their count, or anything at all: the slot is complete, or the task fails."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from itertools import accumulate, compress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from airflow_betproviders.declare.interval import Interval
from airflow_betproviders.exceptions import IncompleteWindow, ProviderOverloaded, ProviderUnavailable
from tests.cases.vendors import FIVE, HOUR, SLOT, Vendor, spread
from tests.conftest import MakeHook
from tests.examples import examples

EMPTY = [[], {}, None, "left out"]
GAME = {"game_id": 1062}


def holding(value: Any) -> Any:
    """Return a `spoil` that puts a value where the data should be."""

    def spoil(n: int, window: Any, params: Any, document: dict[str, Any]) -> dict[str, Any]:
        rest = {name: member for name, member in document.items() if name not in {"data", "records", "total"}}
        name = "records" if "records" in document else "data"
        return rest if value == "left out" else {**rest, name: value}

    return spoil


# ------------------------------------------------------------------ A1, A2, A3


@pytest.mark.parametrize("value", EMPTY)
@pytest.mark.parametrize(
    ("provider", "stream"),
    [
        ("pv", "history"),
        ("pv", "games_game_history"),
        ("aig", "transactions"),
        ("aig", "latest"),
        ("jdb", "transactions"),
        ("gmag", "game_history"),
    ],
)
def test_a1_a2_nothing_in_place_of_the_rows_is_an_empty_slot_when_a_second_call_says_the_same(
    make: MakeHook, tmp_path: Path, provider: str, stream: str, value: Any
) -> None:
    vendor = Vendor(make(provider), stream, spread(3), spoil=holding(value))
    slot = Interval(FIVE, FIVE + timedelta(minutes=5))
    stored = vendor.store(tmp_path, slot, **(GAME if stream == "games_game_history" else {}))
    assert vendor.ids(stored) == []
    if not (stream in {"games_game_history", "latest"} or provider == "jdb") or value != []:
        assert stored.receipts[0].proof == {"second read": 1}
        assert [window for window, _ in vendor.asked].count(slot) == 2


@pytest.mark.parametrize("nothing", [None, {}, {"bet_amount": None, "gain_amount": None}])
def test_a3_one_null_is_no_proof_of_emptiness(make: MakeHook, tmp_path: Path, nothing: Any) -> None:
    def null_once(n: int, window: Any, params: Any, document: dict[str, Any]) -> dict[str, Any]:
        return {**document, "data": nothing} if n == 1 else document

    vendor = Vendor(make("pv"), "games_game_stage_summary", [], spoil=null_once)
    assert vendor.store(tmp_path, **GAME).receipts[0].sums["bet_amount"] == "7"
    twice = Vendor(make("pv"), "games_game_stage_summary", [], spoil=holding(nothing))
    assert twice.store(tmp_path / "twice", **GAME).receipts[0].rows == 0
    assert len(twice.asked) == 2


def test_a3_rows_after_an_empty_answer_are_stored(make: MakeHook, tmp_path: Path) -> None:
    def empty_once(n: int, window: Any, params: Any, document: dict[str, Any]) -> dict[str, Any]:
        return {**document, "data": {}} if n == 1 else document

    vendor = Vendor(make("aig"), "transactions", spread(3), spoil=empty_once)
    assert vendor.ids(vendor.store(tmp_path)) == ["0", "1", "2"]


@pytest.mark.parametrize("value", [{}, None, "left out"])
def test_a3_nothing_in_place_of_the_rows_is_no_proof_even_with_a_total_of_0(
    make: MakeHook, tmp_path: Path, value: Any
) -> None:
    def empty_once(n: int, window: Any, params: Any, document: dict[str, Any]) -> dict[str, Any]:
        return {**holding(value)(n, window, params, document), "total": 0} if n == 1 else document

    vendor = Vendor(make("gmag"), "game_history", spread(3), spoil=empty_once)
    assert len(vendor.ids(vendor.store(tmp_path))) == 3


# ------------------------------------------------------------------ A4, A5


def test_a4_a_total_of_1_0_is_1(make: MakeHook, tmp_path: Path) -> None:
    vendor = Vendor(make("aig"), "transactions", spread(1), spoil=total(1.0))
    assert vendor.ids(vendor.store(tmp_path)) == ["0"]
    assert len(vendor.asked) == 1


def total(value: Any) -> Any:
    """Return a `spoil` that says another total, or none."""

    def spoil(n: int, window: Any, params: Any, document: dict[str, Any]) -> dict[str, Any]:
        said = {"total": value(n) if callable(value) else value}
        place = document.get("data", document)
        place.pop("total")
        place.update({} if said["total"] == "left out" else said)
        return document

    return spoil


@pytest.mark.parametrize(
    ("provider", "stream", "count", "calls"),
    [
        ("aig", "transactions", 3, 4),
        ("aig", "transactions", 0, 2),
        ("aig", "transactions", 7000, 6),
        ("gmag", "game_history", 3, 12),
        ("pv", "history", 2500, 6),
    ],
)
@pytest.mark.parametrize("none", ["left out", None])
def test_a5_without_its_total_pages_are_read_until_one_is_empty_twice_with_the_same_rows(
    make: MakeHook, tmp_path: Path, provider: str, stream: str, count: int, calls: int, none: Any
) -> None:
    vendor = Vendor(make(provider), stream, spread(count), spoil=total(none))
    stored = vendor.store(tmp_path)
    assert sorted(vendor.ids(stored), key=int) == [f"{i}" for i in range(count)]
    assert set(stored.receipts[0].proof) == {"second read"}
    assert len(vendor.asked) == calls


def test_a5_a_total_left_out_of_answers_that_differ_is_an_error_after_bounded_reads(
    make: MakeHook, tmp_path: Path
) -> None:
    vendor = Vendor(make("aig"), "transactions", spread(9), spoil=total("left out"))
    vendor.patch = lambda i: {"id": f"{len(vendor.asked)}-{i}"}
    with pytest.raises(IncompleteWindow, match="the answer has no total"):
        vendor.store(tmp_path)
    assert len(vendor.asked) <= 30


# ------------------------------------------------------------------ A6


@pytest.mark.parametrize(
    ("cap", "order"),
    [
        *(
            pytest.param(cap, order, marks=pytest.mark.slow if (i + j) % 3 else ())
            for i, cap in enumerate((50, 100, 499))
            for j, order in enumerate(("time", "newest first", "any"))
        ),
        pytest.param(11, "any", marks=pytest.mark.slow),
        pytest.param(64, "newest first", marks=pytest.mark.slow),
        pytest.param(250, "time", marks=pytest.mark.slow),
    ],
)
def test_a6_a_server_that_returns_fewer_rows_than_requested_is_noticed(
    make: MakeHook, tmp_path: Path, cap: int, order: str
) -> None:
    by = {"time": None, "newest first": lambda i: -i, "any": lambda i: (i * 7919) % 701}[order]
    vendor = Vendor(make("pv"), "games_game_history", spread(700), cap=cap, order=by)
    stored = vendor.store(tmp_path, **GAME)
    assert vendor.ids(stored) == [f"{i}" for i in range(700)]
    assert len(vendor.asked) < 12 * 700 / cap + 10


@pytest.mark.parametrize("order", [None, lambda i: -i, lambda i: (i * 7919) % 4001])
@pytest.mark.parametrize("cap", [100, 1000, 3999])
def test_a6_a_single_answer_that_is_cut_off_is_noticed(make: MakeHook, tmp_path: Path, cap: int, order: Any) -> None:
    slot = Interval(FIVE, FIVE + timedelta(minutes=5))
    vendor = Vendor(make("jdb"), "transactions", spread(4000, slot), cap=cap, order=order)
    if cap < 800:  # a minute, the shortest window, has more
        with pytest.raises(IncompleteWindow, match=r"cuts answers off|may be cut off"):
            vendor.store(tmp_path, slot)
        return
    assert len(vendor.ids(vendor.store(tmp_path, slot))) == 4000


@pytest.mark.parametrize(
    ("provider", "stream", "key", "filters"),
    [("pv", "games_game_history", "event_id", GAME), ("jdb", "transactions", "historyId", {})],
)
def test_a6_a_bet_that_comes_twice_does_not_hide_a_cap(
    make: MakeHook, tmp_path: Path, provider: str, stream: str, key: str, filters: dict[str, Any]
) -> None:
    slot = Interval(FIVE, FIVE + timedelta(minutes=5))
    vendor = Vendor(make(provider), stream, spread(100, slot), cap=50)
    vendor.patch = lambda i: {key: "0"} if i == 1 else {}
    stored = vendor.store(tmp_path, slot, **filters)
    assert sorted(map(int, vendor.ids(stored))) == [0, *range(2, 100)]


def test_a6_what_was_proven_stands_in_the_receipt_and_spares_the_next_run_the_proof(
    make: MakeHook, tmp_path: Path
) -> None:
    bets = spread(300)
    vendor = Vendor(make("pv"), "games_game_history", bets)
    first = vendor.store(tmp_path, **GAME).receipts[0]
    assert (first.proof, first.proven_rows, len(vendor.asked)) == ({"short answer": 1}, 300, 3)
    again = Vendor(make("pv"), "games_game_history", bets)
    assert again.store(tmp_path, **GAME).receipts[0].proven_rows == 300
    assert len(again.asked) == 3  # 300 is a number at which answers are cut off
    fewer = Vendor(make("pv"), "games_game_history", bets[:-1])
    fewer.store(tmp_path, **GAME)
    assert len(fewer.asked) == 1


def test_a6_of_many_slots_only_the_greatest_answers_cost_a_proof(make: MakeHook, tmp_path: Path) -> None:
    slots = [Interval(FIVE + i * HOUR, FIVE + (i + 1) * HOUR) for i in range(12)]
    bets = [at for i, slot in enumerate(slots) for at in spread(61 + (i * 29) % 31, slot)]
    vendor = Vendor(make("pv"), "games_game_history", bets)
    assert len(vendor.ids(vendor.store(tmp_path, *slots, **GAME))) == len(bets)
    assert len(vendor.asked) <= 12 + 2 * 4


@pytest.mark.parametrize("count", [16, 50])
def test_a6_an_answer_that_no_call_can_prove_counts_as_complete_if_a_greater_one_was_proven(
    make: MakeHook, tmp_path: Path, count: int
) -> None:
    """All bets of a quiet window came in one minute, the shortest window that JDB answers."""
    quiet = Interval(FIVE + HOUR, FIVE + HOUR + timedelta(minutes=15))
    minute = Interval(quiet.start + timedelta(minutes=5), quiet.start + timedelta(minutes=6))
    vendor = Vendor(make("jdb"), "transactions", [*spread(1093), *spread(count, minute)])
    with pytest.raises(IncompleteWindow, match=f"exactly {count} rows and may be cut off"):
        vendor.store(tmp_path / "new", quiet)
    vendor.store(tmp_path / "known")
    assert len(vendor.ids(vendor.store(tmp_path / "known", quiet))) == count


def test_a6_fewer_than_ten_rows_need_no_proof(make: MakeHook, tmp_path: Path) -> None:
    vendor = Vendor(make("pv"), "games_game_history", spread(9))
    assert vendor.store(tmp_path, **GAME).receipts[0].proof == {"short answer": 1}
    assert len(vendor.asked) == 1


@pytest.mark.parametrize("nothing", [[], [None], [None, None], [{}], [[]], [0], [""], ["busy", None]], ids=json.dumps)
@pytest.mark.parametrize(("provider", "stream"), [("pv", "games_game_history"), ("aig", "latest")])
def test_a3_a_slot_with_one_empty_answer_is_requested_twice(
    make: MakeHook, tmp_path: Path, provider: str, stream: str, nothing: list[Any]
) -> None:
    def empty_once(n: int, window: Any, params: Any, document: dict[str, Any]) -> dict[str, Any]:
        return {**document, "data": nothing if provider == "pv" else {"transactions": nothing}} if n == 1 else document

    filters = GAME if provider == "pv" else {}
    vendor = Vendor(make(provider), stream, spread(3), spoil=empty_once)
    stored = vendor.store(tmp_path, **filters)
    assert vendor.ids(stored) == ["0", "1", "2"]
    assert stored.receipts[0].bad_rows == 0
    empty = Vendor(make(provider), stream, [])
    assert empty.store(tmp_path / "empty", **filters).receipts[0].proof == {"second read": 1}
    assert len(empty.asked) == 2


@pytest.mark.parametrize("digits", [101, 309, 4299, 4301])
@pytest.mark.parametrize(("provider", "stream"), [("pv", "history"), ("aig", "transactions"), ("gmag", "game_history")])
def test_a4_a_total_of_hundreds_of_digits_counts_as_none(
    make: MakeHook, tmp_path: Path, provider: str, stream: str, digits: int
) -> None:
    def long_total(n: int, window: Any, params: Any, document: dict[str, Any]) -> bytes:
        (document if provider == "gmag" else document["data"])["total"] = "the total"
        return json.dumps(document).replace('"the total"', "9" * digits).encode()

    vendor = Vendor(make(provider), stream, spread(37), spoil=long_total)
    assert sorted(vendor.ids(vendor.store(tmp_path)), key=int) == [f"{i}" for i in range(37)]


@pytest.mark.parametrize("count", [1, 12, 100])
def test_a3_each_empty_window_of_a_slot_of_many_is_requested_twice(make: MakeHook, tmp_path: Path, count: int) -> None:
    asked = set[Any]()

    def empty_at_first(n: int, window: Any, params: Any, document: dict[str, Any]) -> dict[str, Any]:
        first = window not in asked
        asked.add(window)
        return {**document, "data": []} if first else document

    vendor = Vendor(make("jdb"), "transactions", spread(count), spoil=empty_at_first)
    assert len(vendor.ids(vendor.store(tmp_path))) == count
    empty = Vendor(make("jdb"), "transactions", [])
    assert empty.store(tmp_path / "empty").receipts[0].rows == 0
    assert len(empty.asked) == 2 * 12 + 1  # each window, and the start of the slot


@pytest.mark.slow
def test_a3_of_many_empty_windows_only_those_that_follow_rows_are_requested_twice(
    make: MakeHook, tmp_path: Path
) -> None:
    day = [Interval(FIVE + i * HOUR, FIVE + (i + 1) * HOUR) for i in range(24)]
    quiet = Vendor(make("jdb"), "transactions", [])
    quiet.store(tmp_path / "quiet", *day)
    assert len(quiet.asked) == 24 * 12 + 100 + 1

    bets = [FIVE + 20 * HOUR + i * timedelta(minutes=5) for i in range(12)]
    beside = Interval(bets[6], bets[7])

    def empty_once(n: int, window: Any, params: Any, document: dict[str, Any]) -> dict[str, Any]:
        return {**document, "data": []} if window == beside and asked_for(beside) == 1 else document

    vendor = Vendor(make("jdb"), "transactions", bets, spoil=empty_once)

    def asked_for(window: Interval) -> int:
        return sum(asked == window for asked, _ in vendor.asked)

    assert len(vendor.ids(vendor.store(tmp_path / "late", *day))) == 12


def jdb(make: MakeHook, count: int, cap: Any) -> Vendor:
    """Return a vendor of whose answers each has at most so many rows, given the number of the call."""

    def cut(n: int, window: Any, params: Any, document: dict[str, Any]) -> dict[str, Any]:
        return {**document, "data": document["data"][: cap(n)]}

    return Vendor(make("jdb"), "transactions", spread(count), spoil=cut)


@pytest.mark.parametrize(
    "order", ["time", *(pytest.param(order, marks=pytest.mark.slow) for order in ("newest first", "any"))]
)
@pytest.mark.parametrize("kept", [0, 2, 12])
@pytest.mark.parametrize("call", [1, 4])
def test_a6_an_answer_with_far_fewer_rows_than_those_around_it_is_proven(
    make: MakeHook, tmp_path: Path, kept: int, call: int, order: str
) -> None:
    # With a round number of rows in each window, every answer would be proven for that.
    vendor = jdb(make, 617, lambda n: kept if n == call else None)
    vendor.order = {"time": None, "newest first": lambda i: -i, "any": lambda i: (i * 7919) % 1009}[order]
    assert len(vendor.ids(vendor.store(tmp_path))) == 617
    assert len(vendor.asked) < 60


@pytest.mark.parametrize("count", [300, 600])
@pytest.mark.parametrize("cap", [5, 7])
def test_a6_a_cap_of_a_few_rows_shows_in_the_size_of_many_answers(
    make: MakeHook, tmp_path: Path, count: int, cap: int
) -> None:
    vendor = jdb(make, count, lambda n: cap)
    try:
        assert len(vendor.ids(vendor.store(tmp_path))) == count
    except IncompleteWindow:
        assert count // 60 >= cap  # in the shortest window


@pytest.mark.parametrize(
    "cap",
    [lambda n: None if n == 1 else 100, lambda n: 100 if n == 1 else None, lambda n: 100 if n < 4 else 50],
    ids=["comes down", "goes up", "comes down again"],
)
def test_a6_a_cap_that_changes_leaves_no_row_out(make: MakeHook, tmp_path: Path, cap: Any) -> None:
    vendor = jdb(make, 1500, cap)
    try:
        assert len(vendor.ids(vendor.store(tmp_path))) == 1500
    except IncompleteWindow:
        assert not list(tmp_path.rglob("*.parquet"))
    assert len(vendor.asked) < 300


# ------------------------------------------------------------------ A7, A8, A9


@pytest.mark.parametrize("cap", [pytest.param(7, marks=pytest.mark.slow), 64, 500, 1000])
def test_a7_a_cursor_is_followed_until_a_call_brings_nothing_new(make: MakeHook, tmp_path: Path, cap: int) -> None:
    vendor = Vendor(make("aig"), "latest", spread(1500), cap=cap)
    stored = vendor.store(tmp_path)
    assert vendor.ids(stored) == [f"{i}" for i in range(1500)]
    assert stored.receipts[0].proof == {"nothing new": 1}


@pytest.mark.parametrize(("provider", "stream"), [("pv", "history"), ("aig", "transactions"), ("gmag", "game_history")])
def test_a8_pages_that_are_cut_off_at_a_number_of_bytes_are_read_completely(
    make: MakeHook, tmp_path: Path, provider: str, stream: str
) -> None:
    text = {"pv": "draw_id", "aig": "shoe_id", "gmag": "additionalData"}[provider]

    def cut(n: int, window: Any, params: Any, document: dict[str, Any]) -> dict[str, Any]:
        holder = document.get("data", document)
        name = next(name for name in ("items", "transactions", "records") if name in holder)
        sizes = accumulate(len(json.dumps(row)) for row in holder[name])
        holder[name] = [*compress(holder[name], (size < 60_000 for size in sizes))]
        return document

    vendor = Vendor(make(provider), stream, spread(700), spoil=cut)
    vendor.patch = lambda i: {text: "x" * (i * 37 % 400)}
    assert sorted(map(int, vendor.ids(vendor.store(tmp_path)))) == [*range(700)]


def test_a7_an_absurd_time_does_not_end_a_cursor(make: MakeHook, tmp_path: Path) -> None:
    vendor = Vendor(make("aig"), "latest", spread(1500), cap=500)
    vendor.patch = lambda i: {"update_time": 253_370_764_800_000} if i == 7 else {}  # the year 9999
    assert vendor.ids(vendor.store(tmp_path)) == [f"{i}" for i in range(1500) if i != 7]


@pytest.mark.parametrize(
    ("provider", "stream", "count", "cap", "slot"),
    [
        ("pv", "history", 2500, 1000, SLOT),
        ("gmag", "game_history", 7000, 5000, Interval(FIVE, FIVE + timedelta(minutes=29))),
        ("aig", "transactions", 7000, 1000, SLOT),
        ("aig", "transactions", 700, 64, SLOT),
    ],
)
@pytest.mark.parametrize("says", [True, False])
def test_a8_a9_a_provider_with_smaller_pages_than_requested_is_asked_for_these_from_then_on(
    make: MakeHook, tmp_path: Path, provider: str, stream: str, count: int, cap: int, slot: Interval, says: bool
) -> None:
    def echo(n: int, window: Any, params: Mapping[str, Any], document: dict[str, Any]) -> dict[str, Any]:
        """Return the size that was asked for, whatever is given."""
        for name in ("size", "page_size"):
            for place in (document, document.get("data", {})):
                if name in place:
                    place[name] = params[name]
        return document

    vendor = Vendor(make(provider), stream, spread(count, slot), cap=cap, spoil=None if says else echo)
    later = Interval(slot.end, slot.end + slot.width)
    vendor.bets += spread(count, later)
    stored = vendor.store(tmp_path, slot, later)
    assert sorted(vendor.ids(stored), key=int) == [f"{i}" for i in range(2 * count)]
    assert len(vendor.asked) <= 2 * -(-count // cap) + 4


# ------------------------------------------------------------------ A10, A11


@pytest.mark.slow
def test_a10_parts_that_do_not_add_up_to_their_windows_total_are_never_an_empty_slot(
    make: MakeHook, tmp_path: Path
) -> None:
    def only_the_whole(n: int, window: Interval, params: Any, document: dict[str, Any]) -> dict[str, Any]:
        rows = document["data"]["transactions"]
        data = {"total": 60_000, "transactions": rows} if window == SLOT else {"total": 0, "transactions": []}
        return {**document, "data": data}

    vendor = Vendor(make("aig"), "transactions", spread(5000), spoil=only_the_whole)
    with pytest.raises(IncompleteWindow, match=r"counts 60000 rows in .*, 0 came in its parts, in each of 5 reads"):
        vendor.store(tmp_path)
    assert len(vendor.asked) < 60


@pytest.mark.parametrize("lost", [1, 40])
def test_a10_rows_that_a_window_showed_and_its_parts_lack_are_noticed(
    make: MakeHook, tmp_path: Path, lost: int
) -> None:
    def drops(n: int, window: Interval, params: Any, document: dict[str, Any]) -> dict[str, Any]:
        return document if window == SLOT else {**document, "data": document["data"][lost:]}

    vendor = Vendor(make("pv"), "games_game_history", spread(900), spoil=drops)
    with pytest.raises(IncompleteWindow):
        vendor.store(tmp_path, **GAME)


@pytest.mark.parametrize(("provider", "stream"), [("aig", "transactions"), ("gmag", "game_history"), ("pv", "history")])
@pytest.mark.parametrize("said", [10**12, 10**9, 10**30])
def test_a11_an_absurd_total_fails_in_a_few_calls(
    make: MakeHook, tmp_path: Path, provider: str, stream: str, said: int
) -> None:
    vendor = Vendor(make(provider), stream, spread(5000), spoil=total(said))
    vendor.patch = lambda i: {vendor.stream.key[-1]: f"{len(vendor.asked)}-{i}"}
    with pytest.raises((IncompleteWindow, ProviderUnavailable)):
        vendor.store(tmp_path)
    assert len(vendor.asked) < 40


@pytest.mark.parametrize("said", [lambda n: 20_000 + 100 * (n % 2), lambda n: 9, lambda n: 11, lambda n: 5000])
def test_a11_totals_that_alternate_or_never_agree_fail_in_bounded_calls(
    make: MakeHook, tmp_path: Path, said: Any
) -> None:
    vendor = Vendor(make("aig"), "transactions", spread(10), spoil=total(said))
    with pytest.raises(IncompleteWindow):
        vendor.store(tmp_path)
    assert len(vendor.asked) < 250


@pytest.mark.parametrize(("cap", "said"), [(None, 2000), (1000, 1000), (500, 500), (None, 4000)])
def test_a_total_that_stops_at_the_page_size_is_no_proof(
    make: MakeHook, tmp_path: Path, cap: int | None, said: int
) -> None:
    vendor = Vendor(make("pv"), "history", spread(5500), cap=cap, spoil=total(said))
    stored = vendor.store(tmp_path)
    assert len(vendor.ids(stored)) == 5500
    assert stored.receipts[0].proof == {"second read": 1}


@pytest.mark.parametrize("count", [16, 50, 100, 2000, 4000])
@pytest.mark.parametrize(("provider", "stream"), [("pv", "history"), ("gmag", "game_history")])
def test_a_provider_that_returns_its_last_page_again_for_the_page_after_it_is_read(
    make: MakeHook, tmp_path: Path, provider: str, stream: str, count: int
) -> None:
    vendor = Vendor(make(provider), stream, spread(count, step=timedelta(milliseconds=1)))
    pages = {"pv": ("page", "page_size"), "gmag": ("page", "size")}[provider]

    def clamps(n: int, window: Any, params: Mapping[str, Any], document: dict[str, Any]) -> dict[str, Any]:
        number, size = (int(params[name]) for name in pages)
        last = max(1, -(-count // size))
        return vendor.answer(window, {**params, pages[0]: last}) if number > last else document

    vendor.spoil = clamps
    stored = vendor.store(tmp_path)
    assert len(vendor.ids(stored)) == count
    assert len(vendor.asked) < 10


@pytest.mark.parametrize(("counts", "held"), [("its own rows", 700), ("all rows", 50)])
def test_a_provider_that_ignores_the_page_number_is_refused(
    make: MakeHook, tmp_path: Path, counts: str, held: int
) -> None:
    """It brings its first 50 rows for any page; that it counts 50 rows is no proof that there are no others."""
    vendor = Vendor(make("pv"), "history", spread(held))

    def first(n: int, window: Any, params: Mapping[str, Any], document: dict[str, Any]) -> dict[str, Any]:
        size = min(50, params["page_size"])
        found = vendor.answer(window, {**params, "page": 1, "page_size": size})
        found["data"]["total"] = size if counts == "its own rows" else found["data"]["total"]
        return found

    vendor.spoil = first
    with pytest.raises(IncompleteWindow):
        vendor.store(tmp_path)
    assert len(vendor.asked) < 50


@pytest.mark.parametrize(("most", "page_size"), [(1_000, 100), (2_000, 300), (5_000, 500), (10_000, 2_000)])
def test_a_count_that_stops_at_a_round_number_is_no_proof(
    make: MakeHook, tmp_path: Path, most: int, page_size: int
) -> None:
    """Search engines count to 10,000 by default, and give no further pages."""
    count = most * 5 // 2
    vendor = Vendor(make("pv", extra={"page_size": page_size}), "history", spread(count))

    def stops(n: int, window: Any, params: Mapping[str, Any], document: dict[str, Any]) -> dict[str, Any]:
        data = document["data"]
        data["total"] = min(data["total"], most)
        data["items"] = data["items"][: max(0, most - (params["page"] - 1) * params["page_size"])]
        return document

    vendor.spoil = stops
    assert len(vendor.ids(vendor.store(tmp_path))) == count


# ------------------------------------------------------------------ answers that do not come in time


@pytest.mark.parametrize(
    ("provider", "stream", "count", "rows"),
    [("pv", "history", 2500, 600), ("aig", "transactions", 6000, 1300), ("gmag", "game_history", 3000, 700)],
)
def test_pages_are_smaller_for_the_rest_of_the_run_after_one_that_timed_out(
    make: MakeHook, tmp_path: Path, provider: str, stream: str, count: int, rows: int
) -> None:
    def too_large(n: int, window: Any, params: Mapping[str, Any], document: dict[str, Any]) -> dict[str, Any]:
        if int(params.get("page_size", params.get("size", 0))) > rows:
            raise ProviderOverloaded("HTTP 504")
        return document

    slot = Interval(FIVE, FIVE + timedelta(minutes=29))
    later = Interval(slot.end, slot.end + slot.width)
    vendor = Vendor(make(provider), stream, spread(count, slot) + spread(count, later), spoil=too_large)
    stored = vendor.store(tmp_path, slot, later)
    assert sorted(vendor.ids(stored), key=int) == [f"{i}" for i in range(2 * count)]
    assert stored.receipts[1].asked_for_less["rows"] <= rows
    first = [params for window, params in vendor.asked if window and window.start == later.start]
    assert int(first[-1].get("page_size", first[-1].get("size", 0))) <= rows


def test_a_window_that_timed_out_is_requested_in_shorter_ones(make: MakeHook, tmp_path: Path) -> None:
    def too_long(n: int, window: Interval, params: Any, document: dict[str, Any]) -> dict[str, Any]:
        if window.width > timedelta(minutes=2):
            raise ProviderOverloaded("HTTP 504")
        return document

    vendor = Vendor(make("jdb"), "transactions", spread(100), spoil=too_long)
    stored = vendor.store(tmp_path)
    assert vendor.ids(stored) == [f"{i}" for i in range(100)]
    assert 60 <= stored.receipts[0].asked_for_less["seconds"] <= 150
    assert sum(window.width > timedelta(minutes=2) for window, _ in vendor.asked) < 60


def test_where_nothing_less_can_be_requested_the_error_is_raised(make: MakeHook, tmp_path: Path) -> None:
    def never(n: int, window: Any, params: Any, document: Any) -> Any:
        raise ProviderOverloaded("HTTP 504")

    vendor = Vendor(make("gmag"), "game_history", spread(10), spoil=never)
    with pytest.raises(ProviderOverloaded, match=r"stream game_history, window .*: HTTP 504"):
        vendor.store(tmp_path)
    assert len(vendor.asked) < 400


# ------------------------------------------------------------------ whatever it does


@settings(max_examples=examples(25), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_whatever_a_vendor_caps_hides_or_says_the_slot_is_complete_or_fails(
    make: MakeHook, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    provider, stream = data.draw(
        st.sampled_from(
            [
                ("pv", "history"),
                ("pv", "games_game_history"),
                ("aig", "transactions"),
                ("aig", "latest"),
                ("jdb", "transactions"),
            ]
        )
    )
    count = data.draw(st.integers(0, 1200))
    salt = data.draw(st.integers(1, 97))
    slot = Interval(FIVE, FIVE + timedelta(minutes=5)) if provider == "jdb" else SLOT
    vendor = Vendor(make(provider), stream, spread(count, slot))
    vendor.cap = data.draw(st.none() | st.integers(10, 600))
    vendor.order = data.draw(st.sampled_from([None, lambda i: -i, lambda i: (i * salt * 31) % 1009]))
    if stream == "latest":
        vendor.order = None  # its order is documented
    hidden = data.draw(st.sampled_from(["nothing", "total left out", "empty at times"]))

    def spoil(n: int, window: Any, params: Any, document: dict[str, Any]) -> dict[str, Any]:
        if hidden == "total left out" and "total" in document.get("data", {}):
            del document["data"]["total"]
        if hidden == "empty at times" and vendor.asked.count((window, params)) == 1 and (n * salt) % 3 == 0:
            return {**document, "data": None}
        return document

    vendor.spoil = spoil
    try:
        stored = vendor.store(tmp_path_factory.mktemp("lake"), slot, **(GAME if stream == "games_game_history" else {}))
    except IncompleteWindow:
        stored = None
    if stored is not None:
        assert sorted(vendor.ids(stored), key=int) == [f"{i}" for i in range(count)]
    assert len(vendor.asked) < 2500


# ------------------------------------------------------------------ rows that were shown and are gone


class Hiding(Vendor):
    """Bet 7 is gone, and so is its count, in some calls."""

    gone = range(0)

    def _found(self, window: Interval) -> list[int]:
        return [i for i in super()._found(window) if i != 7 or len(self.asked) not in self.gone]


@pytest.mark.parametrize("last", [2, *(pytest.param(last, marks=pytest.mark.slow) for last in (3, 4, 5))])
def test_a_row_that_a_broken_read_showed_must_come_again(make: MakeHook, tmp_path: Path, last: int) -> None:
    """The totals of the two pages differ, so the window is read again; that read is stable, and lacks the row."""
    vendor = Hiding(make("aig"), "transactions", spread(5003))
    vendor.gone = range(2, last + 1)
    stored = vendor.store(tmp_path)
    assert len(vendor.ids(stored)) == 5003
    assert stored.receipts[0].reread >= 1


def test_a_row_that_has_moved_to_a_later_window_is_not_missed(make: MakeHook, tmp_path: Path) -> None:
    """AIG moves a bet with its update_time. The bet is looked for from now back until it is found.

    Three reads of two pages; in two of them a call past the end, as the total came down; two later windows.
    """
    vendor = Vendor(make("aig"), "transactions", spread(5003))
    moved = datetime.now(timezone.utc) - timedelta(seconds=90)

    def move(n: int, window: Interval | None, params: Any, document: dict[str, Any]) -> dict[str, Any]:
        if n == 1:
            vendor.bets[7] = moved
        return document

    vendor.spoil = move
    assert len(vendor.ids(vendor.store(tmp_path))) == 5002
    assert len(vendor.asked) == 10


def test_a_bet_that_a_cursor_shows_in_two_versions_belongs_to_the_later_one(make: MakeHook, tmp_path: Path) -> None:
    """The first hour's answer ends between the two, so it shows the older version in the second hour only."""
    slots = [Interval(FIVE + i * HOUR, FIVE + (i + 1) * HOUR) for i in range(3)]
    older, newer = slots[1].start + timedelta(minutes=1), slots[2].start + timedelta(minutes=1)
    bets = [*spread(900), older, *spread(700, Interval(older + timedelta(minutes=9), slots[1].end)), newer]
    vendor = Vendor(make("aig"), "latest", bets, patch=lambda i: {"id": "changed"} if bets[i] in {older, newer} else {})
    stored = vendor.store(tmp_path, *slots)
    assert sorted(vendor.ids(stored)) == sorted([*(f"{i}" for i in range(1601) if i != 900), "changed"])
    assert [receipt.rows for receipt in stored.receipts] == [900, 700, 1]


@pytest.mark.parametrize("lacking", [1, 12])
@pytest.mark.parametrize(("provider", "stream"), [("aig", "transactions"), ("pv", "history"), ("gmag", "game_history")])
def test_a_row_that_two_reads_of_an_older_copy_lack_fails_the_task(
    make: MakeHook, tmp_path: Path, provider: str, stream: str, lacking: int
) -> None:
    """No later window shows it, so it has not moved."""
    slot = Interval(FIVE, FIVE + timedelta(minutes=29))

    class Older(Vendor):
        def _found(self, window: Interval) -> list[int]:
            return [i for i in super()._found(window) if len(self.asked) == 1 or i >= lacking]

    vendor = Older(make(provider, extra={"page_size": 10}), stream, spread(35, slot))
    with pytest.raises(IncompleteWindow, match="showed"):
        vendor.store(tmp_path, slot)
    assert not list(tmp_path.rglob("*.parquet"))
    assert len(vendor.asked) <= 400


@pytest.mark.slow
def test_a_row_that_cannot_move_and_does_not_come_again_fails_the_task(make: MakeHook, tmp_path: Path) -> None:
    slot = Interval(FIVE, FIVE + timedelta(minutes=29))
    vendor = Hiding(make("gmag"), "game_history", spread(10_500, slot), cap=5000)
    vendor.stream = replace(
        vendor.stream, version_columns=("createdAt",), paging=replace(vendor.stream.paging, total_cap=None)
    )
    vendor.gone = range(3, 99)
    with pytest.raises(IncompleteWindow, match="1 rows that an earlier answer showed did not come again"):
        vendor.store(tmp_path, slot)
    assert not list(tmp_path.rglob("*.parquet"))
    assert len(vendor.asked) <= 30
