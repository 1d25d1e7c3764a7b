"""Tables that another tool made, changed or damaged: refused by name, or merged into rightly."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from deltalake import DeltaTable
from deltalake.transaction import AddAction

from airflow_betproviders.bets_table.arrow.data_files import removal
from airflow_betproviders.bets_table.optimize import optimize
from airflow_betproviders.bets_table.schema import PARTITIONS, SCHEMA
from airflow_betproviders.exceptions import DamagedTable, InvalidArgument
from tests.bets_table.lakes import SampleLake, aig, at, hour_of


@pytest.fixture
def sample(tmp_path: Path) -> SampleLake:
    sample = SampleLake(tmp_path)
    sample.store(hour_of(5), [aig("a", placed=at(5)), aig("b", placed=at(5))], at(7))
    return sample


def correct(sample: SampleLake) -> None:
    """Store the slot again: a was corrected, and b is gone."""
    sample.store(hour_of(5), [aig("a", placed=at(5), updated=at(5.9), win="99")], at(9))


def changed(
    sample: SampleLake, protocol: Mapping[str, Any] | None = None, properties: Mapping[str, str] | None = None
) -> None:
    """Change protocol and properties of the table, as another tool does."""
    log = sample.folder / "bets/_delta_log/00000000000000000000.json"
    actions = [json.loads(line) for line in log.read_text().splitlines()]
    for action in actions:
        action.get("protocol", {}).update(protocol or {})
        action.get("metaData", {}).get("configuration", {}).update(properties or {})
    log.write_text("".join(f"{json.dumps(action)}\n" for action in actions))


@pytest.mark.parametrize(
    ("protocol", "properties", "message"),
    [
        ({}, {"delta.appendOnly": "true"}, "property delta.appendOnly=true"),
        ({"minWriterVersion": 3}, {"delta.constraints.positive": "stake > 0"}, "delta.constraints.positive=stake > 0"),
        ({"minWriterVersion": 4}, {"delta.enableChangeDataFeed": "true"}, "property delta.enableChangeDataFeed=true"),
        (
            {"minReaderVersion": 3, "minWriterVersion": 7, "readerFeatures": ["deletionVectors"], "writerFeatures": ["deletionVectors"]},
            {},
            "Delta features deletionVectors",
        ),
        ({"minWriterVersion": 7, "writerFeatures": ["rowTracking", "appendOnly"]}, {}, "Delta features rowTracking. Undo"),
    ],
)  # fmt: skip
def test_a_table_with_properties_that_a_commit_would_ignore_is_refused(
    sample: SampleLake, protocol: dict[str, Any], properties: dict[str, str], message: str
) -> None:
    sample.merge()
    changed(sample, protocol, properties)
    correct(sample)
    for use in (sample.merge, lambda: optimize(sample.table, interval=None, file_size=1, retention=None)):
        with pytest.raises(InvalidArgument, match=message):
            use()


def test_features_and_properties_that_ask_nothing_of_a_writer_are_no_obstacle(sample: SampleLake) -> None:
    sample.merge()
    changed(sample, {"minWriterVersion": 7, "writerFeatures": ["appendOnly", "invariants", "checkConstraints"]},
            {"delta.appendOnly": "false", "delta.columnMapping.mode": "none", "delta.logRetentionDuration": "interval 9 days"})  # fmt: skip
    correct(sample)
    assert sample.merge().replaced == 1


def _with(name: str, kind: pa.DataType) -> pa.Schema:
    return pa.schema([field.with_type(kind) if field.name == name else field for field in SCHEMA])


@pytest.mark.parametrize(
    ("schema", "partitions", "message"),
    [
        (SCHEMA, [], "partitioned by nothing, not by provider, bet_date"),
        (SCHEMA, ["account"], "partitioned by account"),
        (_with("stake", pa.decimal128(20, 2)), PARTITIONS, r"stake is decimal\(20,2\), not decimal\(28,8\)"),
        (_with("bet_id", pa.int64()), PARTITIONS, "bet_id is long, not string"),
        (pa.schema([field.with_nullable(field.name != "fee") for field in SCHEMA]), PARTITIONS, "fee is not nullable"),
        (SCHEMA.append(pa.field("note", pa.string())), PARTITIONS, "rest, note. Name another folder"),
    ],
)
def test_a_table_with_other_columns_or_partitions_is_refused(
    sample: SampleLake, schema: pa.Schema, partitions: list[str], message: str
) -> None:
    DeltaTable.create(sample.table.uri, schema, partition_by=list(partitions))
    with pytest.raises(InvalidArgument, match=message):
        sample.merge()


def test_a_path_that_is_a_file_is_refused(sample: SampleLake) -> None:
    Path(sample.table.uri).write_text("a file")
    with pytest.raises(DamagedTable, match="name another folder"):
        sample.merge()


def _log(number: int, text: str | None) -> Callable[[Path], None]:
    def spoil(table: Path) -> None:
        path = table / f"_delta_log/{number:020}.json"
        path.unlink() if text is None else path.write_text(text)

    return spoil


def _checkpoint_that_is_gone(table: Path) -> None:
    (table / "_delta_log/_last_checkpoint").write_text('{"version":10,"size":5}')


def _newer_protocol(table: Path) -> None:
    changed(SampleLake(table.parent), {"minReaderVersion": 9, "minWriterVersion": 9})


@pytest.mark.parametrize(
    "spoil", [_log(0, None), _log(0, ""), _log(1, '{"add":{"pa'), _checkpoint_that_is_gone, _newer_protocol]
)
def test_a_log_that_cannot_be_read_is_named(sample: SampleLake, spoil: Callable[[Path], None]) -> None:
    sample.merge()
    spoil(Path(sample.table.uri))
    with pytest.raises(DamagedTable, match=r"cannot be opened as a Delta table: .* restore it from a backup") as caught:
        sample.merge()
    assert sample.table.uri in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("content", "reason"), [(None, "it was deleted"), (b"no Parquet", "Parquet")])
def test_a_data_file_that_is_gone_or_overwritten_is_named(
    sample: SampleLake, content: bytes | None, reason: str
) -> None:
    sample.merge()
    (file,) = sample.table.snapshot().all_files()
    path = Path(sample.table.uri) / file.path
    path.unlink() if content is None else path.write_bytes(content)
    correct(sample)
    version = sample.table.snapshot().version
    with pytest.raises(DamagedTable, match=f"{file.path} of the bets table is damaged: .*{reason}"):
        sample.merge()
    assert sample.table.snapshot().version == version


@pytest.mark.parametrize(
    "content", [None, "{half", "[1]", '{"20261120T050000Z-20261120T060000Z": {"extracted_at": 7}}']
)
def test_a_state_that_is_lost_or_damaged_hides_no_missing_bet(sample: SampleLake, content: str | None) -> None:
    """The slot's next version lacks b. Whether the table has b, and on which date, only its files say then."""
    sample.merge()
    (path,) = Path(sample.table.uri).glob("_merged/**/*.json")
    path.unlink() if content is None else path.write_text(content)
    correct(sample)
    assert sample.merge().missing == 1
    assert list(sample.current_bets()) == ["a"]
    assert sample.merge().unchanged == 1


