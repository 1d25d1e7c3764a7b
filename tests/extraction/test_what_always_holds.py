"""The ten promises of the design on the complete engine: each is kept, or the task fails.

What a hook or an operator must add to them (lag, retention, signatures) is in `tests/hooks` and `tests/operators`.
"""

from __future__ import annotations

import logging
import random
import tempfile
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal as Exact
from pathlib import Path
from typing import Any

import fsspec
import pyarrow.parquet as pq
import pytest

from airflow_betproviders.declare.fields import Field, StrptimeTime
from airflow_betproviders.declare.interval import Interval, slots
from airflow_betproviders.declare.pagination import PageNumber
from airflow_betproviders.declare.stream import Stream
from airflow_betproviders.exceptions import (
    IncompleteWindow,
    OverlappingSlot,
    ProviderRequestError,
    ProviderUnavailable,
    WindowExpired,
)
from airflow_betproviders.extraction.slots import Extraction, Stored
from airflow_betproviders.extraction.write import row_groups
from airflow_betproviders.extraction.write import slot_writer as writer_module
from airflow_betproviders.lake.layout import Lake
from airflow_betproviders.lake.publish import read_receipt
from tests.clock import Clock
from tests.extraction.vendor import BETS, FIVE, HOUR, MINUTE, SLOT, START_MS, Vendor, bet, serving

Run = Callable[..., Stored]
QUARTERS = slots(SLOT, 15 * MINUTE)


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(fsspec.filesystem("file"), str(tmp_path), "toy", "bets", "agent001")


def store(vendor: Vendor, lake: Lake, *cut: Interval, stream: Stream = BETS, **run_metadata: Any) -> Stored:
    return Extraction(vendor, stream, run_metadata=run_metadata).store(cut or (SLOT,), lake)


def ids(lake: Lake, interval: Interval = SLOT) -> list[str]:
    return [name for path in sorted(lake.stored(interval).values()) for name in pq.read_table(path)["id"].to_pylist()]


def hour(count: int = 60) -> list[dict[str, Any]]:
    """Return a bet a minute, in no order."""
    rows = [bet(f"{i:03}", at=3600 * i / count, changed=i, stake=f"{i}.25") for i in range(count)]
    random.Random(7).shuffle(rows)
    return rows


# ------------------------------------------------------------------ 1


def test_promise_1_complete_the_slot_holds_every_row_and_the_receipt_proves_it(lake: Lake) -> None:
    vendor = Vendor(hour())
    (receipt,) = store(vendor, lake).receipts
    assert ids(lake) == [f"{i:03}" for i in range(60)]
    assert (receipt.rows, receipt.total, receipt.windows) == (60, 60, 4)
    assert receipt.calls == len(vendor.asked) == 20
    windows = {window for window, _ in vendor.asked}
    assert sorted(windows) == list(QUARTERS)


@pytest.mark.parametrize(
    "lie",
    [
        lambda n, answer: {**answer, "total": answer["total"] + 1},
        lambda n, answer: {**answer, "rows": answer["rows"][:-1]},
        lambda n, answer: {**answer, "rows": answer["rows"][:1] * len(answer["rows"])},
    ],
    ids=["one more is counted", "the last row of a page is missing", "one row again and again"],
)
def test_promise_1_failed_an_incomplete_window_publishes_nothing(
    lake: Lake, clock: Clock, lie: Callable[[int, dict[str, Any]], dict[str, Any]]
) -> None:
    with pytest.raises(IncompleteWindow, match="connection toy_default, stream bets, window"):
        store(Vendor(hour(), spoil=lie), lake)
    assert lake.stored(SLOT) == {}


def test_promise_1_boundaries_a_row_on_each_boundary_is_stored_once(lake: Lake) -> None:
    edges = [0, 0.001, 899.999, 900, 900.001, 1799.999, 1800, 3599.999]
    rows = [bet(f"{i}", at=at) for i, at in enumerate(edges)]
    next_slot = Interval(SLOT.end, SLOT.end + HOUR)
    rows.append(bet("next", at=3600))
    store(Vendor(rows), lake, SLOT, next_slot)
    assert ids(lake) == [f"{i}" for i in range(len(edges))]
    assert ids(lake, next_slot) == ["next"]


