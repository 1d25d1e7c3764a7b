"""The promises of a merge, one test each."""

from __future__ import annotations

import json
import random
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from airflow_betproviders.bets_table import batch, plan, raw_slots
from airflow_betproviders.bets_table.arrow import new_files, sorted_rows
from airflow_betproviders.bets_table.merge import Merge
from airflow_betproviders.bets_table.raw_slots import find_raw_streams
from airflow_betproviders.bets_table.schema import SCHEMA
from airflow_betproviders.exceptions import InvalidArgument, UnmergeableSlot
from tests.bets_table.lakes import DAY, MINUTE, SampleLake, aig, at, hour_of
from tests.sample_answers import GMAG, PV


@pytest.fixture
def sample(tmp_path: Path) -> SampleLake:
    return SampleLake(tmp_path)


def test_a_first_merge_brings_every_row(sample: SampleLake) -> None:
    sample.store(hour_of(5), [aig("a", placed=at(5)), aig("b", placed=at(5.5), win="25")], at(7))
    sample.store(hour_of(6), [], at(7))
    stats = sample.merge()
    assert (stats.slots, stats.rows, stats.added, stats.commits) == (2, 2, 2, 1)
    row = sample.rows()["b"]
    assert (row["stake"], row["payout"], row["net"]) == (10, 25, 15)
    assert (row["stream"], row["slot_start"], row["extracted_at"]) == ("transactions", at(5), at(7))
    assert sample.table.open().schema().to_arrow() is not None
    assert sample.table.open().to_pyarrow_table().schema.names == SCHEMA.names


def test_what_is_merged_is_not_read_again(sample: SampleLake, monkeypatch: pytest.MonkeyPatch) -> None:
    sample.store(hour_of(5), [aig("a", placed=at(5))], at(7))
    sample.merge()
    version = sample.table.open().version()
    monkeypatch.setattr("airflow_betproviders.bets_table.raw_slots.RawStream.bets", None)
    stats = sample.merge()
    assert (stats.slots, stats.unchanged, stats.commits) == (0, 1, 0)
    assert sample.table.open().version() == version


def test_a_newer_version_of_a_slot_is_merged_and_the_newest_version_of_a_bet_wins(sample: SampleLake) -> None:
    sample.store(hour_of(5), [aig("a", placed=at(5), status=0), aig("b", placed=at(5))], at(6))
    sample.merge()
    assert sample.rows()["a"]["net"] is None
    sample.store(hour_of(5), [aig("a", placed=at(5), updated=at(5.6), win="30"), aig("b", placed=at(5))], at(7))
    stats = sample.merge()
    assert (stats.slots, stats.replaced, stats.added) == (1, 2, 0)
    assert sample.rows()["a"]["net"] == 20
    assert sample.rows()["a"]["status"] == "settled"


def test_an_older_version_that_comes_later_does_not_win(sample: SampleLake) -> None:
    sample.store(hour_of(9), [aig("a", placed=at(5), updated=at(9.5), status=4)], at(10))
    sample.merge()
    sample.store(hour_of(5), [aig("a", placed=at(5), win="30")], at(6))
    stats = sample.merge()
    assert (stats.older, stats.replaced) == (1, 0)
    assert sample.rows()["a"]["status"] == "void"


def test_a_late_correction_reaches_the_day_of_its_bet(sample: SampleLake) -> None:
    sample.store(hour_of(23, 20), [aig("a", placed=at(23.9, 20), win="30")], at(1, 21))
    sample.merge()
    sample.store(hour_of(4, 25), [aig("a", placed=at(23.9, 20), updated=at(4.5, 25), status=4)], at(6, 25))
    assert sample.merge().replaced == 1
    row = sample.rows()["a"]
    assert (row["bet_date"].day, row["status"], row["net"]) == (20, "void", 0)


@pytest.mark.parametrize("order", [1, -1])
def test_a_bet_whose_date_moved_is_there_once(sample: SampleLake, order: int) -> None:
    """Whichever version comes first, and though they lie in different partitions."""
    versions = [
        (hour_of(23, 20), aig("a", placed=at(23.9, 20)), at(1, 21)),
        (hour_of(1, 21), aig("a", placed=at(0.1, 21), updated=at(1.5, 21)), at(3, 21)),
    ]
    for slot, record, read in versions[::order]:
        sample.store(slot, [record], read)
        sample.merge()
    assert sample.rows()["a"]["bet_date"].day == 21
    assert len(sample.rows()) == 1


