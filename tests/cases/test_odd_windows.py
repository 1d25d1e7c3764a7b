"""Bursts, cursors, links and keys that no document describes: the slot holds the truth, or the task fails within bounds."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from airflow_betproviders.declare.interval import Interval
from airflow_betproviders.declare.pagination import NextLink
from airflow_betproviders.exceptions import BetProviderError, IncompleteWindow, ProviderOverloaded
from tests.cases.test_odd_answers import KEYS, LISTS, PAGED, STREAMS, Place, outcome
from tests.cases.vendors import FIVE, HOUR, SLOT, Vendor, ms, spread
from tests.conftest import MakeHook

GAME = {"game_id": 1062}
MINUTE = timedelta(minutes=1)
HALF = Interval(FIVE, FIVE + 29 * MINUTE)


def truth(count: int) -> list[str]:
    return sorted(f"{i}" for i in range(count))


# ------------------------------------------------------------------ bursts beyond a cap


@pytest.mark.parametrize(
    ("provider", "stream", "cap", "filters"),
    [("jdb", "transactions", 100, {}), ("jdb", "transactions", 137, {}), ("pv", "games_game_history", 500, GAME)],
)
def test_more_rows_than_an_answer_holds_in_the_shortest_window_fail_with_a_clear_error(
    make: MakeHook, tmp_path: Path, provider: str, stream: str, cap: int, filters: Mapping[str, Any]
) -> None:
    """300 bets, or 600, in one second."""
    at = FIVE + 17 * MINUTE + timedelta(seconds=7)
    vendor = Vendor(make(provider), stream, [*spread(90), *[at] * (600 if provider == "pv" else 300)], cap=cap)
    with pytest.raises(IncompleteWindow) as caught:
        vendor.store(tmp_path, SLOT, **filters)
    assert f"stream {stream}" in str(caught.value)
    assert len(vendor.asked) < 150
    assert not list(tmp_path.rglob("*.parquet"))


@pytest.mark.slow
def test_ten_thousand_rounds_in_one_minute_fail_with_a_clear_error(make: MakeHook, tmp_path: Path) -> None:
    """GM-Ag counts no further than 10,000, and a minute is its shortest window."""
    minute = Interval(FIVE + 3 * MINUTE, FIVE + 4 * MINUTE)
    vendor = Vendor(
        make("gmag"), "game_history", [*spread(10_500, minute, timedelta(milliseconds=5)), *spread(50, HALF)]
    )

    def counts_no_further(n: int, window: Any, params: Any, document: dict[str, Any]) -> dict[str, Any]:
        document["total"] = min(document["total"], 10_000)
        return document

    vendor.spoil = counts_no_further
    with pytest.raises(
        IncompleteWindow, match=r"window \[2026-11-20T05:03:00Z, 2026-11-20T05:04:00Z\).*exactly 10000 rows"
    ):
        vendor.store(tmp_path, HALF)
    assert len(vendor.asked) < 40


def test_a_burst_in_one_minute_beside_quiet_ones_is_stored(make: MakeHook, tmp_path: Path) -> None:
    minute = Interval(FIVE + 17 * MINUTE, FIVE + 18 * MINUTE)
    bets = sorted([*spread(400, minute, timedelta(milliseconds=100)), *spread(300)])
    for provider, stream, cap, filters in (("pv", "games_game_history", 500, GAME), ("jdb", "transactions", 450, {})):
        vendor = Vendor(make(provider), stream, bets, cap=cap)
        assert outcome(vendor, tmp_path / provider, SLOT, **filters) == truth(700)


# ------------------------------------------------------------------ answers for something else


@pytest.mark.parametrize(("provider", "stream"), STREAMS)
@pytest.mark.parametrize("off", [HOUR, -HOUR, timedelta(hours=12), timedelta(days=1)], ids=str)
def test_answers_for_another_window_fail(
    make: MakeHook, tmp_path: Path, provider: str, stream: str, off: timedelta
) -> None:
    """A vendor whose clock is off, or one that caches an answer."""
    vendor = Vendor(make(provider), stream, [at + off for at in spread(60)])
    found = type(vendor)._found
    vendor._found = lambda window: found(vendor, Interval(window.start + off, window.end + off))  # type: ignore[method-assign]
    with pytest.raises(BetProviderError, match="outside the window"):
        vendor.store(tmp_path)
    assert not list(tmp_path.rglob("*.parquet"))


@pytest.mark.parametrize(("provider", "stream"), STREAMS)
@pytest.mark.parametrize("seconds", [-1, 1])
def test_one_row_a_second_outside_its_window_is_set_aside(
    make: MakeHook, tmp_path: Path, provider: str, stream: str, seconds: int
) -> None:
    slot = Interval(FIVE, FIVE + 5 * MINUTE)
    stray = slot.start - timedelta(seconds=1) if seconds < 0 else slot.end + timedelta(seconds=1)
    vendor = Vendor(make(provider), stream, [*spread(150, slot), stray])
    found = type(vendor)._found
    vendor._found = lambda window: [*found(vendor, window), 150] if window == slot else found(vendor, window)  # type: ignore[method-assign]
    stored = vendor.store(tmp_path, slot)
    assert sorted(vendor.ids(stored)) == truth(150)
    assert (stored.receipts[0].bad_rows, stored.receipts[0].outside) == (1, 1)


@pytest.mark.parametrize(("provider", "stream"), STREAMS)
def test_a_vendor_that_ignores_the_window_fails(make: MakeHook, tmp_path: Path, provider: str, stream: str) -> None:
    vendor = Vendor(make(provider), stream, spread(90, Interval(FIVE - HOUR, FIVE + 2 * HOUR)))
    vendor._found = lambda window: [*range(90)]  # type: ignore[method-assign]
    with pytest.raises(BetProviderError, match="outside the window"):
        vendor.store(tmp_path)
    assert len(vendor.asked) < 20


def test_a_vendor_whose_clock_follows_summer_time_fails_from_the_change_on(make: MakeHook, tmp_path: Path) -> None:
    """JDB writes GMT-4 all year; one that follows New York is right in summer, and an hour off from 1 November on."""
    change = datetime(2026, 11, 1, 6, tzinfo=FIVE.tzinfo)
    before, after = Interval(change - HOUR, change), Interval(change, change + HOUR)
    vendor = Vendor(make("jdb"), "transactions", [*spread(40, before), *spread(40, after)])

    def new_york(i: int) -> dict[str, Any]:
        at = vendor.bets[i]
        wall = at - timedelta(hours=4 if at < change else 5)
        return {name: wall.strftime("%d-%m-%Y %H:%M:%S") for name in ("gameDate", "lastModifyTime")}

    vendor.patch = new_york
    assert sorted(vendor.ids(vendor.store(tmp_path, before)), key=int) == [f"{i}" for i in range(40)]
    with pytest.raises(BetProviderError, match=r"outside the window.*set utc_offset"):
        vendor.store(tmp_path, after)


# ------------------------------------------------------------------ keys


@pytest.mark.parametrize(("provider", "stream"), [("pv", "history"), ("aig", "transactions"), ("gmag", "game_history")])
def test_keys_that_differ_by_case_blanks_or_zeros_are_different_bets(
    make: MakeHook, tmp_path: Path, provider: str, stream: str
) -> None:
    ids = ["a1", "A1", "a1 ", " a1", "a01", "a1\t", "\uff411", "\u00e11", "a\u03011"]
    vendor = Vendor(make(provider), stream, spread(len(ids), HALF))
    vendor.patch = lambda i: {KEYS[provider]: ids[i]}
    assert outcome(vendor, tmp_path, HALF) == sorted(ids)


# ------------------------------------------------------------------ cursors


def by_call(answers: Any) -> Any:
    """Return a `spoil` of AIG's latest that says by the number of the call which bets it brings."""

    def spoil(n: int, window: Any, params: Any, document: dict[str, Any]) -> dict[str, Any]:
        made = answers(n, int(params["last_time"]))
        return document if made is None else {**document, "data": {"transactions": made}}

    return spoil


