"""A lake with slots of every stream of every provider, written as an extraction writes them."""

from __future__ import annotations

import random
import shutil
from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any

import fsspec
import pyarrow as pa

from airflow_betproviders.declare.interval import DAY, Interval
from airflow_betproviders.declare.stream import Stream
from airflow_betproviders.extraction.decode import columns
from airflow_betproviders.extraction.decode.columns import EXTRACTED_AT
from airflow_betproviders.extraction.write.slot_writer import SlotWriter
from airflow_betproviders.lake.layout import Lake
from airflow_betproviders.lake.publish import publish
from airflow_betproviders.lake.quarantine import RejectedRow
from airflow_betproviders.lake.receipt import Receipt
from airflow_betproviders.registry import providers, streams_of

LOCAL = fsspec.filesystem("file")
ACCOUNTS = ["0007", "1e5", "a/ü 50%", "agent001"]
DATE = datetime(2026, 11, 20, tzinfo=timezone.utc)
SLOTS = {0: 3, 1: 0, 24: 5}  # rows by hour; one slot has none
Rows = Counter[tuple[str, str, str]]


def fill(root: Path) -> tuple[Rows, Rows]:
    """Write every stream with and without filters, with archives and quarantine.

    Returns:
        The rows by provider, stream and account, without filters and with.
    """
    rows: tuple[Rows, Rows] = Counter(), Counter()
    for stream in streams():
        for account in ACCOUNTS:
            for filters in ({}, {"currency": "CNY"}):
                lake = Lake(LOCAL, str(root), stream.provider, stream.name, account, filters)
                for hour, count in SLOTS.items():
                    _store(
                        lake,
                        stream,
                        Interval(DATE + hour * timedelta(hours=1), DATE + (hour + 1) * timedelta(hours=1)),
                        count,
                    )
                    rows[bool(filters)][stream.provider, stream.name, account] += count
    return rows


def streams() -> Iterator[Stream]:
    """Yield every stream of the installed providers."""
    for provider in providers():
        yield from streams_of(provider)


def _store(lake: Lake, stream: Stream, slot: Interval, count: int) -> None:
    schema = columns.schema(stream.fields)
    schema = schema.remove(schema.get_field_index(EXTRACTED_AT))
    random.seed(f"{lake.base}{slot}")
    rows = [{field.name: _value(field.type, slot.start, number) for field in schema} for number in range(count)]
    receipt = Receipt(
        provider=lake.provider,
        stream=lake.stream,
        account=lake.account,
        filters=dict(lake.filters),
        start=slot.start.isoformat(),
        end=slot.end.isoformat(),
        extracted_at=(slot.end + DAY).isoformat(),
    )
    with SlotWriter(stream, slot.end + DAY) as writer:
        writer.add(pa.Table.from_pylist(rows, schema))
        writer.close(receipt)
        archive = writer.path.with_name("replies")
        shutil.copy(writer.path, archive)
        publish(lake, slot, writer.path, [RejectedRow('{"id":1}', "a reason")], archive)


def _value(kind: pa.DataType, at: datetime, number: int) -> Any:
    if pa.types.is_map(kind):
        return [("a key", _value(kind.item_type, at, number))]
    if pa.types.is_struct(kind):
        return {member.name: _value(member.type, at, number) for member in kind}
    if pa.types.is_list(kind):
        return [_value(kind.value_type, at, number)]
    if pa.types.is_decimal(kind):
        return Decimal(random.randrange(10**6)).scaleb(-kind.scale)
    if pa.types.is_timestamp(kind):
        return at + timedelta(minutes=number)
    value = random.randrange(10**9)
    return str(value) if pa.types.is_string(kind) else value if pa.types.is_integer(kind) else value % 2 == 0
