"""Open a Parquet file with the encodings that suit its columns."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from airflow_betproviders.extraction.write.writer_thread import MEMORY

# Rows in which repeated values are looked for.
_SAMPLE = 1_000


def open_writer(path: Path, schema: pa.Schema, first: pa.Table) -> pq.ParquetWriter:
    """Begin a file. Where values seldom repeat, a dictionary would cost time and size, so the column gets none.

    Args:
        path: the file.
        schema: its schema.
        first: the first rows, which show how often values repeat.
    """
    instants = [f.name for f in schema if pa.types.is_timestamp(f.type)]
    varied = [name for name in first.column_names if name not in instants and _seldom_repeats(first[name])]
    numbers = [name for name in varied if pa.types.is_integer(schema.field(name).type)]
    dictionary = [name for name in _leaves(schema) if name.split(".")[0] not in {*instants, *varied}]
    return pq.ParquetWriter(
        path,
        schema,
        compression="zstd",
        compression_level=1,
        use_dictionary=dictionary,
        column_encoding=dict.fromkeys([*instants, *numbers], "DELTA_BINARY_PACKED"),
        write_page_index=True,
        write_page_checksum=True,
        store_decimal_as_integer=True,
        memory_pool=MEMORY,
    )


def _seldom_repeats(column: pa.ChunkedArray) -> bool:
    """Return whether a value comes less than eight times on average. A sample of rows decides, unless the result is close."""
    if pa.types.is_nested(column.type) or pa.types.is_null(column.type):
        return False
    looked_at = column.slice(0, _SAMPLE)
    distinct: int = pc.count_distinct(looked_at).as_py()
    if len(looked_at) < distinct * 8 and distinct * 20 < len(looked_at) * 19:
        looked_at, distinct = column, pc.count_distinct(column).as_py()
    return distinct * 8 > len(looked_at)


@lru_cache(maxsize=8)
def _leaves(schema: pa.Schema) -> list[str]:
    return [column.path for column in _parquet_columns(schema)]


def _parquet_columns(schema: pa.Schema) -> Iterator[pq.ColumnSchema]:
    sink = pa.BufferOutputStream()
    pq.ParquetWriter(sink, schema).close()
    parquet = pq.ParquetFile(pa.BufferReader(sink.getvalue())).schema
    return (parquet.column(i) for i in range(len(parquet)))