@pytest.mark.parametrize("compacted", [False, True])
def test_files_that_another_tool_rewrote_are_merged(sample: SampleLake, *, compacted: bool) -> None:
    """Spark writes times as INT96, without statistics of them, and may leave out columns that are null."""
    sample.merge()
    snapshot = sample.table.snapshot()
    (file,) = snapshot.all_files()
    rows = pq.ParquetFile(f"{sample.table.uri}/{file.path}").read().drop_columns(["fee", "missing_since"])
    path = file.path.replace("part-", "spark-")
    target = Path(sample.table.uri) / path
    pq.write_table(rows.select(rows.column_names[::-1]), target, use_deprecated_int96_timestamps=True)
    values = {"provider": "aig", "bet_date": "2026-11-20"}
    added = AddAction(path, target.stat().st_size, values, int(time.time() * 1000), False, '{"numRecords":2}')
    snapshot.commit([added], [removal(file, data_change=False)], {}, {})
    before = sample.rows()
    if compacted:
        sample.store(hour_of(6), [aig("c", placed=at(6))], at(9))
        sample.merge()
        assert optimize(sample.table, interval=None, file_size=1 << 20, retention=None).files_before == 2
        assert {name: sample.rows()[name] for name in before} == before
    correct(sample)
    merged = sample.merge()
    assert (merged.replaced, merged.missing) == (1, 1)
    assert {**sample.rows()["b"], "missing_since": None} == before["b"]
