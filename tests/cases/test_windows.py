"""Windows that hold their ends or not, and answers for another window than was asked for."""

from __future__ import annotations

import itertools
import json
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from airflow_betproviders.declare.interval import Interval
from airflow_betproviders.exceptions import ProviderRequestError
from airflow_betproviders.extraction.replay import Replay
from airflow_betproviders.extraction.slots import Extraction
from airflow_betproviders.lake.layout import Lake
from tests.cases.vendors import FIVE, HOUR, INCLUDES, JDB_ZONE, SLOT, Vendor, ms, spread
from tests.conftest import MakeHook
from tests.examples import examples

MINUTE = timedelta(minutes=1)
SIX = FIVE + HOUR
NEXT = Interval(SIX, SIX + HOUR)
SILENT = [("jdb", "transactions", HOUR), ("jdb", "recent_transactions", 15 * MINUTE), ("gmag", "game_history", HOUR)]


def by_slot(vendor: Vendor, *runs: Any) -> dict[Interval, list[str]]:
    """Return the ids in each slot's object, after all runs."""
    key = vendor.stream.key[-1]
    return {
        slot: sorted(pq.read_table(path)[key].to_pylist(), key=int) for run in runs for slot, path in run.paths.items()
    }


def expected(vendor: Vendor, *slots: Interval) -> dict[Interval, list[str]]:
    """Return each bet in the slot that its time lies in."""
    return {slot: [f"{i}" for i, at in enumerate(vendor.bets) if slot.start <= at < slot.end] for slot in slots}


# ------------------------------------------------------------------ A14


@pytest.mark.parametrize("ends", INCLUDES)
@pytest.mark.parametrize(("provider", "stream", "width"), SILENT)
@pytest.mark.parametrize("one_run", [True, False])
@pytest.mark.parametrize(
    "inner",
    [
        pytest.param(True, id="rows on inner edges", marks=pytest.mark.slow),
        pytest.param(False, id="no rows on inner edges"),
    ],
)
def test_a14_a_bet_on_the_edge_of_a_slot_is_stored_once_in_its_slot(
    make: MakeHook, tmp_path: Path, ends: str, provider: str, stream: str, width: timedelta, one_run: bool, inner: bool
) -> None:
    slots = [Interval(SIX + i * width, SIX + (i + 1) * width) for i in range(-1, 2)]
    bets = [slot.start for slot in slots] + [slots[0].start + timedelta(seconds=31), slots[-1].end]
    if inner:
        bets += [SIX + i * MINUTE for i in range(-10, 10) if i]
    vendor = Vendor(make(provider), stream, bets, ends=ends)
    runs = [vendor.store(tmp_path, *slots)] if one_run else [vendor.store(tmp_path, slot) for slot in slots]
    assert by_slot(vendor, *runs) == expected(vendor, *slots)