# ------------------------------------------------------------------ 2


def test_promise_2_once_no_key_twice_in_a_slot_and_the_newest_version_wins(lake: Lake) -> None:
    rows = [
        bet("a", at=60, changed=1, stake="1"),
        bet("a", at=2000, changed=5, stake="5"),  # the same bet again in a later window
        bet("a", at=3000, changed=3, stake="3"),
        bet("b", at=61),
    ]
    (receipt,) = store(Vendor(rows), lake).receipts
    table = pq.read_table(lake.data(SLOT))
    assert sorted(table["id"].to_pylist()) == ["a", "b"]
    assert str(table["stake"][table["id"].to_pylist().index("a")]) == "5.00000000"
    assert receipt.duplicates == 2


def test_promise_2_once_a_slot_across_a_stored_object_is_refused_before_the_first_call(lake: Lake) -> None:
    store(Vendor(hour()), lake)
    vendor = Vendor(hour())
    with pytest.raises(OverlappingSlot, match="Use the slot width of that object"):
        store(vendor, lake, Interval(FIVE + 30 * MINUTE, FIVE + 90 * MINUTE))
    with pytest.raises(OverlappingSlot):
        store(vendor, lake, *QUARTERS)
    assert vendor.asked == []


def test_promise_2_once_smaller_objects_go_when_the_slot_that_holds_them_is_there(lake: Lake) -> None:
    store(Vendor(hour()), lake, *QUARTERS)
    store(Vendor(hour()), lake)
    assert list(lake.stored(SLOT)) == [SLOT]
    assert len(ids(lake)) == 60


# ------------------------------------------------------------------ 3


def test_promise_3_all_or_nothing_a_slot_that_fails_leaves_the_object_before(lake: Lake, clock: Clock) -> None:
    store(Vendor(hour(10)), lake)
    before = Path(lake.data(SLOT)).read_bytes()

    def breaks(n: int, answer: dict[str, Any]) -> bytes | dict[str, Any]:
        return b"<html>502</html>" if n > 5 else answer

    with pytest.raises(ProviderUnavailable):
        store(Vendor(hour(), spoil=breaks), lake)
    assert Path(lake.data(SLOT)).read_bytes() == before
    assert [path.name for path in Path(lake.root).rglob("*") if path.is_file()] == [f"{SLOT.name}.parquet"]


def test_promise_3_all_or_nothing_slots_before_the_one_that_fails_stay(lake: Lake) -> None:
    def breaks(n: int, answer: dict[str, Any]) -> dict[str, Any]:
        late = any(row["at"] >= START_MS + 30 * 60_000 for row in answer["rows"])
        return {**answer, "code": 408000} if late else answer

    with pytest.raises(ProviderRequestError):
        store(Vendor(hour(), spoil=breaks), lake, *QUARTERS)
    assert set(lake.stored(SLOT)) == set(QUARTERS[:2])


# ------------------------------------------------------------------ 4


def test_promise_4_same_interval_same_objects_whoever_runs_it(lake: Lake) -> None:
    first = store(Vendor(hour()), lake, run_id="scheduled__1", try_number=1)
    second = store(Vendor(hour()), lake, run_id="manual__2", try_number=3)
    assert first.paths == second.paths
    assert ids(lake) == [f"{i:03}" for i in range(60)]
    assert read_receipt(lake.fs, lake.data(SLOT)).run_id == "manual__2"