def test_how_far_a_date_moves_is_a_setting(sample: SampleLake) -> None:
    sample.store(hour_of(5, 10), [aig("a", placed=at(5, 10))], at(7, 10))
    sample.merge()
    sample.store(hour_of(5, 25), [aig("a", placed=at(5, 25))], at(7, 25))
    sample.merge(moved_within=None)
    assert sample.rows()["a"]["bet_date"].day == 25


def test_a_bet_that_its_slot_no_longer_reports_is_marked_and_kept(sample: SampleLake) -> None:
    sample.store(hour_of(5), [aig("a", placed=at(5)), aig("b", placed=at(3), updated=at(5.5))], at(7))
    sample.merge()
    sample.store(hour_of(5), [], at(8))
    stats = sample.merge()
    assert (stats.missing, stats.slots) == (2, 1)
    assert {name: row["missing_since"] for name, row in sample.rows().items()} == {"a": at(8), "b": at(8)}
    assert sample.current_bets() == {}
    assert sample.merge().missing == 0


def test_a_missing_bet_that_comes_back_is_missing_no_longer(sample: SampleLake) -> None:
    for read, records in ((6, ["a"]), (7, []), (8, ["a"])):
        sample.store(hour_of(5), [aig(name, placed=at(5)) for name in records], at(read))
        sample.merge()
    assert sample.rows()["a"]["missing_since"] is None


@pytest.mark.parametrize("order", [1, -1])
def test_a_bet_that_left_its_slot_for_another_is_not_missing(sample: SampleLake, order: int) -> None:
    """An AIG bet that settles late leaves the hour it was placed in: either hour may be merged first."""
    sample.store(hour_of(5), [aig("a", placed=at(5), status=0)], at(6))
    sample.merge()
    sample.store(hour_of(5), [], at(9))
    sample.store(hour_of(7), [aig("a", placed=at(5), updated=at(7.5), win="20")], at(9))
    for slot in [hour_of(5), hour_of(7)][::order]:
        sample.merge(slot)
    assert sample.current_bets() == {"a": ("settled", 10, 10, at(7.5), at(5))}


def test_a_larger_slot_takes_the_place_of_smaller_ones(sample: SampleLake) -> None:
    for hour in range(3):
        sample.store(hour_of(hour), [aig(f"{hour}", placed=at(hour))], at(5))
    sample.merge()
    for hour in range(3):
        Path(sample.lake.data(hour_of(hour))).unlink()
    sample.store(
        hour_of(0, width=24), [aig("0", placed=at(0)), aig("2", placed=at(2)), aig("9", placed=at(9))], at(1, 21)
    )
    stats = sample.merge()
    assert (stats.replaced, stats.added, stats.missing) == (2, 1, 1)
    assert sample.rows()["1"]["missing_since"] == at(1, 21)
    sample.store(hour_of(0, width=24), [aig("0", placed=at(0))], at(2, 21))
    assert sample.merge().missing == 2


@pytest.mark.parametrize("start", [0, 22])  # the second crosses midnight, and so do the days' objects of knowledge
@pytest.mark.parametrize("by_the_hour", [True, False])
def test_smaller_slots_take_the_place_of_a_deleted_one(sample: SampleLake, start: int, *, by_the_hour: bool) -> None:
    wide = hour_of(start, width=4)
    bets = [aig(f"{hour}", placed=at(start + hour)) for hour in range(4)]
    sample.store(wide, [*bets, aig("gone", placed=at(start + 2.5))], at(6, 21))
    sample.merge()
    Path(sample.lake.data(wide)).unlink()
    for hour in (3, 0, 1):
        sample.store(hour_of(start + hour), [bets[hour]], at(7 + hour, 21))
        assert sample.merge(*([hour_of(start + hour)] if by_the_hour else [])).missing == 0
    assert set(sample.current_bets()) == {"0", "1", "2", "3", "gone"}  # its hour was not read again
    sample.store(hour_of(start + 2), [bets[2]], at(9, 21))
    assert sample.merge(*([hour_of(start + 2)] if by_the_hour else [])).missing == 1
    assert set(sample.current_bets()) == {"0", "1", "2", "3"}
    assert sample.rows()["gone"]["missing_since"] == at(7, 21)
    assert (sample.merge().missing, sample.merge().commits) == (0, 0)