def latest(make: MakeHook, count: int = 1500) -> tuple[Vendor, Any]:
    vendor = Vendor(make("aig"), "latest", spread(count))

    def rows(first: int, last: int) -> list[Any]:
        return [vendor._aig(i) for i in range(first, min(last, count))]

    return vendor, rows


def test_a_cursor_whose_every_answer_is_the_first_fails(make: MakeHook, tmp_path: Path) -> None:
    vendor, rows = latest(make)
    vendor.spoil = by_call(lambda n, since: rows(0, 1000))
    assert outcome(vendor, tmp_path, SLOT) is None


def test_a_cursor_that_repeats_one_answer_once_is_followed(make: MakeHook, tmp_path: Path) -> None:
    vendor, rows = latest(make, 2500)
    vendor.spoil = by_call(lambda n, since: rows(0, 1000) if n == 2 else None)
    assert outcome(vendor, tmp_path, SLOT) in (truth(2500), None)


def test_a_cursor_that_goes_back_is_not_followed_for_ever(make: MakeHook, tmp_path: Path) -> None:
    vendor, rows = latest(make, 2500)
    vendor.spoil = by_call(lambda n, since: rows(0, 900) if n % 2 == 0 else rows(500, 1000))
    assert outcome(vendor, tmp_path, SLOT) in (truth(2500), None)