def test_promise_4_a_slot_knows_who_changed_it_last(lake: Lake) -> None:
    def read(vendor: Vendor, run: str) -> bool:
        (receipt,) = store(vendor, lake, dag_id="bets", run_id=run).receipts
        assert read_receipt(lake.fs, lake.data(SLOT)) == receipt
        return receipt.changed

    rows = hour()
    assert read(Vendor(rows), "first")
    assert read(Vendor(rows), "first")  # a retry finds what the run found
    assert not read(Vendor(rows[::-1]), "second")
    assert read_receipt(lake.fs, lake.data(SLOT)).changed_by == "bets/first"
    assert read(Vendor([{**row, "changed": row["changed"] + 1000} if row["id"] == "030" else row for row in rows]), "3")
    assert read(Vendor(rows[:-1]), "fourth")


def test_promise_4_keys_that_came_in_several_windows_leave_the_digest_as_it_is(lake: Lake) -> None:
    def digest() -> str:
        receipt = read_receipt(lake.fs, lake.data(SLOT))
        assert receipt is not None
        return receipt.digest

    rows = hour()
    store(Vendor(rows), lake)
    plain = digest()
    moved = {**rows[0], "at": (rows[0]["at"] - START_MS + 1_800_000) % 3_600_000 + START_MS, "changed": 0}
    doubled = store(Vendor([*rows, moved]), lake)
    assert doubled.total("duplicates") == 1
    assert digest() == plain


def test_promise_4_same_interval_same_rows_in_the_same_order(lake: Lake) -> None:
    store(Vendor(hour()), lake)
    first = pq.read_table(lake.data(SLOT)).drop_columns("_extracted_at")
    store(Vendor(sorted(hour(), key=lambda row: row["id"], reverse=True)), lake)
    assert pq.read_table(lake.data(SLOT)).drop_columns("_extracted_at").equals(first)


# ------------------------------------------------------------------ 5


def test_promise_5_exact_from_the_wire_to_the_file(lake: Lake) -> None:
    stakes = ["999999999999.9999", "912345678901.0003", "0.00000001", "-12345678901234567890.12345678"]
    names = ["0012", "9223372036854775807", "😀", "1e5"]
    rows = [
        bet(name, at=i, stake=stake, units=2**63 - 1) for i, (name, stake) in enumerate(zip(names, stakes, strict=True))
    ]
    (receipt,) = store(
        Vendor(rows), lake, stream=serving(paging=PageNumber(**{**vars(BETS.paging), "page_size": 9}))
    ).receipts
    table = pq.read_table(lake.data(SLOT))
    assert table["id"].to_pylist() == names
    assert table["stake"].to_pylist() == [Exact(stake) for stake in stakes]
    assert table["units"].to_pylist() == [2**63 - 1] * 4
    assert table["at"].to_pylist()[1] == FIVE + timedelta(seconds=1)
    assert receipt.sums == {"stake": "-12345676988888888989.12325677", "units": str(4 * (2**63 - 1))}


# ------------------------------------------------------------------ 6


def test_promise_6_nothing_is_dropped_unknown_members_and_odd_rows_are_stored_too(lake: Lake) -> None:
    good = {**bet("a"), "bonus": {"kind": "spin", "n": 1}}
    odd = {**bet("b", at=1), "stake": "much"}
    (receipt,) = store(Vendor([good, odd]), lake).receipts
    assert pq.read_table(lake.data(SLOT))["_extra"].to_pylist() == ['{"bonus":{"kind":"spin","n":1}}']
    text = Path(lake.quarantine(SLOT)).read_text()
    assert text.startswith('{"reason":"stake: expected an amount')
    assert '"id":"b"' in text
    assert (receipt.rows, receipt.bad_rows) == (1, 1)


# ------------------------------------------------------------------ 7


def test_promise_7_an_empty_slot_is_an_object_without_rows(lake: Lake) -> None:
    (receipt,) = store(Vendor([]), lake).receipts
    assert pq.read_metadata(lake.data(SLOT)).num_rows == 0
    assert (receipt.rows, receipt.total) == (0, 0)