def test_older_slots_beside_a_deleted_one_do_not_speak_for_it(sample: SampleLake) -> None:
    sample.store(hour_of(0, width=2), [aig("a", placed=at(0)), aig("b", placed=at(1))], at(7))
    sample.merge()
    Path(sample.lake.data(hour_of(0, width=2))).unlink()
    sample.store(hour_of(0), [], at(6))
    sample.store(hour_of(1), [], at(8))
    assert sample.merge().missing == 0
    sample.store(hour_of(0), [], at(9))
    assert sample.merge().missing == 2


def test_a_slot_larger_than_the_memory_setting_is_merged_in_parts(
    sample: SampleLake, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("airflow_betproviders.bets_table.raw_slots._ROWS", 7)
    ids = [f"{i:03}" for i in range(100)]
    sample.store(hour_of(5), [aig(i, placed=at(5) + int(i) * MINUTE / 4) for i in ids], at(7))
    sample.store(hour_of(6), [aig("next", placed=at(6))], at(7))
    held: list[int] = []
    made = batch.MergeBatch.__init__
    monkeypatch.setattr(batch.MergeBatch, "__init__", lambda self, staged, again: (held.append(staged.rows), made(self, staged, again))[1])  # fmt: skip
    stats = sample.merge(batch_rows=20)
    assert max(held) < 27
    assert (stats.slots, stats.added, stats.missing, stats.commits) == (2, 101, 0, len(held))
    sample.store(hour_of(5), [aig(i, placed=at(5) + int(i) * MINUTE / 4) for i in ids[::2]], at(8))
    assert sample.merge(batch_rows=20).missing == 50
    assert sorted(sample.current_bets()) == [*ids[::2], "next"]


def test_a_merge_that_died_between_two_parts_leaves_nothing_behind(
    sample: SampleLake, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half of a version is in the table, on a date of its own, and the slot's next version knows nothing of it."""
    monkeypatch.setattr("airflow_betproviders.bets_table.raw_slots._ROWS", 1)
    sample.store(hour_of(5), [aig("a", placed=at(5))], at(6))
    sample.merge()
    sample.store(hour_of(5), [aig("x", placed=at(5, 18), updated=at(5.1)), aig("y", placed=at(5))], at(7))
    commits = []

    def dies(*args: object) -> None:
        commits.append(args)
        if len(commits) == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr("airflow_betproviders.bets_table.plan.apply", _before(dies))
    with pytest.raises(KeyboardInterrupt):
        sample.merge(batch_rows=1)
    assert sorted(sample.rows()) == ["a", "x"]
    sample.store(hour_of(5), [aig("a", placed=at(5))], at(8))
    sample.merge()
    assert sorted(sample.current_bets()) == ["a"]
    assert sample.rows()["x"]["missing_since"] == at(8)


def _before(action):
    made = plan.apply

    def both(*args):
        action(*args)
        return made(*args)

    return both


def test_two_streams_of_one_provider_are_one_table(tmp_path: Path) -> None:
    sample = SampleLake(tmp_path, "aig")
    sample.store(hour_of(5), [aig("a", placed=at(5)), aig("b", placed=at(5))], at(7))
    sample.store(hour_of(5), [aig("a", placed=at(5)), aig("c", placed=at(5))], at(8), stream="latest")
    sample.merge()
    assert {name: row["stream"] for name, row in sample.rows().items()} == {
        "a": "latest",
        "b": "transactions",
        "c": "latest",
    }


def test_accounts_are_apart(tmp_path: Path) -> None:
    for account in ("one", "two/eu"):
        sample = SampleLake(tmp_path, account=account)
        sample.store(hour_of(5), [aig("a", placed=at(5), win=str(len(account)))], at(7))
    sample.merge()
    rows = sample.table.open().to_pyarrow_table().select(["account", "bet_id", "payout"]).to_pylist()
    assert sorted(rows, key=lambda row: row["account"]) == [
        {"account": "one", "bet_id": "a", "payout": Decimal(3)},
        {"account": "two/eu", "bet_id": "a", "payout": Decimal(6)},
    ]


def test_a_large_slot_of_wide_rows_takes_memory_for_a_few_of_them(
    sample: SampleLake, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The rows are read, sorted and written in parts, by bytes as by rows. Random texts: they do not get smaller in files."""
    monkeypatch.setattr(raw_slots, "_SIZE", 1 << 18)
    monkeypatch.setattr(sorted_rows, "_RUN_SIZE", 1 << 19)
    monkeypatch.setattr(sorted_rows, "_OUTPUT_SIZE", 1 << 18)
    monkeypatch.setattr(new_files, "_GROUP_SIZE", 1 << 19)
    monkeypatch.setattr(new_files, "_MEMORY", pa.default_memory_pool())
    wide = random.Random(1)
    records = [{**aig(f"{i:05}", placed=at(5)), "note": wide.randbytes(2000).hex()} for i in range(4000)]
    sample.store(hour_of(5), records, at(7))
    path = sample.lake.data(hour_of(5))
    pq.write_table(pq.read_table(path, partitioning=None), path, row_group_size=100, write_page_checksum=True)
    del records
    before, most, done = pa.total_allocated_bytes(), 0, threading.Event()

    def watch() -> None:
        nonlocal most
        while not done.wait(0.001):
            most = max(most, pa.total_allocated_bytes() - before)

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        assert sample.merge().added == 4000
    finally:
        done.set()
        watcher.join()
    assert most < Path(path).stat().st_size
    (file,) = sample.table.snapshot().all_files()
    assert pq.ParquetFile(sample.folder / "bets" / file.path).num_row_groups > 10


@pytest.mark.parametrize(
    "placed", [datetime(1970, 1, 1, 1, tzinfo=timezone.utc), datetime(9999, 12, 31, 23, tzinfo=timezone.utc)]
)
def test_the_first_and_the_last_date_that_a_bet_may_have_keep_no_other_bet_out(
    sample: SampleLake, placed: datetime
) -> None:
    for read, win in ((7, "1"), (8, "2")):
        odd = aig("odd", placed=placed, updated=at(5) + read * MINUTE, win=win)
        sample.store(hour_of(5), [aig("a", placed=at(5)), odd], at(read))
        sample.merge()
    rows = sample.rows()
    assert (rows["odd"]["bet_date"], rows["odd"]["payout"]) == (placed.date(), 2)
    assert sorted(rows) == ["a", "odd"]


def test_long_accounts_and_filters_are_merged(tmp_path: Path) -> None:
    """A file system allows 255 bytes for a folder's name."""
    for account in ("a" * 240 + "b", "a" * 240 + "c", "ü/50%"):
        sample = SampleLake(tmp_path, "gmag", account)
        filters = {"playerId": "p" * 180, "providerCode": "x/y"}
        lake = replace(sample.lake, filters=filters)
        sample.store(hour_of(5), [GMAG], at(7))
        Path(lake.folder(DAY.date())).parent.mkdir(parents=True)
        Path(sample.lake.folder(DAY.date())).rename(lake.folder(DAY.date()))
        (stream,) = find_raw_streams(
            lake.fs, lake.root, provider="gmag", account=account, filters=filters, stream=lake.stream
        )
        assert Merge(sample.table).run(stream, [hour_of(5)]).added == 1
        assert Merge(sample.table).run(stream, [hour_of(5)]).commits == 0


@pytest.mark.parametrize("given", [[2, 1, 1], (1, 2), {1, 2}])
def test_filters_are_merged_however_their_list_is_given(tmp_path: Path, given: Any) -> None:
    sample = SampleLake(tmp_path, "pv", "101")
    sample.store(hour_of(5), [PV], at(7))
    narrowed = replace(sample.lake, filters={"game_ids": [1, 2]})
    Path(narrowed.base).parent.mkdir(parents=True)
    Path(sample.lake.base).rename(narrowed.base)
    (stream,) = find_raw_streams(narrowed.fs, narrowed.root, provider="pv", filters={"game_ids": given})
    assert Merge(sample.table).run(stream, [hour_of(5)]).added == 1


def test_filters_that_select_everything_are_none(tmp_path: Path) -> None:
    sample = SampleLake(tmp_path, "pv", "101")
    sample.store(hour_of(5), [PV], at(7))
    (stream,) = find_raw_streams(sample.lake.fs, sample.lake.root, provider="pv", filters={"game_ids": []})
    assert stream.label == "history"


def test_a_column_that_an_older_package_did_not_write_is_null(sample: SampleLake) -> None:
    sample.store(hour_of(5), [aig("a", placed=at(5))], at(7))
    path = sample.lake.data(hour_of(5))
    table = pq.read_table(path)
    pq.write_table(table.drop_columns(["real_win_amount", "no_comm"]), path)
    sample.merge()
    assert sample.rows()["a"]["net"] == -10


def _without_receipt(path: Path) -> None:
    pq.write_table(pq.read_table(path).replace_schema_metadata(None), path)


def _damaged(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[4:200] = bytes(196)  # the footer stays readable
    path.write_bytes(content)


def _too_large(path: Path) -> None:
    table = pq.read_table(path)
    amounts = pa.array([Decimal(10) ** 21], pa.decimal128(38, 8))
    pq.write_table(table.set_column(table.column_names.index("bet_amount"), "bet_amount", amounts), path)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (_without_receipt, "no receipt in its footer"),
        (_damaged, "cannot be read"),
        (_too_large, r"row 0 \{'id': 'b'\}"),
    ],
)
def test_a_slot_that_cannot_be_merged_is_named_and_keeps_no_other_out(
    sample: SampleLake, spoil: Callable[[Path], None], message: str
) -> None:
    for hour, name in ((5, "a"), (6, "b"), (7, "c")):
        sample.store(hour_of(hour), [aig(name, placed=at(hour))], at(8))
    path = Path(sample.lake.data(hour_of(6)))
    good = path.read_bytes()
    spoil(path)
    for _ in range(2):
        with pytest.raises(UnmergeableSlot, match=message) as caught:
            sample.merge()
        assert str(path) in str(caught.value)
        assert sorted(sample.rows()) == ["a", "c"]
    path.write_bytes(good)
    assert sample.merge().slots == 1
    assert sorted(sample.rows()) == ["a", "b", "c"]


def test_settled_bets_without_a_payout_are_counted_and_warned_of(
    sample: SampleLake, caplog: pytest.LogCaptureFixture
) -> None:
    bare = {**aig("b", placed=at(5)), "win_amount": None}
    sample.store(hour_of(5), [aig("a", placed=at(5)), bare, aig("c", placed=at(5), status=0)], at(7))
    assert sample.merge().without_payout == 1
    assert sample.rows()["b"]["net"] is None
    assert sample.rows()["b"]["status"] == "settled"
    assert f"{sample.lake.data(hour_of(5))}: 1 bets are settled" in caplog.text


def test_a_table_of_something_else_is_refused(sample: SampleLake) -> None:
    from deltalake import write_deltalake

    write_deltalake(sample.table.uri, pq.read_table(_slot(sample)).select(["id"]))
    with pytest.raises(InvalidArgument, match="not one of bets"):
        sample.merge()


def test_knowledge_of_what_is_merged_that_is_lost_costs_work_only(sample: SampleLake) -> None:
    _slot(sample)
    sample.merge()
    for path in Path(sample.table.uri).glob("_merged/**/*.json"):
        path.unlink()
    assert sample.merge().slots == 1
    assert list(sample.current_bets()) == ["a"]


def test_one_object_of_knowledge_stays_a_day(sample: SampleLake) -> None:
    for read in range(7, 12):
        sample.store(hour_of(5), [aig("a", placed=at(5))], at(read))
        sample.merge()
    (path,) = Path(sample.table.uri).glob("_merged/**/*.json")
    assert path.relative_to(sample.table.uri).parts[1:5] == ("aig", "agent001", "transactions", "date=2026-11-20")
    assert json.loads(path.read_text()) == {
        hour_of(5).name: {"extracted_at": at(11).isoformat(), "dates": ["2026-11-20"]}
    }


def test_a_commit_whose_answer_is_lost_is_not_made_twice(sample: SampleLake, monkeypatch: pytest.MonkeyPatch) -> None:
    from airflow_betproviders.bets_table.table import CommitConflict, Snapshot

    made = Snapshot.commit

    def lost(self, *args):
        made(self, *args)
        monkeypatch.setattr(Snapshot, "commit", made)
        raise CommitConflict("the object is there already")

    monkeypatch.setattr(Snapshot, "commit", lost)
    _slot(sample)
    stats = sample.merge()
    assert (stats.added, stats.commits, stats.conflicts) == (1, 1, 1)
    assert list(sample.current_bets()) == ["a"]


def test_a_merge_between_plan_and_commit_is_seen(sample: SampleLake, monkeypatch: pytest.MonkeyPatch) -> None:
    """One merge brings a bet under one day, another, planned before, under the next: one row is left."""
    sample.store(hour_of(23, 20), [aig("a", placed=at(23.9, 20)), aig("b", placed=at(23, 20))], at(1, 21))
    sample.store(hour_of(1, 21), [aig("a", placed=at(0.1, 21), updated=at(1.5, 21))], at(3, 21))
    made = plan.apply

    def meanwhile(*args):
        monkeypatch.setattr("airflow_betproviders.bets_table.plan.apply", made)
        SampleLake(sample.folder).merge(hour_of(23, 20))
        return made(*args)

    monkeypatch.setattr("airflow_betproviders.bets_table.plan.apply", meanwhile)
    stats = sample.merge(hour_of(1, 21))
    assert stats.conflicts == 1
    assert sorted(sample.rows()) == ["a", "b"]
    assert sample.rows()["a"]["bet_date"].day == 21


def test_what_was_written_is_used_again_when_the_other_commit_does_not_matter(
    sample: SampleLake, monkeypatch: pytest.MonkeyPatch
) -> None:
    sample.store(hour_of(5, 20), [aig("a", placed=at(5, 20))], at(7, 20))
    sample.store(hour_of(5, 21), [aig("b", placed=at(5, 21))], at(7, 21))
    made, calls = plan.apply, []

    def meanwhile(*args):
        calls.append(args)
        if len(calls) == 1:
            SampleLake(sample.folder).merge(hour_of(5, 21))
        return made(*args)

    monkeypatch.setattr("airflow_betproviders.bets_table.plan.apply", meanwhile)
    assert sample.merge(hour_of(5, 20)).conflicts == 1
    assert len(calls) == 2  # one of each merge
    assert sorted(sample.current_bets()) == ["a", "b"]


def test_only_files_that_may_have_a_bet_are_read_and_only_changed_ones_rewritten(
    sample: SampleLake, monkeypatch: pytest.MonkeyPatch
) -> None:
    """AIG's ids grow with time, so the log's statistics distinguish the files."""
    for hour in range(4):
        sample.store(hour_of(hour), [aig(f"{hour}-{i}", placed=at(hour) + i * MINUTE) for i in range(5)], at(5))
        sample.merge(hour_of(hour))
    before = {file.path for file in sample.table.snapshot().all_files()}
    opened: list[str] = []
    read = plan.reading
    monkeypatch.setattr(plan, "reading", lambda fs, path: (opened.append(path), read(fs, path))[1])
    sample.store(hour_of(4), [aig("4-0", placed=at(4))], at(6))
    sample.merge(hour_of(4))
    assert opened == []
    sample.store(hour_of(5), [aig("5-0", placed=at(5)), aig("2-3", placed=at(2.05), updated=at(5.5), win="7")], at(7))
    assert sample.merge(hour_of(5)).replaced == 1
    after = {file.path for file in sample.table.snapshot().all_files()}
    assert len(set(opened)) == 1
    assert len(before - after) == 1
    sample.store(hour_of(1), [aig("1-0", placed=at(1))], at(8))
    opened.clear()
    assert sample.merge(hour_of(1)).missing == 4
    assert len(set(opened)) == 1


def _slot(sample: SampleLake) -> str:
    sample.store(hour_of(5), [aig("a", placed=at(5))], at(7))
    return sample.lake.data(hour_of(5))


def test_waiting_for_others_has_an_end(sample: SampleLake, monkeypatch: pytest.MonkeyPatch) -> None:
    from airflow_betproviders.bets_table.table import CommitConflict, Snapshot
    from airflow_betproviders.exceptions import TableContended

    def never(self, *args):
        raise CommitConflict("another one")

    monkeypatch.setattr(Snapshot, "commit", never)
    _slot(sample)
    with pytest.raises(TableContended, match=r"fewer merges .* The last conflict: another one"):
        sample.merge(commit_timeout=timedelta(seconds=0.2))


def test_a_wait_stays_short_however_many_there_were(sample: SampleLake, monkeypatch: pytest.MonkeyPatch) -> None:
    from airflow_betproviders.bets_table.table import CommitConflict

    waits: list[float] = []
    monkeypatch.setattr(time, "sleep", waits.append)
    Merge(sample.table)._wait(5000, time.monotonic(), CommitConflict())
    assert max(waits) <= 0.5
