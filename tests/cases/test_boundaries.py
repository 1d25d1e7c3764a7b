"""Every row that an answer showed is stored in one slot, or in the quarantine of one slot, whichever ends windows hold."""

from __future__ import annotations

import json
from collections import Counter
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import fsspec
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from airflow_betproviders.declare.interval import Interval
from airflow_betproviders.exceptions import IncompleteWindow, ProviderRequestError
from airflow_betproviders.extraction.replay import Replay
from airflow_betproviders.lake.layout import Lake
from tests.cases.vendors import FIVE, HOUR, INCLUDES, JDB_ZONE, Vendor
from tests.conftest import MakeHook
from tests.examples import examples

MINUTE = timedelta(minutes=1)
SLOTS = [Interval(FIVE + i * HOUR, FIVE + (i + 1) * HOUR) for i in range(3)]
STREAMS = [("jdb", "transactions"), ("gmag", "game_history")]
UNFIT = {"jdb": {"total": None}, "gmag": {"wins": None}}
TIMES = {"jdb": "gameDate", "gmag": "endTime"}


def clock(provider: str, at: datetime) -> str:
    """Return a time as the vendor writes it."""
    return at.astimezone(JDB_ZONE).strftime("%d-%m-%Y %H:%M:%S") if provider == "jdb" else f"{at:%Y-%m-%d %H:%M:%S}.000"


def store(vendor: Vendor, folder: Path, runs: list[list[Interval]]) -> dict[Interval, Counter[str]]:
    """Return what each slot holds after all runs, stored and rejected, by id."""
    for slots in runs:
        vendor.store(folder, *slots)
    key, found = vendor.stream.key[-1], {}
    lake = Lake(fsspec.filesystem("file"), str(folder), vendor.stream.provider, vendor.name, vendor.hook.account)
    for slot, path in lake.stored(Interval(FIVE - HOUR, FIVE + 9 * HOUR)).items():
        found[slot] = Counter(pq.read_table(path)[key].to_pylist())
        quarantine = Path(lake.quarantine(slot))
        lines = quarantine.read_text().splitlines() if quarantine.exists() else []
        found[slot].update(f"{json.loads(line)['row'][key]} rejected" for line in lines)
    return found


# The first slot's start, inner edges of windows and of slots, the last slot's end, and instants off the edges.
seconds = st.one_of(
    st.sampled_from([0, 60, 300, 3300, 3599, 3600, 3660, 7200, 10_500, 10_800, -1, -60]), st.integers(-3600, 14_400)
)
ways = st.sampled_from(
    [
        [SLOTS],
        [[slot] for slot in SLOTS],
        [SLOTS[:2], SLOTS[1:]],
        [SLOTS[1:], SLOTS[:1]],
        [SLOTS, SLOTS[:1], SLOTS[1:2]],
    ]
)


