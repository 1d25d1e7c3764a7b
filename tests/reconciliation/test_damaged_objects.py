"""Whatever bytes of a stored object are damaged: coverage, merge and reconciliation name the object, or read it right."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from airflow_betproviders.declare.interval import Interval
from airflow_betproviders.exceptions import UnmergeableSlot
from airflow_betproviders.lake.survey.coverage import coverage
from airflow_betproviders.reconciliation.day_totals import DayTotals
from airflow_betproviders.registry import declared
from tests.bets_table.lakes import MINUTE, SampleLake, aig, at, hour_of
from tests.examples import examples
from tests.reconciliation.test_day_totals import TODAY

SLOT, OTHER = hour_of(5), hour_of(6)


def lake_of(folder: Path) -> tuple[SampleLake, Path]:
    """Return a lake of two slots, and the object of the first."""
    sample = SampleLake(folder)
    sample.store(SLOT, [aig(f"b{number}", placed=at(5) + number * MINUTE) for number in range(40)], at(8))
    sample.store(OTHER, [aig("other", placed=at(6))], at(8))
    return sample, Path(sample.lake.data(SLOT))


def damaged(sample: SampleLake) -> bool:
    """Return whether the reconciliation takes the first slot for damaged; coverage and merge must not fail in another way."""
    stream = declared("aig", sample.lake.stream)
    coverage(sample.lake, stream, start=TODAY.start, end=TODAY.end).total.to_json()
    with suppress(UnmergeableSlot):
        sample.merge()
    assert "other" in sample.rows()
    with DayTotals(sample.lake, stream, TODAY, {"bet_amount", "win_amount"}) as day_totals:
        day_totals.load()
        assert OTHER not in day_totals.damaged
        return SLOT in day_totals.damaged


@pytest.mark.slow
@settings(max_examples=examples(60), deadline=None)
@given(place=st.floats(0, 1), change=st.binary(min_size=1, max_size=40) | st.none())
def test_any_bytes_may_be_damaged(place: float, change: bytes | None) -> None:
    with tempfile.TemporaryDirectory() as folder:
        sample, path = lake_of(Path(folder))
        content = path.read_bytes()
        at_ = int(place * len(content))
        path.write_bytes(content[:at_] + (change + content[at_ + len(change) :] if change else b""))
        damaged(sample)


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: content[:4] + bytes(300) + content[304:],
        lambda content: content.replace(b'"rows": 40', b'"rows"! 40'),
        lambda content: content.replace(b'"rows": 40', b'"rows": "4'),
        lambda content: content.replace(b'"extracted_at": "2026', b'"extracted_at": "2x26'),
        lambda content: content.replace(b"bet_amount", b"bet_am\xff\xfft"),
        lambda content: content.replace(b'"account": "agent001"', b'"account": "agent002"'),
        lambda content: content.replace(b'"start": "2026-11-20T05', b'"start": "2026-11-20T04'),
        lambda content: content[:-1],
        lambda content: b"",
    ],
)
def test_a_damaged_object_is_named_so_that_a_repair_extracts_it_again(
    tmp_path: Path, damage: Callable[[bytes], bytes]
) -> None:
    sample, path = lake_of(tmp_path)
    path.write_bytes(damage(path.read_bytes()))
    assert damaged(sample)


@pytest.mark.parametrize("lacking", ["id", "update_time"])
def test_an_object_without_the_column_of_the_key_or_of_the_time_is_damaged(tmp_path: Path, lacking: str) -> None:
    """As another tool may have rewritten it, receipt and all. The report day ends within the slot, so that its time is needed."""
    sample, path = lake_of(tmp_path)
    pq.write_table(pq.read_table(path, partitioning=None).drop_columns(lacking), path)
    stream = declared("aig", sample.lake.stream)
    with DayTotals(sample.lake, stream, Interval(TODAY.start, at(5.5)), set()) as day_totals:
        day_totals.load()
        assert day_totals.damaged == (SLOT,)


def test_amounts_of_another_type_are_read_as_amounts_or_damaged(tmp_path: Path) -> None:
    sample, path = lake_of(tmp_path)
    assert not damaged(sample)
    stored = pq.read_table(path, partitioning=None)
    place = stored.column_names.index("bet_amount")
    for values, expected in (([10.0] * 40, False), (["10.0"] * 39 + ["ten"], True)):
        pq.write_table(stored.set_column(place, "bet_amount", pa.array(values)), path)
        assert damaged(sample) is expected