def test_a_cursor_that_brings_newest_first_loses_no_row(make: MakeHook, tmp_path: Path) -> None:
    vendor, _ = latest(make, 1500)

    def newest(n: int, since: int) -> list[Any]:
        held = [i for i in range(1500) if ms(vendor.bets[i]) > since]
        return [vendor._aig(i) for i in held[-1000:][::-1]]

    vendor.spoil = by_call(newest)
    assert outcome(vendor, tmp_path, SLOT) in (truth(1500), None)


def test_more_rows_in_one_millisecond_than_a_cursor_brings_fail(make: MakeHook, tmp_path: Path) -> None:
    vendor = Vendor(make("aig"), "latest", [*spread(30), *[FIVE + 10 * MINUTE] * 1500])
    vendor.bets.sort()
    with pytest.raises(IncompleteWindow, match="share one millisecond"):
        vendor.store(tmp_path)
    assert len(vendor.asked) < 20


def test_a_row_of_a_year_far_away_is_not_left_for_a_later_slot_of_a_cursor(make: MakeHook, tmp_path: Path) -> None:
    vendor = Vendor(make("aig"), "latest", spread(200))
    vendor.patch = lambda i: {"update_time": 253370764800000} if i == 7 else {}
    stored = vendor.store(tmp_path)
    assert sorted(map(int, vendor.ids(stored))) == [i for i in range(200) if i != 7]
    assert [
        json.loads(path.read_text())["row"]["id"] for path in tmp_path.glob("_betproviders/quarantine/**/*.jsonl")
    ] == ["7"]


# ------------------------------------------------------------------ links


@pytest.mark.parametrize(
    "link",
    ["https://elsewhere.test/v1/bets?after=7", "//elsewhere.test/v1/bets?after=7", "http://user:pass@elsewhere.test/?after=7",
     "file:///etc/passwd?after=7", "?after=7", "/v1/bets?after=7"],
)  # fmt: skip
def test_a_link_gives_parameters_only_so_that_no_call_goes_elsewhere(link: str) -> None:
    assert NextLink()._next(link, {}) == {"after": "7"}


# ------------------------------------------------------------------ totals over windows


@pytest.mark.parametrize(("provider", "stream"), PAGED)
def test_a_total_of_all_time_in_place_of_the_windows_fails(
    make: MakeHook, tmp_path: Path, provider: str, stream: str
) -> None:
    vendor = Vendor(make(provider), stream, spread(60, HALF))

    def all_time(n: int, window: Any, params: Any, document: dict[str, Any]) -> dict[str, Any]:
        Place(provider, document).data["total"] = 123_456
        return document

    vendor.spoil = all_time
    assert outcome(vendor, tmp_path, HALF) is None


@pytest.mark.parametrize(("provider", "stream"), PAGED)
def test_a_total_of_zero_beside_rows_loses_none(make: MakeHook, tmp_path: Path, provider: str, stream: str) -> None:
    vendor = Vendor(make(provider), stream, spread(60, HALF))

    def zero(n: int, window: Any, params: Any, document: dict[str, Any]) -> dict[str, Any]:
        Place(provider, document).data["total"] = 0
        return document

    vendor.spoil = zero
    assert outcome(vendor, tmp_path, HALF) in (truth(60), None)


@pytest.mark.parametrize(("provider", "stream"), STREAMS)
def test_an_empty_answer_now_and_then_loses_no_row(make: MakeHook, tmp_path: Path, provider: str, stream: str) -> None:
    """Each second call has nothing, with a total of 0: only where totals are given can that be noticed."""
    vendor = Vendor(make(provider, extra={} if provider == "jdb" else {"page_size": 10}), stream, spread(35, HALF))

    def every_second(n: int, window: Any, params: Any, document: dict[str, Any]) -> dict[str, Any]:
        place = Place(provider, document)
        if n % 2 == 0 and provider != "jdb":
            place.data[LISTS[provider]], place.data["total"] = [], 0
        return document

    vendor.spoil = every_second
    assert outcome(vendor, tmp_path, HALF) in (truth(35), None)