@pytest.mark.slow
@pytest.mark.parametrize(("provider", "stream"), STREAMS)
@settings(max_examples=examples(20), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(bets=st.lists(st.tuples(seconds, st.booleans()), max_size=9), ends=st.sampled_from([*INCLUDES]), runs=ways)
@example(bets=[(0, False)], ends="(]", runs=[[SLOTS[0]]])  # the campaign's seed 202
@example(bets=[(300, False), (3600, False)], ends="(]", runs=[SLOTS])
@example(bets=[(3600, False), (3600, True)], ends="[]", runs=[[slot] for slot in SLOTS])
def test_every_row_is_in_its_slot_or_in_the_quarantine_of_it(
    make: MakeHook,
    tmp_path_factory: pytest.TempPathFactory,
    provider: str,
    stream: str,
    bets: list[tuple[int, bool]],
    ends: str,
    runs: list[list[Interval]],
) -> None:
    vendor = Vendor(make(provider), stream, [FIVE + timedelta(seconds=at) for at, _ in bets], ends=ends)
    vendor.patch = lambda i: {} if bets[i][1] else UNFIT[provider]
    found = store(vendor, tmp_path_factory.mktemp("lake"), runs)
    loaded = {slot for slots in runs for slot in slots}
    expected = {
        slot: Counter(
            f"{i}" if fits else f"{i} rejected"
            for i, (at, fits) in enumerate(bets)
            if slot.start <= FIVE + timedelta(seconds=at) < slot.end
        )
        for slot in loaded
    }
    assert found == expected


@pytest.mark.parametrize("ends", INCLUDES)
@pytest.mark.parametrize(("provider", "stream"), STREAMS)
@pytest.mark.parametrize("at", [3600, *(pytest.param(at, marks=pytest.mark.slow) for at in (0, 300, 3900))])
@pytest.mark.parametrize("one_run", [True, False])
def test_a_row_without_a_time_that_can_be_true_is_in_quarantine_of_each_slot_that_brings_it(
    make: MakeHook, tmp_path: Path, provider: str, stream: str, ends: str, at: int, one_run: bool
) -> None:
    absurd = ([*INCLUDES].index(ends) + at // 300 + one_run) % 2  # or unreadable, in turn
    vendor = Vendor(make(provider), stream, [FIVE + timedelta(seconds=at)], ends=ends)
    vendor.patch = lambda i: {TIMES[provider]: clock(provider, FIVE - timedelta(days=20_000)) if absurd else "soon"}
    found = store(vendor, tmp_path, [SLOTS[:2]] if one_run else [SLOTS[:1], SLOTS[1:2]])
    # On a slot's boundary both slots bring it, and nothing says where it belongs.
    doubled = ends == "[]" and at == 3600
    assert sum(found.values(), Counter()) == Counter({"0 rejected": 1 + doubled})


@pytest.mark.parametrize("width", [HOUR, 5 * MINUTE])
def test_rejected_rows_beyond_the_window_of_a_cursor_stay_with_their_own_slot(
    make: MakeHook, tmp_path: Path, width: timedelta
) -> None:
    """A cursor's answers reach beyond the window that was asked for."""
    slots = [Interval(FIVE + i * width, FIVE + (i + 1) * width) for i in range(3)]
    vendor = Vendor(make("aig"), "latest", [slot.start + width / 2 for slot in slots])
    patch: Any = {"bet_amount": None}
    vendor.patch = lambda i: patch
    found = store(vendor, tmp_path, [[slot] for slot in slots])
    assert found == {slot: Counter([f"{i} rejected"]) for i, slot in enumerate(slots)}


@pytest.mark.parametrize("wrong", [1, 99])
@pytest.mark.parametrize(("provider", "stream"), STREAMS)
def test_rows_on_a_start_that_the_slot_before_showed_have_to_come_with_the_call_for_it(
    make: MakeHook, tmp_path: Path, provider: str, stream: str, wrong: int
) -> None:
    """With an archive each slot asks for its own rows. That call is answered with nothing by mistake, once or for ever."""
    empty = 0

    def spoil(n: int, window: Interval | None, params: Any, document: dict[str, Any]) -> dict[str, Any]:
        nonlocal empty
        if window and window.start < SLOTS[1].start < window.end and empty < wrong:
            empty += 1
            emptied = {"total": 0, "records": []} if provider == "gmag" else {"data": []}
            return {**document, **emptied}
        return document

    bets = [FIVE + MINUTE, SLOTS[1].start, SLOTS[1].start + MINUTE]
    vendor = Vendor(make(provider), stream, bets, ends="(]", spoil=spoil)
    if wrong == 1:
        stored = vendor.store(tmp_path, *SLOTS[:2], archive=True)
        assert sorted(vendor.ids(stored)) == ["0", "1", "2"]
    else:
        with pytest.raises(IncompleteWindow, match="the slot before has shown"):
            vendor.store(tmp_path, *SLOTS[:2], archive=True)


@pytest.mark.parametrize("ends", [*INCLUDES])
@pytest.mark.parametrize(("provider", "stream"), STREAMS)
def test_the_archive_of_each_slot_brings_its_rows_again(
    make: MakeHook, tmp_path: Path, provider: str, stream: str, ends: str
) -> None:
    """The answer to the extra call around a slot's start is in the archive of that slot, not of the slot before."""
    bets = [slot.start + after for slot in SLOTS for after in (timedelta(0), MINUTE)]
    vendor = Vendor(make(provider), stream, bets, ends=ends)
    stored = vendor.store(tmp_path, *SLOTS, archive=True)
    extracted = [pq.read_table(path) for path in stored.paths.values()]
    assert sum(receipt.calls for receipt in stored.receipts) == len(vendor.asked)
    lake = Lake(fsspec.filesystem("file"), str(tmp_path), provider, stream, vendor.hook.account)
    replayed = Replay(vendor.hook, vendor.stream, lake).store(SLOTS, lake)
    assert [pq.read_table(path) for path in replayed.paths.values()] == extracted
    assert sum(table.num_rows for table in extracted) == len(bets)


# ------------------------------------------------------------------ reports that name the day of their figures

REPORT = Interval(FIVE - 5 * HOUR, FIVE + 19 * HOUR)
SECOND = timedelta(seconds=1)
AROUND_MIDNIGHT = [REPORT.start, REPORT.start + HOUR, REPORT.end - SECOND, REPORT.end]


def report_by_day(vendor: Vendor, zone: timedelta = timedelta(0)) -> Any:
    """Answer with the number of bets of each day in the window, as days begin at midnight in a zone."""

    def answer(n: int, window: Interval | None, params: Any, document: Any) -> Any:
        assert window is not None
        days = Counter(
            f"{at + zone:%Y-%m-%d}" for at in vendor.bets if INCLUDES[vendor.ends](window.start, at, window.end)
        )
        rows = [{"date": day, "bet_count": count, "bet_amount": 7 * count} for day, count in sorted(days.items())]
        return {"code": 200, "msg": "", "data": {"day_list": rows[::-1], "summary": {}}}

    return answer


@pytest.mark.parametrize(("ends", "calls"), [("[)", 1), ("[]", 2)])
def test_a_report_counts_a_bet_at_midnight_in_one_day_whichever_ends_windows_hold(
    make: MakeHook, tmp_path: Path, ends: str, calls: int
) -> None:
    vendor = Vendor(make("pv"), "stage_summary", AROUND_MIDNIGHT, ends=ends)
    vendor.spoil = report_by_day(vendor)
    stored = vendor.store(tmp_path, REPORT, archive=True)
    assert len(vendor.asked) == stored.receipts[0].calls == calls
    path = stored.paths[REPORT]
    extracted = pq.read_table(path)
    assert extracted.select(["date", "bet_count", "bet_amount"]).to_pylist() == [
        {"date": f"{REPORT.start:%Y-%m-%d}", "bet_count": 3, "bet_amount": 21}
    ]
    lake = Lake(fsspec.filesystem("file"), str(tmp_path), "pv", "stage_summary", vendor.hook.account)
    replayed = Replay(vendor.hook, vendor.stream, lake).store([REPORT], lake)
    assert pq.read_table(replayed.paths[REPORT]) == extracted


@pytest.mark.parametrize(
    ("hours", "ends", "at"),
    [
        (8, "[)", [*AROUND_MIDNIGHT, REPORT.end - HOUR]),
        (8, "[]", AROUND_MIDNIGHT),
        (1, "[]", [*AROUND_MIDNIGHT, REPORT.end - HOUR]),
        (-4, "[]", AROUND_MIDNIGHT),
        (8, "[]", [REPORT.start + HOUR, REPORT.end - HOUR]),
    ],
)
def test_a_report_by_days_of_another_zone_fails(
    make: MakeHook, tmp_path: Path, hours: int, ends: str, at: list[datetime]
) -> None:
    vendor = Vendor(make("pv"), "stage_summary", at, ends=ends)
    vendor.spoil = report_by_day(vendor, hours * HOUR)
    with pytest.raises(ProviderRequestError, match="begin at another hour than midnight UTC"):
        vendor.store(tmp_path, REPORT)
    assert len(vendor.asked) <= 2


def test_a_report_whose_figures_differ_a_second_earlier_fails(make: MakeHook, tmp_path: Path) -> None:
    vendor = Vendor(make("pv"), "stage_summary", AROUND_MIDNIGHT, ends="(]")
    vendor.spoil = report_by_day(vendor)
    with pytest.raises(IncompleteWindow, match="the figures of 2026-11-20 differ"):
        vendor.store(tmp_path, REPORT)


def test_a_provider_that_refuses_the_window_a_second_earlier_fails_by_the_day(make: MakeHook, tmp_path: Path) -> None:
    vendor = Vendor(make("pv"), "stage_summary", AROUND_MIDNIGHT, ends="[]")
    answer = report_by_day(vendor)

    def refuse(n: int, window: Interval | None, params: Any, document: Any) -> Any:
        return answer(n, window, params, document) if n == 1 else {"code": 400, "msg": "bad time", "data": None}

    vendor.spoil = refuse
    with pytest.raises(ProviderRequestError, match="the answer has figures of 2026-11-21"):
        vendor.store(tmp_path, REPORT)


# ------------------------------------------------------------------ windows that leave out both ends


@pytest.mark.parametrize("archive", [False, True])
@pytest.mark.parametrize(("provider", "stream"), [*STREAMS, ("jdb", "recent_transactions")])
@pytest.mark.parametrize("first", [0, 60])
def test_a_vendor_whose_windows_leave_out_both_ends_fails_instead_of_losing_the_rows_on_them(
    make: MakeHook,
    tmp_path: Path,
    provider: str,
    stream: str,
    first: int,
    archive: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A bet each minute: the window in which the fewest lie on an end is still read without them."""
    monkeypatch.setitem(INCLUDES, "()", lambda start, at, end: start < at < end)
    bets = [FIVE + timedelta(seconds=at) for at in range(first, 3600, 60)]
    vendor = Vendor(make(provider), stream, bets, ends="()")
    with pytest.raises(IncompleteWindow, match="Ask the provider which ends a window includes"):
        vendor.store(tmp_path, SLOTS[0], archive=archive)


@pytest.mark.parametrize("ends", INCLUDES)
@pytest.mark.parametrize(("provider", "stream"), STREAMS)
def test_a_row_inside_a_window_shows_which_ends_windows_hold_for_one_call(
    make: MakeHook, tmp_path: Path, provider: str, stream: str, ends: str
) -> None:
    bets = [FIVE + 2 * MINUTE, FIVE + 2 * MINUTE, FIVE + 3 * MINUTE + SECOND]
    vendor = Vendor(make(provider), stream, bets, ends=ends)
    stored = vendor.store(tmp_path, SLOTS[0])
    windows, empty = (12, 11) if provider == "jdb" else (3, 0)  # an empty window without a total is asked for twice
    assert sorted(vendor.ids(stored)) == ["0", "1", "2"]
    assert len(vendor.asked) == windows + empty + (3 if ends == "(]" else 1)
    vendor.asked.clear()
    vendor.store(tmp_path, SLOTS[1])
    assert len(vendor.asked) == windows + (windows if empty else 0) + (ends == "(]")


def test_a_vendor_that_begins_to_leave_out_the_start_loses_no_row_on_it(make: MakeHook, tmp_path: Path) -> None:
    """What an earlier run saw is not believed in a slot with a row on its end, and none on a start."""
    slots = [Interval(FIVE + i * 5 * MINUTE, FIVE + (i + 1) * 5 * MINUTE) for i in range(4)]
    vendor = Vendor(make("jdb"), "transactions", [slot.start for slot in slots])
    vendor.store(tmp_path, slots[0])
    vendor.ends = "(]"
    vendor.bets.append(slots[-1].end)
    assert [vendor.ids(vendor.store(tmp_path, slot)) for slot in slots[1:]] == [["1"], ["2"], ["3"]]


def test_a_row_that_the_call_about_ends_shows_has_to_be_in_the_slot(make: MakeHook, tmp_path: Path) -> None:
    bets = [FIVE + 2 * MINUTE, FIVE + 2 * MINUTE + SECOND]
    left_out = 0

    def leave_out(n: int, window: Interval | None, params: Any, document: dict[str, Any]) -> dict[str, Any]:
        nonlocal left_out
        if n <= 12 and len(document["data"]) == 2:
            left_out += 1
            return {**document, "data": document["data"][:1]}
        return document

    vendor = Vendor(make("jdb"), "transactions", bets, spoil=leave_out)
    assert sorted(vendor.ids(vendor.store(tmp_path, SLOTS[0]))) == ["0", "1"]
    assert left_out == 1
