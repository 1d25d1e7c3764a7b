"""What a file's footer and encodings offer its readers."""

from __future__ import annotations

import io
import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from airflow_betproviders.declare.stream import Stream
from airflow_betproviders.extraction.decode.decoder import Decoder
from airflow_betproviders.extraction.write.slot_writer import SlotWriter
from airflow_betproviders.lake.receipt import Receipt
from airflow_betproviders.providers.aig import streams as aig
from airflow_betproviders.providers.gmag import streams as gmag
from airflow_betproviders.providers.jdb import streams as jdb
from airflow_betproviders.providers.pv import streams as pv
from tests.extraction.vendor import FIVE
from tests.sample_answers import AIG, GMAG, JDB, JDB_OFFSET, PV, answer

# fastparquet 2026.9 reads these and no other; Velox lacks DELTA_BYTE_ARRAY too.
ENCODINGS = {"PLAIN", "RLE", "RLE_DICTIONARY", "DELTA_BINARY_PACKED"}
MAIN = [(pv.HISTORY, PV), (aig.TRANSACTIONS, AIG), (jdb.TRANSACTIONS, JDB), (gmag.GAME_HISTORY, GMAG)]


def written(stream: Stream, record: dict[str, object], rows: int = 100) -> tuple[pq.FileMetaData, pa.Table]:
    """Return a slot of records that differ in their ids."""
    text = next(name for name in ("event_id", "id", "historyId", "roundId") if name in record)
    records = [{**record, text: f"{place * 7919 % 10_007:032x}"} for place in range(rows)]
    page = Decoder(stream, JDB_OFFSET)(answer(stream, json.dumps(records)), lambda envelope: None)
    with SlotWriter(stream, FIVE) as writer:
        writer.add(page.table)
        writer.close(
            Receipt(
                provider=stream.provider,
                stream=stream.name,
                account="a",
                start="",
                end="",
                extracted_at=FIVE.isoformat(),
            )
        )
        data = writer.path.read_bytes()
    return pq.read_metadata(io.BytesIO(data)), page.table


@pytest.mark.parametrize(("stream", "record"), MAIN, ids=lambda value: getattr(value, "provider", ""))
def test_a_footer_has_the_ends_of_money_and_times_and_pages_have_an_index(
    stream: Stream, record: dict[str, object]
) -> None:
    metadata, table = written(stream, record)
    group = metadata.row_group(0)
    columns = {group.column(place).path_in_schema: group.column(place) for place in range(group.num_columns)}
    times = [name for name in table.column_names if pa.types.is_timestamp(table.schema.field(name).type)]
    for name in {*stream.money, *times}:
        if table[name].null_count < len(table):
            values = table[name].drop_null().to_pylist()
            statistics = columns[name].statistics
            assert (statistics.min, statistics.max) == (min(values), max(values))
    assert {*stream.key, *stream.money} <= columns.keys()
    assert all(column.has_offset_index for column in columns.values())
    assert all(columns[name].has_column_index for name in stream.key)


@pytest.mark.parametrize(("stream", "record"), MAIN, ids=lambda value: getattr(value, "provider", ""))
def test_only_encodings_that_common_readers_have_are_used(stream: Stream, record: dict[str, object]) -> None:
    metadata, _ = written(stream, record)
    group = metadata.row_group(0)
    used = {encoding for place in range(group.num_columns) for encoding in group.column(place).encodings}
    assert used <= ENCODINGS