@pytest.mark.parametrize(("provider", "stream"), PAGED)
def test_rows_that_all_vanish_while_they_are_read_fail(
    make: MakeHook, tmp_path: Path, provider: str, stream: str
) -> None:
    """Rows may move to another window when they change, but not all of them within seconds."""
    vendor = Vendor(make(provider, extra={"page_size": 10}), stream, spread(35, HALF))

    def one_page(n: int, window: Any, params: Any, document: dict[str, Any]) -> dict[str, Any]:
        place = Place(provider, document)
        if n > 1:
            place.data[LISTS[provider]], place.data["total"] = [], 0
        return document

    vendor.spoil = one_page
    assert outcome(vendor, tmp_path, HALF) is None


# ------------------------------------------------------------------ rows that other answers of the run have shown


@pytest.mark.parametrize(("stream", "filters"), [("history", {}), ("games_game_history", GAME)])
@pytest.mark.parametrize("together", [True, False])
def test_a_bet_on_the_hour_is_stored_once_where_pv_counts_the_end_in_against_its_document(
    make: MakeHook, tmp_path: Path, stream: str, filters: Mapping[str, Any], together: bool
) -> None:
    slots = [Interval(FIVE + i * HOUR, FIVE + (i + 1) * HOUR) for i in range(2)]
    vendor = Vendor(make("pv"), stream, [*spread(5), FIVE + HOUR, *spread(5, slots[1])], ends="[]")
    found = [
        vendor.ids(vendor.store(tmp_path, *part, **filters))
        for part in ([slots] if together else [slots[:1], slots[1:]])
    ]
    assert sorted(name for ids in found for name in ids) == truth(11)


def test_rows_that_only_the_call_for_the_slots_start_returns_are_stored(make: MakeHook, tmp_path: Path) -> None:
    """The slot's own answer is empty; one more call, because JDB's ends are not documented, shows its first minute."""
    slot = Interval(FIVE, FIVE + 5 * MINUTE)
    for empty, found in ((1, truth(30)), (99, None)):
        vendor = Vendor(make("jdb"), "transactions", spread(30, slot))

        def nothing(n: int, window: Any, params: Any, document: dict[str, Any], last: int = empty) -> dict[str, Any]:
            return {**document, "data": []} if n <= last and window == slot else document

        vendor.spoil = nothing
        assert outcome(vendor, tmp_path / f"{empty}", slot) == found


def test_the_call_for_the_slots_start_is_refused_where_its_rows_lie_elsewhere(make: MakeHook, tmp_path: Path) -> None:
    slot = Interval(FIVE, FIVE + 5 * MINUTE)
    vendor = Vendor(make("jdb"), "transactions", [FIVE, *spread(30, Interval(FIVE + MINUTE, slot.end))], ends="(]")

    def shifted(n: int, window: Any, params: Any, document: dict[str, Any]) -> dict[str, Any]:
        rows = [{**row, "gameDate": "20-11-2026 09:00:00"} for row in document["data"]]
        return document if window == slot else {**document, "data": rows}

    vendor.spoil = shifted
    with pytest.raises(BetProviderError, match="outside the window"):
        vendor.store(tmp_path, slot)


def test_rows_of_a_later_slot_that_a_cursor_has_shown_are_not_lost(make: MakeHook, tmp_path: Path) -> None:
    slots = [Interval(FIVE + i * HOUR, FIVE + (i + 1) * HOUR) for i in range(2)]
    for empty, found in (({2}, truth(60)), (range(2, 99), None)):
        vendor = Vendor(make("aig"), "latest", [*spread(30), *spread(30, slots[1])])

        def nothing(n: int, window: Any, params: Any, document: Any, calls: Any = empty) -> Any:
            return {**document, "data": {"transactions": []}} if n in calls and window == slots[1] else document

        vendor.spoil = nothing
        folder = tmp_path / f"{len(empty)}"
        if found is None:
            with pytest.raises(IncompleteWindow, match="an earlier answer showed"):
                vendor.store(folder, *slots)
        else:
            assert outcome(vendor, folder, *slots) == found


@pytest.mark.parametrize("end", [FIVE + HOUR, FIVE + HOUR / 2])
def test_a_row_that_comes_too_late_right_after_a_full_answer_of_a_cursor_is_not_lost(
    make: MakeHook, tmp_path: Path, end: datetime
) -> None:
    """AIG does not say that rows come in order. The first answer ends with a row that is later than the first of the next."""
    before = spread(999, Interval(FIVE, end - timedelta(seconds=1)))
    bets = [*before, end - timedelta(milliseconds=500), *[end] * 3]
    vendor = Vendor(
        make("aig"), "latest", bets, order=lambda i: end + timedelta(milliseconds=1) if i == 999 else bets[i]
    )
    stored = set(vendor.ids(vendor.store(tmp_path, SLOT)))
    assert stored >= {f"{i}" for i in range(1000)}
    assert len(vendor.asked) == 2


