"""Rows sorted in local files come back in order; iterables that are read in threads lose nothing."""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from unittest.mock import patch

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from airflow_betproviders.bets_table.arrow import sorted_rows
from airflow_betproviders.bets_table.arrow.sorted_rows import SortedRows
from airflow_betproviders.bets_table.arrow.threads import ThreadedReader

_row = st.tuples(st.integers(0, 3), st.none() | st.integers(0, 3), st.booleans())


@settings(deadline=None)
@given(st.lists(st.lists(_row, min_size=1, max_size=7), min_size=1, max_size=6), st.sampled_from([2, 5, 1000]))
def test_rows_come_back_sorted_and_equal_ones_in_the_order_of_their_numbers(
    pieces: list[list[tuple[int, int | None, bool]]], run: int
) -> None:
    with (
        tempfile.TemporaryDirectory() as folder,
        patch.multiple(sorted_rows, _RUN=run, _BLOCK=2, _OUTPUT=3),
    ):
        rows, count = SortedRows(Path(folder), ["day", "time"], ["day", "time", "id"]), 0
        for piece in pieces:
            days, times, _ = zip(*piece, strict=True)
            ids = list(range(count, count + len(piece)))
            count += len(piece)
            rows.append(
                pa.table({"day": days, "time": pa.array(times, pa.int64()), "id": ids, "text": [f"t{i}" for i in ids]})
            )
        index = rows.index().to_pylist()
        assert sorted(row["id"] for row in index) == list(range(count))
        wanted = [keep for piece in pieces for *_, keep in piece]
        kept = np.array([wanted[row["id"]] for row in index])
        found = [row for table in rows.read(kept) for row in table.to_pylist()]
        expected = sorted(
            (row for row, keep in zip(index, kept, strict=True) if keep),
            key=lambda row: (row["day"], row["time"] is None, row["time"] or 0),
        )
        assert [(row["id"], row["text"]) for row in found] == [(row["id"], f"t{row['id']}") for row in expected]
        again = [row["id"] for table in rows.read(kept) for row in table.to_pylist()]
        assert again == [row["id"] for row in found]


def test_threads_keep_the_order_within_an_iterable() -> None:
    found = list(ThreadedReader([[(name, i) for i in range(50)] for name in "abc"], 2).read())
    assert len(found) == 150
    for name in "abc":
        assert [i for each, i in found if each == name] == list(range(50))


def test_an_error_in_a_thread_is_the_readers() -> None:
    def failing() -> Iterator[int]:
        yield 1
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        list(ThreadedReader([failing(), range(1000)], 2).read())
    assert not [thread for thread in threading.enumerate() if thread.name == "betproviders-read"]


def test_a_reader_that_stops_early_ends_its_threads() -> None:
    reading = ThreadedReader((range(10**9) for _ in range(3)), 2).read()
    assert next(reading) == 0
    reading.close()
    assert not [thread for thread in threading.enumerate() if thread.name == "betproviders-read"]