@pytest.mark.slow
@settings(max_examples=examples(20), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(minutes=st.lists(st.integers(0, 180), max_size=12), ends=st.sampled_from([*INCLUDES]), cut=st.booleans())
def test_a14_wherever_bets_lie_each_is_stored_once_in_its_slot(
    make: MakeHook, tmp_path_factory: pytest.TempPathFactory, minutes: list[int], ends: str, cut: bool
) -> None:
    slots = [Interval(FIVE + i * HOUR, FIVE + (i + 1) * HOUR) for i in range(3)]
    vendor = Vendor(make("jdb"), "transactions", [FIVE + minute * MINUTE for minute in minutes], ends=ends)
    folder = tmp_path_factory.mktemp("lake")
    runs = [vendor.store(folder, *part) for part in ((slots[:1], slots[1:]) if cut else (slots,))]
    assert by_slot(vendor, *runs) == expected(vendor, *slots)


def test_a14_only_the_first_slot_of_a_run_costs_one_more_call(make: MakeHook, tmp_path: Path) -> None:
    slots = [Interval(FIVE + i * HOUR, FIVE + (i + 1) * HOUR) for i in range(3)]
    vendor = Vendor(make("jdb"), "transactions", [])
    vendor.store(tmp_path, *slots)
    assert len(vendor.asked) == 2 * 36 + 1  # an empty window is asked for twice
    busy = Vendor(make("jdb"), "transactions", spread(240))
    busy.store(tmp_path)
    assert len(busy.asked) == 12 + 3  # proofs of two of the greatest answers, the second by what follows its last row


@pytest.mark.parametrize(("provider", "stream"), [("pv", "history"), ("aig", "transactions")])
def test_a14_where_the_document_says_it_there_is_no_further_call(
    make: MakeHook, tmp_path: Path, provider: str, stream: str
) -> None:
    vendor = Vendor(make(provider), stream, [FIVE + timedelta(seconds=1), SIX])
    assert vendor.ids(vendor.store(tmp_path)) == ["0"]
    assert len(vendor.asked) == 1


def test_a14_a_replay_brings_back_rows_on_the_edge_too(make: MakeHook, tmp_path: Path) -> None:
    vendor = Vendor(make("jdb"), "transactions", [FIVE, SIX, SIX + MINUTE], ends="(]")
    import fsspec

    lake = Lake(fsspec.filesystem("file"), str(tmp_path), "jdb", "transactions", vendor.hook.account)
    for slot in (SLOT, NEXT):
        Extraction(vendor.hook, vendor.stream, archive=True).store([slot], lake)
    asked = len(vendor.asked)
    again = Replay(vendor.hook, vendor.stream, lake).store([SLOT, NEXT], lake)
    assert by_slot(vendor, again) == {SLOT: ["0"], NEXT: ["1", "2"]}
    assert len(vendor.asked) == asked


# ------------------------------------------------------------------ A12, A13, A15


def later(hours: int) -> Any:
    """Return a change to a record of GM-Ag: its times are of another zone."""
    return lambda at: {"endTime": f"{at + hours * HOUR:%Y-%m-%d %H:%M:%S}.000"}


@pytest.mark.parametrize("hours", [8, -8, 1])
def test_a12_rows_of_another_zone_fail_and_nothing_is_stored(make: MakeHook, tmp_path: Path, hours: int) -> None:
    vendor = Vendor(make("gmag"), "game_history", spread(60))
    vendor.patch = lambda i: later(hours)(vendor.bets[i])
    with pytest.raises(
        ProviderRequestError, match=r"rows have endTime outside the window, one at .*zone or unit.*\+00:00"
    ):
        vendor.store(tmp_path)
    assert not list(tmp_path.rglob("*.parquet"))


@pytest.mark.parametrize("factor", [0.001, 1000])
@pytest.mark.parametrize("stream", ["transactions", "latest"])
def test_a13_times_in_another_unit_fail_and_nothing_is_stored(
    make: MakeHook, tmp_path: Path, factor: float, stream: str
) -> None:
    vendor = Vendor(make("aig"), stream, spread(60))
    vendor.patch = lambda i: {"update_time": round(ms(vendor.bets[i]) * factor)}
    with pytest.raises(ProviderRequestError, match=r"update_time outside the window.*zone or unit"):
        vendor.store(tmp_path)
    assert not list(tmp_path.rglob("*.parquet"))


@pytest.mark.parametrize("digits", ["1" * 310, "-" + "1" * 4000, "1" * 5000, "1e400"])
@pytest.mark.parametrize(
    ("provider", "stream", "column"),
    [("aig", "transactions", "update_time"), ("aig", "latest", "update_time"), ("pv", "history", "start_at")],
)
def test_a13_a_number_beyond_any_clock_costs_only_its_own_row(
    make: MakeHook, tmp_path: Path, provider: str, stream: str, column: str, digits: str
) -> None:
    vendor = Vendor(make(provider), stream, spread(12), patch=lambda i: {column: "@"} if i == 5 else {})
    vendor.spoil = lambda call, window, params, answer: json.dumps(answer).replace('"@"', digits).encode()
    stored = vendor.store(tmp_path)
    assert (stored.receipts[0].rows, stored.receipts[0].bad_rows) == (11, 1)


def test_a15_without_the_right_filter_column_the_message_names_both_causes(make: MakeHook, tmp_path: Path) -> None:
    def modified_later(i: int) -> dict[str, Any]:
        """Return the vendor filters lastModifyTime; the bet was placed two hours before."""
        return {"gameDate": (vendor.bets[i].astimezone(JDB_ZONE) - 2 * HOUR).strftime("%d-%m-%Y %H:%M:%S")}

    vendor = Vendor(make("jdb"), "transactions", spread(60), patch=modified_later)
    with pytest.raises(ProviderRequestError) as caught:
        vendor.store(tmp_path)
    text = str(caught.value)
    assert "UTC offset -04:00" in text
    assert "set utc_offset" in text
    assert "set filter_column" in text
    vendor = Vendor(make("jdb", extra={"filter_column": "lastModifyTime"}), "transactions", spread(60))
    vendor.patch = lambda i: {
        "gameDate": (vendor.bets[i].astimezone(JDB_ZONE) - 2 * HOUR).strftime("%d-%m-%Y %H:%M:%S")
    }
    assert len(vendor.ids(vendor.store(tmp_path))) == 60


@pytest.mark.parametrize("strays", [2, 3, 40])
def test_rows_outside_the_window_in_a_call_that_proves_an_answer_count_as_in_an_answer(
    make: MakeHook, tmp_path: Path, strays: int
) -> None:
    """An answer with 300 bets is proven by calls for its ends: one in a hundred of these bets shows a wrong question."""
    vendor = Vendor(
        make("pv"), "games_game_history", [*spread(300), *spread(40, Interval(NEXT.start + MINUTE, NEXT.end))]
    )

    def other_hour(n: int, window: Any, params: Any, document: dict[str, Any]) -> dict[str, Any]:
        more = [vendor._pv(i) for i in range(300, 300 + strays)] if window != SLOT else []
        return {**document, "data": document["data"] + more}

    vendor.spoil = other_hour
    if strays == 2:
        assert vendor.store(tmp_path, game_id=1062).receipts[0].rows == 300
        assert len(vendor.asked) == 3
    else:
        with pytest.raises(
            ProviderRequestError, match=rf"{strays} of \d+ rows have start_at and end_at outside the window"
        ):
            vendor.store(tmp_path, game_id=1062)


def test_a_single_row_outside_the_window_goes_to_quarantine(make: MakeHook, tmp_path: Path) -> None:
    vendor = Vendor(make("aig"), "transactions", spread(101))
    vendor.patch = lambda i: {"update_time": ms(FIVE - HOUR)} if i == 50 else {}
    stored = vendor.store(tmp_path)
    assert (stored.receipts[0].rows, stored.receipts[0].bad_rows, stored.receipts[0].outside) == (100, 1, 1)
    (quarantined,) = [path.read_text() for path in tmp_path.rglob("*.jsonl")]
    assert '"reason":"update_time 2026-11-20T04:00:00Z: outside the window' in quarantined
    assert '\\"id\\": \\"50\\"' in quarantined or '"id": "50"' in quarantined
    fewer = Vendor(make("aig"), "transactions", spread(100), patch=vendor.patch)
    with pytest.raises(ProviderRequestError, match="1 of 100 rows"):
        fewer.store(tmp_path)


@pytest.mark.parametrize("end_time", ["9999-12-30 05:00:00.000", "1971-01-01 05:00:00.000"])
def test_an_absurd_time_is_an_odd_value_and_no_other_window(make: MakeHook, tmp_path: Path, end_time: str) -> None:
    vendor = Vendor(make("gmag"), "game_history", spread(20))
    vendor.patch = lambda i: {"endTime": end_time} if i % 5 == 0 else {}
    stored = vendor.store(tmp_path)
    assert (stored.receipts[0].rows, stored.receipts[0].bad_rows) == (16, 4)
    (quarantined,) = [path.read_text() for path in tmp_path.rglob("*.jsonl")]
    assert quarantined.count(f"endTime {end_time[:4]}") == 4


def test_pv_bets_lie_in_the_window_by_their_start_or_their_end(make: MakeHook, tmp_path: Path) -> None:
    vendor = Vendor(make("pv"), "history", spread(60))
    early = int((FIVE - HOUR).timestamp())
    vendor.patch = lambda i: {("start_at" if i % 2 else "end_at"): early}
    assert len(vendor.ids(vendor.store(tmp_path))) == 60
    vendor.patch = lambda i: {"start_at": early, "end_at": early}
    with pytest.raises(ProviderRequestError, match="start_at and end_at outside the window"):
        vendor.store(tmp_path)


def test_offsets_are_written_as_people_write_them() -> None:
    from airflow_betproviders.extraction.fetch.completeness.outside_rows import offset_text

    offsets = [timedelta(hours=h, minutes=m) for h, m in itertools.product((-4, 0, 5), (0, 30))]
    assert [offset_text(offset) for offset in offsets] == ["-04:00", "-03:30", "+00:00", "+00:30", "+05:00", "+05:30"]
    assert datetime.now(timezone(offsets[1])).isoformat().endswith("-03:30")
