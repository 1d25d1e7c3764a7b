"""The MERGE of examples/spark-merge, run on DuckDB, gives what the operator's merge gives."""

from __future__ import annotations

import sys
import tempfile
from datetime import timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st

from airflow_betproviders.bets_table.raw_slots import find_raw_streams
from airflow_betproviders.bets_table.schema import SCHEMA
from tests.bets_table.lakes import MINUTE, SampleLake, aig, at, hour_of
from tests.examples import examples

EXAMPLE = Path(__file__).parents[2] / "examples/spark-merge"
SLOTS = [hour_of(22, 20), hour_of(23, 20), hour_of(0, 21)]

_record = st.tuples(st.sampled_from("abcd"), st.integers(0, 2), st.integers(0, 59), st.integers(0, 3))
_step = st.tuples(st.integers(0, len(SLOTS) - 1), st.lists(_record, max_size=4, unique_by=lambda record: record[0]))


class Engine:
    """The SQL on a DuckDB table."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.con = duckdb.connect()
        self.con.execute("set timezone = 'UTC'")
        self.con.register("empty", SCHEMA.empty_table())
        self.con.execute("create table bets as from empty")

    def merge(self, sample: SampleLake, step: int, slot: Any) -> None:
        sys.path.insert(0, str(EXAMPLE))
        try:
            from stage_bets import stage_bets
        finally:
            sys.path.remove(str(EXAMPLE))
        folder = self.folder / str(step)
        for stream in find_raw_streams(sample.lake.fs, sample.lake.root, provider="aig"):
            stage_bets(stream, [slot], folder, "agent001")
        self.con.execute(f"create or replace view staged_bets as from '{folder}/bets/*.parquet'")
        self.con.execute(f"create or replace view staged_slots as from '{folder}/slots/*.parquet'")
        self.con.execute((EXAMPLE / "merge.sql").read_text())

    def rows(self) -> list[tuple[Any, ...]]:
        return sorted(self.con.execute(f"select {', '.join(SCHEMA.names)} from bets").fetchall(), key=repr)


@pytest.mark.slow
@settings(
    max_examples=examples(8),
    deadline=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
@given(steps=st.lists(_step, min_size=1, max_size=7))
@example(steps=[(1, [("a", 0, 50, 1)]), (1, []), (0, [("a", 0, 10, 1)])])  # missing, then reported by an older slot
@example(steps=[(1, [("a", 0, 50, 1)]), (1, [("a", 0, 10, 2)])])  # its own slot takes its change back
def test_the_sql_gives_what_the_operator_gives(steps: list[tuple[int, list[Any]]]) -> None:
    with tempfile.TemporaryDirectory() as name:
        sample, engine = SampleLake(Path(name)), Engine(Path(name) / "staged")
        for number, (index, records) in enumerate(steps):
            slot = SLOTS[index]
            bets = [
                aig(
                    bet,
                    placed=slot.start - (moved * 24 * 60 + 5) * MINUTE,
                    updated=slot.start + minute * MINUTE,
                    status=status,
                )
                for bet, moved, minute, status in records
            ]
            sample.store(slot, bets, at(2, 22) + number * timedelta(seconds=1))
            sample.merge(slot)
            engine.merge(sample, number, slot)
            ours = sample.table.open().to_pyarrow_table().select(SCHEMA.names).to_pylist()
            assert engine.rows() == sorted((tuple(row.values()) for row in ours), key=repr)
