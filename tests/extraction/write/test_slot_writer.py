"""One slot in a local file: sorted, without repeated keys, with exact sums and its receipt in the footer."""

from __future__ import annotations

import itertools
import json
import random
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from decimal import Decimal as Exact
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from airflow_betproviders.declare.fields import Decimal, Field
from airflow_betproviders.declare.interval import Interval
from airflow_betproviders.exceptions import StoreError
from airflow_betproviders.extraction.answers import keys
from airflow_betproviders.extraction.write import row_groups
from airflow_betproviders.extraction.write.slot_writer import SlotWriter
from airflow_betproviders.extraction.write.writer_thread import WriterThread
from airflow_betproviders.lake.receipt import Receipt
from tests.examples import examples
from tests.extraction.vendor import BETS, bet, serving, table

NOW = datetime(2026, 11, 20, 6, 30, tzinfo=timezone.utc)
SLOT = Interval(NOW - timedelta(minutes=90), NOW - timedelta(minutes=30))


def receipt() -> Receipt:
    return Receipt("toy", "bets", "agent001", *SLOT.texts, extracted_at=NOW.isoformat())


def written(*windows: Sequence[dict[str, Any]]) -> tuple[bytes, Receipt]:
    """Write windows of rows to a file. Return its bytes and its receipt."""
    with SlotWriter(BETS, NOW) as made:
        for rows in windows:
            made.add(table(*rows))
        filled = made.close(receipt())
        return made.path.read_bytes(), filled


def read(data: bytes) -> pa.Table:
    return pq.read_table(pa.BufferReader(data))


def without_footer(data: bytes) -> bytes:
    """Return the bytes in front of the footer: the encoded rows."""
    return data[: -8 - int.from_bytes(data[-8:-4], "little")]