@pytest.mark.parametrize("before", [(SLOT,), QUARTERS], ids=["the same slot", "smaller slots inside it"])
def test_promise_7_a_slot_that_shrinks_is_logged_and_counted(
    lake: Lake, before: tuple[Interval, ...], caplog: pytest.LogCaptureFixture
) -> None:
    store(Vendor(hour()), lake, *before)
    with caplog.at_level(logging.WARNING):
        (receipt,) = store(Vendor([]), lake).receipts
    assert (receipt.previous_rows, receipt.rows, receipt.shrunken) == (60, 0, True)
    assert "shrank from 60 to 0 rows" in caplog.text


def test_promise_7_a_window_is_checked_just_before_it_is_requested(lake: Lake) -> None:
    vendor = Vendor(hour())

    def gone(window: Interval) -> None:
        if window == QUARTERS[2]:
            raise WindowExpired(f"{window} is gone")

    with pytest.raises(WindowExpired, match="05:30:00Z"):
        Extraction(vendor, BETS, check_time=gone).store([SLOT], lake)
    assert QUARTERS[2] not in {window for window, _ in vendor.asked}
    assert lake.stored(SLOT) == {}


# ------------------------------------------------------------------ 8


def test_promise_8_polite_calls_of_all_windows_and_slots_are_spaced(lake: Lake, clock: Clock) -> None:
    vendor = Vendor(hour(), min_interval=5, shares=True)
    began = clock.now
    store(vendor, lake, *QUARTERS)
    assert clock.now - began == pytest.approx(5 * (len(vendor.asked) - 1))
    assert vendor.acquired == len(vendor.asked)


# ------------------------------------------------------------------ 9


