"""The cases of what lies in a lake: L1 to L4 and S7."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import fsspec
import pyarrow.parquet as pq
import pytest

from airflow_betproviders.bets_table.raw_slots import find_raw_streams
from airflow_betproviders.declare.interval import DAY, Interval
from airflow_betproviders.exceptions import IncompleteWindow
from airflow_betproviders.extraction.write.slot_writer import SlotWriter
from airflow_betproviders.lake.layout import Lake
from airflow_betproviders.lake.receipt import FOOTER_KEY, Receipt
from airflow_betproviders.lake.store import listing
from airflow_betproviders.lake.survey.coverage import Coverage, survey
from airflow_betproviders.registry import declared
from tests.cases.vendors import Vendor
from tests.conftest import MakeHook
from tests.extraction.stored import store

LOCAL = fsspec.filesystem("file")
FIVE = datetime(2026, 11, 20, 5, tzinfo=timezone.utc)
HOUR = timedelta(hours=1)
SLOT = Interval(FIVE, FIVE + HOUR)
STRANGERS = [  # a path below the account's folder, and the part of it that the warning names
    ("slot_date=2026-11-27_$folder$", "slot_date=2026-11-27_$folder$"),
    ("date=2026-11-27_$folder$", "date=2026-11-27_$folder$"),
    ("slot_date=__HIVE_DEFAULT_PARTITION__/part-0.parquet", "slot_date=__HIVE_DEFAULT_PARTITION__"),
    ("slot_date=2026-11-20/_SUCCESS", "slot_date=2026-11-20/_SUCCESS"),
    ("slot_date=2026-11-20/.DS_Store", "slot_date=2026-11-20/.DS_Store"),
    ("slot_date=2026-11-20/part-00000-c000.snappy.parquet", "part-00000-c000.snappy.parquet"),
    ("_SUCCESS", "account=agent001/_SUCCESS"),
    ("../account=agent001_$folder$", "account=agent001_$folder$"),
    ("../account=__HIVE_DEFAULT_PARTITION__/slot_date=2026-11-20/part-0.parquet", "=__HIVE_DEFAULT_PARTITION__"),
]


def look(lake: Lake, **ends: datetime) -> Coverage:
    (found,) = survey(LOCAL, lake.root, now=FIVE + DAY, **ends)
    return found


@pytest.mark.parametrize(("stranger", "named"), STRANGERS)
def test_l1_coverage_gaps_and_merge_go_on_beside_what_others_left(
    tmp_path: Path, stranger: str, named: str, caplog: pytest.LogCaptureFixture
) -> None:
    lake = Lake(LOCAL, str(tmp_path), "aig", "transactions", "agent001")
    store(lake, SLOT, rows=3)
    store(lake, Interval(FIVE + 2 * HOUR, FIVE + 3 * HOUR), rows=4)
    foreign = Path(lake.base) / stranger
    foreign.parent.mkdir(parents=True, exist_ok=True)
    foreign.write_bytes(b"what others left")

    found = look(lake)

    assert [cell.state for cell in found.cells[:3]] == ["complete", "missing", "complete"]
    assert found.gaps()[0].interval == Interval(FIVE + HOUR, FIVE + 2 * HOUR)
    (warning,) = [record.message for record in caplog.records if "left alone" in record.message]
    assert named in warning
    (raw,) = find_raw_streams(LOCAL, lake.root, provider="aig")
    slots, unknown = raw.slots([Interval(FIVE - DAY, FIVE + DAY)])
    assert ([slot.rows for slot in slots], unknown) == ([3, 4], [])
    assert foreign.read_bytes() == b"what others left"


def test_l1_a_link_to_nowhere_and_a_folder_named_like_a_slot_hide_no_other_slot(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    lake = Lake(LOCAL, str(tmp_path), "aig", "transactions", "agent001")
    store(lake, SLOT, rows=3)
    Path(lake.data(SLOT)).with_name("broken.parquet").symlink_to(tmp_path / "nowhere")
    for hour, make in ((1, Path.mkdir), (2, lambda path: path.symlink_to(tmp_path / "nowhere"))):
        make(Path(lake.data(Interval(FIVE + hour * HOUR, FIVE + (hour + 1) * HOUR))))

    found = look(lake)

    assert [cell.state for cell in found.cells[:3]] == ["complete", "missing", "missing"]
    (warning,) = [record.message for record in caplog.records if "left alone" in record.message]
    assert warning.count("/slot_date=2026-11-20/") == 3
    (raw,) = find_raw_streams(LOCAL, lake.root, provider="aig")
    assert len(raw.slots([Interval(FIVE - DAY, FIVE + DAY)])[0]) == 1


def test_l1_a_file_that_vanishes_while_its_folder_is_listed_hides_no_slot(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another task's upload has a name of its own until it is complete."""
    lake = Lake(LOCAL, str(tmp_path), "aig", "transactions", "agent001")
    store(lake, SLOT, rows=3)
    scan = os.scandir
    hidden = Path(lake.folder(FIVE.date())) / f".x.{'0' * 32}.tmp"

    @contextmanager
    def late(folder: str) -> Iterator[list[os.DirEntry[str]]]:
        hidden.write_bytes(b"")
        with scan(folder) as entries:
            found = list(entries)
        hidden.unlink()
        yield found

    monkeypatch.setattr(listing.os, "scandir", late)
    assert [cell.state for cell in look(lake).cells[:2]] == ["complete", "missing"]


