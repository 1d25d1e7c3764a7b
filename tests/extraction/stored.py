"""Stored slots as an extraction writes them, or changed by somebody else."""

from __future__ import annotations

from io import BytesIO
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from airflow_betproviders.declare.interval import Interval
from airflow_betproviders.lake.layout import Lake
from airflow_betproviders.lake.receipt import Receipt


def parquet(rows: int, receipt: Receipt | None) -> bytes:
    """Return a Parquet file of so many rows."""
    table = pa.table({"id": pa.array(range(rows), pa.int64())})
    buffer = BytesIO()
    pq.write_table(table.replace_schema_metadata(receipt.to_footer() if receipt else None), buffer)
    return buffer.getvalue()


def receipt_of(lake: Lake, slot: Interval, rows: int, **members: Any) -> Receipt:
    """Return a receipt, as an extraction writes it."""
    ends = {"start": slot.start.isoformat(), "end": slot.end.isoformat()}
    read = slot.end.isoformat(timespec="milliseconds")
    defaults = {"provider": lake.provider, "stream": lake.stream, "account": lake.account, **ends, "extracted_at": read}
    return Receipt(**{**defaults, "rows": rows, **members})


def store(lake: Lake, slot: Interval, rows: int = 3, **members: Any) -> str:
    """Put an object with its receipt."""
    put(lake, slot, parquet(rows, receipt_of(lake, slot, rows, **members)))
    return lake.data(slot)


def put(lake: Lake, slot: Interval, content: bytes) -> None:
    """Put whatever it is in a slot's place, in one step."""
    lake.fs.makedirs(lake.data(slot).rpartition("/")[0], exist_ok=True)
    lake.fs.pipe_file(new := f"{lake.data(slot)}.new", content)
    lake.fs.mv(new, lake.data(slot))