def test_promise_9_quiet_an_answer_that_echoes_a_signature_does_not_bring_it_into_a_message(
    lake: Lake, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    echo = b'<p>bad request: GET /q?sign=60694d77140617133bb4143311c25e09&ts=1</p>{"hash":"b97513b422ad17d9697e3a88acac778e"}'
    with pytest.raises(ProviderUnavailable) as caught, caplog.at_level(logging.DEBUG):
        store(Vendor([], spoil=lambda n, answer: echo), lake)
    for text in (str(caught.value), caplog.text):
        assert "60694d" not in text
        assert "b97513" not in text


# ------------------------------------------------------------------ 10


def test_promise_10_bounded_no_more_than_a_row_group_and_a_window_is_in_memory(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(row_groups, "ROW_GROUP", 50)
    held: list[int] = []
    add = writer_module.SlotWriter.add

    def noted(self: writer_module.SlotWriter, *args: Any) -> None:
        add(self, *args)
        held.append(self._groups.rows)

    monkeypatch.setattr(writer_module.SlotWriter, "add", noted)
    paging = PageNumber(**{**vars(BETS.paging), "page_size": 100})
    store(Vendor(hour(1200)), lake, stream=serving(paging=paging, windows=type(BETS.windows)(span=MINUTE, step=MINUTE)))
    assert len(ids(lake)) == 1200
    assert len(held) == 60
    assert max(held) < 50


# ------------------------------------------------------------------ where rows belong


def test_a_row_on_the_end_of_a_window_belongs_to_the_next_though_the_vendor_counts_both_ends_in(lake: Lake) -> None:
    class BothEnds(Vendor):
        def request(self, stream: Any, window: Any, params: Any, *rest: Any) -> bytes:
            return super().request(
                stream, Interval(window.start, window.end + timedelta(milliseconds=1)), params, *rest
            )

    rows = [bet("start"), bet("boundary", at=900), bet("end", at=3600)]
    (receipt,) = store(BothEnds(rows), lake).receipts
    assert ids(lake) == ["start", "boundary"]
    assert receipt.total == 4  # the boundary twice, the end once


def test_rows_outside_the_window_mean_a_wrong_zone_where_the_filter_column_is_documented(lake: Lake) -> None:
    fields = tuple(
        Field("at", StrptimeTime("%d-%m-%Y %H:%M:%S"), required=True) if f.name == "at" else f for f in BETS.fields
    )
    stream = serving(fields=fields, reject_outside_window=True)
    local = {**bet("a"), "at": "20-11-2026 13:00:00"}  # five o'clock UTC on a clock of +08:00
    with pytest.raises(ProviderRequestError, match=r"outside the window.*set utc_offset"):
        store(Vendor([local], stream), lake, stream=stream)
    assert lake.stored(SLOT) == {}
    store(Vendor([local], stream, utc_offset=timedelta(hours=8)), lake, QUARTERS[0], stream=stream)
    assert pq.read_table(lake.data(QUARTERS[0]))["at"].to_pylist() == [FIVE]


def test_rows_outside_are_kept_and_counted_where_the_document_does_not_name_the_column(lake: Lake) -> None:
    class ByEnd(Vendor):
        def request(self, stream: Any, window: Any, params: Any, *rest: Any) -> bytes:
            return super().request(stream, Interval(window.start - MINUTE, window.end - MINUTE), params, *rest)

    (receipt,) = store(ByEnd([bet("before", at=-30), bet("inside", at=30)]), lake).receipts
    assert ids(lake) == ["before", "inside"]
    assert receipt.outside == 1
    assert bet("before", at=-30)["at"] == START_MS - 30_000


# ------------------------------------------------------------------ publishing beside reading


def slow_lake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, before_put: Callable[[str], None]) -> Lake:
    """Return a lake whose store does something before it takes an object."""
    fs = fsspec.filesystem("file", skip_instance_cache=True)
    put = fs.put_file

    def put_file(local: str, path: str, **options: Any) -> None:
        before_put(path)
        put(local, path, **options)

    monkeypatch.setattr(fs, "put_file", put_file)
    return Lake(fs, str(tmp_path), "toy", "bets", "agent001")


def test_a_slot_is_published_while_the_next_one_is_read_and_in_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    next_is_read, order = threading.Event(), []

    def spoil(number: int, answer: dict[str, Any]) -> dict[str, Any]:
        if vendor.asked[-1][0].start >= QUARTERS[1].start:
            next_is_read.set()
        return answer

    def before_put(path: str) -> None:
        order.append(path)
        assert next_is_read.wait(60), "the next slot was not read meanwhile"

    vendor = Vendor(hour(), spoil=spoil)
    stored = store(vendor, slow_lake(tmp_path, monkeypatch, before_put), *QUARTERS)
    assert list(stored.paths) == list(QUARTERS)
    names = [slot.name in path for slot, path in zip(QUARTERS, order, strict=True)]
    assert all(names)


def test_a_slot_that_cannot_be_published_is_an_error_and_none_is_published_after_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def before_put(path: str) -> None:
        if QUARTERS[1].name in path:
            raise OSError("the store is full")

    lake = slow_lake(tmp_path, monkeypatch, before_put)
    (tmp_path / "local").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "local"))
    with pytest.raises(OSError, match="the store is full"):
        store(Vendor(hour()), lake, *QUARTERS)
    assert list(lake.stored(SLOT)) == [QUARTERS[0]]
    assert not list((tmp_path / "local").iterdir())


def test_when_a_slot_cannot_be_read_the_one_before_is_published_or_its_error_is_logged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def spoil(number: int, answer: dict[str, Any]) -> dict[str, Any]:
        return {**answer, "code": 400} if vendor.asked[-1][0].start >= QUARTERS[1].start else answer

    vendor = Vendor(hour(), spoil=spoil)
    lake = slow_lake(tmp_path / "good", monkeypatch, lambda path: time.sleep(0.2))
    with pytest.raises(ProviderRequestError):
        store(vendor, lake, *QUARTERS)
    assert list(lake.stored(SLOT)) == [QUARTERS[0]]

    def full(path: str) -> None:
        raise OSError("the store is full")

    with pytest.raises(ProviderRequestError):
        store(vendor, slow_lake(tmp_path / "full", monkeypatch, full), *QUARTERS)
    target = (
        f"{tmp_path}/full/provider=toy/stream=bets/account=agent001/slot_date=2026-11-20/{QUARTERS[0].name}.parquet"
    )
    assert f"could not be published: {target} cannot be written: the store is full. Check that the store" in caplog.text