def test_an_account_without_a_name_is_found_too(tmp_path: Path) -> None:
    lake = Lake(LOCAL, str(tmp_path), "aig", "transactions", "")
    store(lake, SLOT, rows=3)
    assert look(lake).label["account"] == ""


def test_s7_a_filter_of_200_game_ids_is_stored_on_a_file_system(tmp_path: Path) -> None:
    lake = Lake(LOCAL, str(tmp_path), "pv", "history", "101", {"game_ids": list(range(2000, 2200))})
    store(lake, SLOT, rows=3, filters=dict(lake.filters))

    found = look(lake)

    assert max(len(part.encode()) for part in Path(lake.data(SLOT)).parts) <= 200
    assert found.total.states["complete"] == 1
    assert found.label["account"] == "101"
    assert found.label["filters"] == ["game_ids=" + ",".join(map(str, range(2000, 2200)))]


def test_pv_amounts_say_that_they_are_li(tmp_path: Path) -> None:
    """PV's document: amount parameters are in li (1 yuan = 1000 li), with data type int64."""
    stream = declared("pv", "history")
    with SlotWriter(stream, FIVE) as writer:
        receipt = writer.close(Receipt(provider="pv", stream="history", account="101", start="", end=""))
        columns = pq.read_schema(writer.path)
    for name in ("bet_amount", "gain_amount", "credit", "credit_before_bet"):
        assert columns.field(name).metadata == {b"unit": b"li"}
    assert str(columns.field("bet_amount").type) == "int64"
    assert receipt.units == {"bet_amount": "li", "gain_amount": "li"}
    assert columns.field("user_id").metadata is None


# ------------------------------------------------------------------ L2 to L4: what an extraction stored, by each reader's plainest call

SLOTS = (SLOT, Interval(FIVE + HOUR, FIVE + 2 * HOUR))
IDS = ["0", "1", "2", "3"]
READERS = ("DuckDB", "Polars", "pandas", "PyArrow")
ACCOUNTS = {"pv": "0101", "gmag": "1001"}


def each_has(rows: list[tuple[str, str]]) -> dict[str, list[tuple[str, str]]]:
    return dict.fromkeys(READERS, rows)


def by_each_reader(folder: Path, key: str) -> dict[str, list[tuple[str, str]]]:
    """Account and key of each row of a folder, by reader."""
    import duckdb
    import pandas as pd
    import polars as pl
    import pyarrow.dataset as ds

    glob = f"{folder}/**/*.parquet"
    wanted = ["account", key]
    frames = (pd.read_parquet(folder), ds.dataset(folder, format="parquet", partitioning="hive").to_table().to_pandas())
    found = {
        "DuckDB": duckdb.sql(f"SELECT account, {key} FROM read_parquet('{glob}')").fetchall(),
        "Polars": pl.read_parquet(glob, hive_partitioning=True).select(wanted).rows(),
        **{
            name: zip(*(frame[each] for each in wanted), strict=True)
            for name, frame in zip(READERS[2:], frames, strict=True)
        },
    }
    return {name: sorted(rows) for name, rows in found.items()}


def extracted(make: MakeHook, provider: str, name: str, folder: Path, *slots: Interval, **options: Any) -> Path:
    """Extract two bets in each slot; return the stream's folder."""
    bets = [slot.start + minutes * HOUR / 60 for slot in SLOTS for minutes in (10, 20)]
    Vendor(make(provider, login=ACCOUNTS[provider]), name, bets).store(folder, *slots, **options)
    return folder / f"provider={provider}" / f"stream={name}"


def test_l2_slots_with_and_without_a_filter_are_read_once_by_each_reader(make: MakeHook, tmp_path: Path) -> None:
    folder = extracted(make, "gmag", "game_history", tmp_path, *SLOTS)
    extracted(make, "gmag", "game_history", tmp_path, *SLOTS, currency="CNY")
    narrowed = tmp_path / "filtered" / "provider=gmag" / "stream=game_history"
    for each in (folder, narrowed):
        assert by_each_reader(each, "roundId") == each_has([("~1001", row) for row in IDS])


def test_l3_pandas_reads_a_stream_that_has_a_column_named_date(make: MakeHook, tmp_path: Path) -> None:
    days = [Interval(FIVE - 5 * HOUR + i * DAY, FIVE - 5 * HOUR + (i + 1) * DAY) for i in range(2)]
    folder = extracted(make, "pv", "stage_summary", tmp_path, *days)
    dates = [("~0101", "2026-11-20"), ("~0101", "2026-11-21")]
    assert by_each_reader(folder, "date") == each_has(dates)