@given(st.integers(0, 60), st.lists(st.integers(1, 59), max_size=4), st.randoms(use_true_random=False))
@settings(max_examples=examples(30), suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_same_rows_give_the_same_bytes_whatever_their_order_and_windows(
    count: int, boundaries: list[int], rng: random.Random
) -> None:
    rows = [bet(f"bet-{i}", at=rng.randrange(60), stake=f"{i}.25") for i in range(count)]
    once, _ = written(rows)
    edges = sorted({0, 60, *boundaries})
    windows = []
    for start, end in itertools.pairwise(edges):
        window = [row for row in rows if start * 1000 <= row["at"] - bet("", 0)["at"] < end * 1000]
        rng.shuffle(window)
        windows.append(window)
    again, _ = written(*windows)
    assert without_footer(again) == without_footer(once)


@pytest.mark.parametrize("row_group", [1, 7, 10, 1000])
def test_row_groups_have_equal_sizes_whatever_the_windows_and_only_one_is_in_memory(
    row_group: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(row_groups, "ROW_GROUP", row_group)
    rows = [bet(f"{i}", at=i) for i in range(60)]
    buffered = []
    with SlotWriter(BETS, NOW) as made:
        for start in range(0, 60, 5):
            made.add(table(*rows[start : start + 5]))
            buffered.append(made._groups.rows)
        made.close(receipt())
        metadata = pq.read_metadata(made.path)
        sizes = [metadata.row_group(i).num_rows for i in range(metadata.num_row_groups)]
        ids = pq.read_table(made.path)["id"].to_pylist()
    assert max(buffered) < row_group + 5
    assert sizes[:-1] == [row_group] * (len(sizes) - 1)
    assert sum(sizes) == 60
    assert ids == [f"{i}" for i in range(60)]


@pytest.mark.parametrize("row_group", [2, 3, 1000])
def test_a_key_in_several_windows_is_stored_once_in_its_newest_version(
    row_group: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(row_groups, "ROW_GROUP", row_group)
    early = [bet("a", 1, changed=1, stake="1"), bet("b", 2, changed=9, stake="2"), bet("c", 3)]
    late = [bet("a", 4, changed=5, stake="10"), bet("b", 5, changed=8, stake="20"), bet("d", 6)]
    data, filled = written(early, late)
    rows = {row["id"]: row["stake"] for row in read(data).to_pylist()}
    assert rows == {"a": Exact(10), "b": Exact(2), "c": Exact("1.5"), "d": Exact("1.5")}
    assert (filled.rows, filled.duplicates) == (4, 2)
    assert filled.sums["stake"] == "15.00000000"
    ids = [row["id"] for row in read(data).to_pylist()]
    assert ids == ["b", "c", "a", "d"]  # still sorted by time


def test_a_slot_with_settled_duplicates_has_the_bytes_of_one_that_never_had_them() -> None:
    rows = [bet(f"{i}", at=i) for i in range(20)]
    plain, _ = written(rows[:10], rows[10:])
    doubled, _ = written(rows[:10], [bet("3", at=3), *rows[10:]])
    assert sorted(read(doubled)["id"].to_pylist()) == sorted(read(plain)["id"].to_pylist())


def test_colliding_hashes_lose_no_row(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keys, "hashes", lambda rows, key: np.zeros(rows.num_rows, np.uint64))
    data, filled = written([bet("a", 1), bet("b", 2)], [bet("c", 3), bet("b", 4)])
    assert sorted(read(data)["id"].to_pylist()) == ["a", "b", "c"]
    assert filled.duplicates == 1


def test_sums_are_exact_to_the_last_digit() -> None:
    stakes = ["99999999999999999999.99999999"] * 3 + ["-0.00000001", "912345678901.0003"]
    _, filled = written([bet(f"{i}", stake=stake, units=2**62) for i, stake in enumerate(stakes)])
    assert filled.sums["stake"] == "300000000912345678901.00029996"  # 29 digits, one more than Python's own sums keep
    assert filled.sums["units"] == str(5 * 2**62)  # beyond 64 bits


@pytest.mark.parametrize("sign", ["", "-"])
def test_a_sum_beyond_128_bits_does_not_wrap(sign: str) -> None:
    most = Exact(f"{sign}{'9' * 20}.{'9' * 18}")
    stream = replace(BETS, fields=(*BETS.fields, Field("most", Decimal(38, 18), money=True)))
    rows = table(bet("a"), bet("b"), bet("c"))
    with SlotWriter(stream, NOW) as made:
        made.add(rows.add_column(rows.num_columns - 1, "most", pa.array([most, None, most], pa.decimal128(38, 18))))
        assert made.close(receipt()).sums["most"] == f"{sign}1{'9' * 20}.{'9' * 17}8"


def test_an_empty_slot_is_a_file_without_rows_whose_receipt_has_zero_sums() -> None:
    data, filled = written([], [])
    assert read(data).num_rows == 0
    assert read(data).schema.names == ["id", "at", "changed", "stake", "units", "_extra", "_extracted_at"]
    assert (filled.rows, filled.sums) == (0, {"stake": "0", "units": "0"})


def test_the_footer_is_the_receipt() -> None:
    data, filled = written([bet("a")])
    stored = Receipt.from_footer(pq.read_metadata(pa.BufferReader(data)).metadata)
    assert stored == filled
    assert stored.rows == 1
    assert Receipt.from_footer({}) is None
    assert Receipt.from_footer(None) is None
    newer = {
        "provider": "p",
        "stream": "s",
        "account": "a",
        "start": SLOT.texts[0],
        "end": SLOT.texts[1],
        "extracted_at": NOW.isoformat(),
        "new": 1,
    }
    assert Receipt.from_footer({b"betproviders.receipt": json.dumps(newer).encode()}).provider == "p"


def test_every_row_has_the_time_of_its_extraction() -> None:
    data, _ = written([bet("a"), bet("b")])
    assert read(data)["_extracted_at"].to_pylist() == [NOW, NOW]


def test_pandas_and_duckdb_read_the_amounts_exactly(tmp_path: Path) -> None:
    data, _ = written([bet("0012", stake="999999999999.9999"), bet("😀", at=1, units=2**63 - 1)])
    file = tmp_path / "slot.parquet"
    file.write_bytes(data)
    frame = pd.read_parquet(file)
    assert frame["id"].tolist() == ["0012", "😀"]
    assert frame["stake"].tolist() == [Exact("999999999999.9999"), Exact("1.5")]
    assert frame["units"].tolist() == [1, 2**63 - 1]
    assert str(frame["at"].dt.tz) == "UTC"
    (row,) = duckdb.sql(f"select id, stake from '{file}' order by \"at\" limit 1").fetchall()
    assert row == ("0012", Exact("999999999999.9999"))


def test_a_writers_files_are_removed_when_its_context_ends_even_by_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with pytest.raises(RuntimeError), SlotWriter(BETS, NOW) as made:  # noqa: PT012 - the error leaves it
        made.add(table(bet("a")))
        raise RuntimeError
    assert list(tmp_path.iterdir()) == []


def test_slots_that_share_a_writer_thread_do_not_mix(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(row_groups, "ROW_GROUP", 2)
    writer_thread, threads, at_work = WriterThread(), set(), []
    write = SlotWriter._write

    def noted(self: SlotWriter, group: pa.Table) -> None:
        threads.add(threading.current_thread())
        at_work.append(self)
        time.sleep(0.01)
        write(self, group)
        at_work.remove(self)

    monkeypatch.setattr(SlotWriter, "_write", noted)
    slots = [[bet(f"{slot}{i}", at=i) for i in range(9)] for slot in "abc"]
    with SlotWriter(BETS, NOW, writer_thread) as one, SlotWriter(BETS, NOW, writer_thread) as two:
        for i in range(9):
            one.add(table(slots[0][i]))
            two.add(table(slots[1][i]))
        monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
        with SlotWriter(BETS, NOW, writer_thread) as given_up:
            given_up.add(table(*slots[2]))
        assert given_up not in at_work
        for made, rows in ((one, slots[0]), (two, slots[1])):
            made.flush()
            made.close(receipt())
            assert [name for batch in made.batches() for name in batch.column("id").to_pylist()] == [
                r["id"] for r in rows
            ]
    assert list(tmp_path.iterdir()) == []
    assert len(threads - {threading.current_thread()}) == len(threads) == 1


def test_rows_without_a_time_column_are_sorted_by_key_and_without_a_key_keep_their_order() -> None:
    for stream, same in ((serving(time_column=None), True), (serving(time_column=None, key=()), False)):
        orders = []
        for rows in ([bet("a"), bet("b"), bet("c")], [bet("c"), bet("a"), bet("b")]):
            with SlotWriter(stream, NOW) as made:
                made.add(table(*rows))
                made.close(receipt())
                orders.append([batch.column("id").to_pylist() for batch in made.batches()])
        assert (orders[0] == orders[1]) is same


def test_a_file_without_rows_has_a_row_group_since_older_arrow_needs_one() -> None:
    data, _ = written([])
    file = pq.ParquetFile(pa.BufferReader(data))
    assert (file.num_row_groups, file.metadata.num_rows) == (1, 0)


def test_a_full_disk_of_the_worker_is_named_with_the_cure(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(pq.ParquetWriter, "write_table", full)
    with SlotWriter(BETS, NOW) as made:
        made.add(table(bet("b1")))
        with pytest.raises(
            StoreError, match=r"slot\.parquet cannot be written: .*No space left.* set TMPDIR to a larger"
        ):
            made.close(receipt())


def test_reading_a_slot_back_takes_memory_for_a_few_row_groups(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(row_groups, "ROW_GROUP", 100)
    letters = random.Random(1)
    with SlotWriter(BETS, NOW) as made:
        made.add(table(*(bet(letters.randbytes(1000).hex(), at=second / 10) for second in range(4000))))
        made.close(receipt())
        before, most, rows = pa.total_allocated_bytes(), 0, 0
        for batch in made.batches():
            rows += batch.num_rows
            most = max(most, pa.total_allocated_bytes() - before)
        assert rows == 4000
        assert most < made.path.stat().st_size / 4