@pytest.mark.parametrize("lacks", ["the last rows", "any rows"])
def test_full_answers_of_a_cursor_in_random_order_are_complete_up_to_their_last_row_or_refused(
    make: MakeHook, tmp_path: Path, lacks: str
) -> None:
    """Rowan's document leaves the order of rows open: an answer may be a shuffled beginning, or any of the rows."""
    vendor = Vendor(make("aig"), "latest", spread(1200), cap=200)
    rng = random.Random(7)

    def shuffled(n: int, window: Any, params: Any, document: dict[str, Any]) -> dict[str, Any]:
        rows = document["data"]["transactions"]
        if lacks == "any rows":
            since = int(params["last_time"])
            found = [i for i, at in enumerate(vendor.bets) if ms(at) >= since]
            rows = [vendor._aig(i) for i in rng.sample(found, min(200, len(found)))]
        return {**document, "data": {"transactions": rng.sample(rows, len(rows))}}

    vendor.spoil = shuffled
    assert outcome(vendor, tmp_path, SLOT) == (truth(1200) if lacks == "the last rows" else None)
    assert len(vendor.asked) <= 20


@pytest.mark.parametrize("time", [253_402_300_800_000, 1], ids=["after the year 9999", "in 1970"])
def test_rows_with_an_odd_time_in_shuffled_answers_of_a_cursor_do_not_make_the_window_fail(
    make: MakeHook, tmp_path: Path, time: int
) -> None:
    """The cap is the lowest usual one, so a row whose time cannot be read leaves fewer times than rows."""
    bets, odd = spread(300), {*range(3, 300, 40)}
    vendor = Vendor(make("aig"), "latest", bets, cap=50, patch=lambda i: {"update_time": time} if i in odd else {})
    rng = random.Random(7)

    def shuffled(n: int, window: Any, params: Any, document: dict[str, Any]) -> dict[str, Any]:
        rows = document["data"]["transactions"]
        return {**document, "data": {"transactions": rng.sample(rows, len(rows))}}

    vendor.spoil = shuffled
    stored = vendor.store(tmp_path, SLOT)
    assert sorted(vendor.ids(stored)) == sorted({*truth(300)} - {f"{i}" for i in odd})
    assert stored.total("bad_rows") == len(odd)


def test_many_absurd_times_in_ordered_answers_of_a_cursor_do_not_make_the_window_fail(
    make: MakeHook, tmp_path: Path
) -> None:
    odd = {*range(3, 300, 5)}
    vendor = Vendor(make("aig"), "latest", spread(300), cap=50, patch=lambda i: {"update_time": 1} if i in odd else {})
    stored = vendor.store(tmp_path, SLOT)
    assert sorted(vendor.ids(stored)) == sorted({*truth(300)} - {f"{i}" for i in odd})
    assert stored.total("bad_rows") == len(odd)


@pytest.mark.parametrize("count", [2, 12])
def test_a_cursor_of_which_half_the_times_are_absurd_fails_by_no_foreign_error(
    make: MakeHook, tmp_path: Path, count: int
) -> None:
    """Their median lies near neither half."""
    patch = {"update_time": ms(datetime(1990, 1, 1, tzinfo=FIVE.tzinfo))}
    vendor = Vendor(make("aig"), "latest", spread(count), patch=lambda i: patch if i % 2 else {})
    with suppress(BetProviderError):
        stored = vendor.store(tmp_path, SLOT)
        assert stored.total("rows") + stored.total("bad_rows") == count


def test_rows_of_a_page_are_not_lost_where_the_next_page_times_out_and_the_window_is_halved(
    make: MakeHook, tmp_path: Path
) -> None:
    vendor = Vendor(make("aig", extra={"page_size": 10}), "transactions", spread(35))

    def halved(n: int, window: Any, params: Any, document: dict[str, Any]) -> dict[str, Any]:
        if params["start_index"] != "0":
            raise ProviderOverloaded("HTTP 504")
        if window != SLOT:
            Place("aig", document).data.update(total=0, transactions=[])
        return document

    vendor.spoil = halved
    assert outcome(vendor, tmp_path, SLOT) is None