def test_l4_beside_archive_and_quarantine_readers_find_only_bets(make: MakeHook, tmp_path: Path) -> None:
    folder = extracted(make, "pv", "history", tmp_path, *SLOTS, archive=True)
    assert [*(tmp_path / "_betproviders" / "archive").rglob("*.*")]
    assert by_each_reader(folder, "event_id") == each_has([("~0101", row) for row in IDS])
    assert by_each_reader(tmp_path / "provider=pv", "event_id")["Polars"] == [("~0101", row) for row in IDS]


@pytest.mark.parametrize(("provider", "name"), [("aig", "transactions"), ("jdb", "transactions"), ("pv", "history")])
def test_a_slot_that_another_task_read_later_and_stored_meanwhile_keeps_its_object(
    make: MakeHook, tmp_path: Path, provider: str, name: str
) -> None:
    """The first task reads before three late bets; the second reads and stores the slot before the first one does."""
    bets = [FIVE + i * timedelta(minutes=7) for i in range(8)]
    later = Vendor(make(provider), name, bets)

    def spoil(n: int, window: Any, params: Any, answer: Any) -> Any:
        if n == 1:
            later.store(tmp_path, archive=True)
        return answer

    stored = Vendor(make(provider), name, bets[:5], spoil=spoil).store(tmp_path, archive=True)
    assert later.ids(stored) == [f"{i}" for i in range(8)]
    (receipt,) = stored.receipts
    assert (receipt.rows, receipt.previous_rows) == (8, None)
    archives = [*tmp_path.rglob("_betproviders/archive/**/2026*")]
    assert len(archives) == 1
    again = Vendor(make(provider), name, bets).store(tmp_path, archive=True)
    assert again.receipts[0].previous_rows == 8


def test_a_wider_slot_replaces_no_smaller_one_that_another_task_read_later(make: MakeHook, tmp_path: Path) -> None:
    """The first task reads an hour before three late bets; the second reads and stores its quarters before the first one ends."""
    bets = [FIVE + i * timedelta(minutes=7) for i in range(8)]
    later = Vendor(make("aig"), "transactions", bets)
    quarters = [Interval(FIVE + i * timedelta(minutes=15), FIVE + (i + 1) * timedelta(minutes=15)) for i in range(4)]

    def spoil(n: int, window: Any, params: Any, answer: Any) -> Any:
        if n == 1:
            later.store(tmp_path, *quarters, archive=True)
        return answer

    with pytest.raises(IncompleteWindow, match="Nothing was replaced"):
        Vendor(make("aig"), "transactions", bets[:5], spoil=spoil).store(tmp_path, archive=True)
    lake = Lake(LOCAL, str(tmp_path), "aig", "transactions", later.hook.account)
    assert sorted(lake.stored(SLOT)) == sorted(lake.archived(SLOT)) == quarters
    again = Vendor(make("aig"), "transactions", bets)
    assert len(again.ids(again.store(tmp_path, archive=True))) == 8
    assert list(lake.stored(SLOT)) == [SLOT]


@pytest.mark.parametrize(
    "members",
    [{"starts_held_at": "never"}, {"ends_held_at": "2026-11-20T05:00:00"}, {"extracted_at": "9999-12-31T23:59:59+00:00"},
     {"asked_for_less": {"seconds": -1.0}}, {"asked_for_less": {"rows": 0.0}}, {"asked_for_less": {"seconds": 1e300}},
     {"retention_days": 1e300}, {"start": "soon"}, {"start": ""}, {"end": ""}, {"proven_rows": 10**30}, {"bad_rows": -1},
     {"bytes": -1}, {"total": -1}, {"previous_rows": -1}, {"odd_values": {"bet_amount": -1}}, {"sums": {"bet_amount": "Infinity"}}],
    ids=str,
)  # fmt: skip
def test_a_slot_whose_receipt_no_run_can_start_from_is_damaged_and_extracted_again(
    make: MakeHook, tmp_path: Path, members: dict[str, Any]
) -> None:
    """Such as one that another tool has rewritten: the run after it, and coverage, go on."""
    vendor = Vendor(make("aig"), "transactions", [FIVE + i * timedelta(minutes=7) for i in range(17)])
    ((_, path),) = vendor.store(tmp_path).paths.items()
    receipt = json.loads(pq.read_metadata(path).metadata[FOOTER_KEY.encode()])
    table = pq.read_table(path, partitioning=None)
    pq.write_table(table.replace_schema_metadata({FOOTER_KEY: json.dumps({**receipt, **members})}), path)

    lake = Lake(LOCAL, str(tmp_path), "aig", "transactions", vendor.hook.account)
    assert [cell.state for cell in look(lake, end=FIVE + 2 * HOUR).cells] == ["damaged", "missing"]
    assert len(vendor.ids(vendor.store(tmp_path, Interval(FIVE + HOUR, FIVE + 2 * HOUR)))) == 8
    assert len(vendor.ids(vendor.store(tmp_path))) == 9
