"""Arrow types of the declared kinds: on the wire, as `pyarrow.json` reads them, and in the file."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from airflow_betproviders.extraction import arrays
from airflow_betproviders.extraction.fields import (
    Boolean,
    Decimal,
    DecimalMap,
    Epoch,
    Field,
    Integer,
    Kind,
    ListOf,
    LocalTime,
    Record,
    Text,
    UtcTime,
)

INSTANT = pa.timestamp("ms", "UTC")
EXTRA = "_extra"
EXTRACTED_AT = "_extracted_at"
KEY, VALUE = "k", "v"
LOCAL_FORMAT = "%d-%m-%Y %H:%M:%S"
LOCAL_PATTERN = r"^\d{2}-\d{2}-\d{4} \d{2}:\d{2}:[0-5]\d$"


def schema(fields: tuple[Field, ...]) -> pa.Schema:
    """The stream's columns, then ``_extra`` (JSON text of what the schema does not name) and ``_extracted_at``."""
    own = [(field.name, arrow_type(field.kind)) for field in fields]
    return pa.schema([*own, (EXTRA, pa.string()), (EXTRACTED_AT, INSTANT)])


def arrow_type(kind: Kind) -> pa.DataType:  # noqa: PLR0911 - one for each kind
    """The type of a kind in the file."""
    match kind:
        case Text():
            return pa.string()
        case Integer():
            return pa.int64()
        case Boolean():
            return pa.bool_()
        case Decimal(precision, scale):
            return pa.decimal128(precision, scale)
        case Epoch() | UtcTime() | LocalTime():
            return INSTANT
        case ListOf(item):
            return pa.list_(arrow_type(item))
        case Record(members):
            return pa.struct([(member.name, arrow_type(member.kind)) for member in members])
        case DecimalMap(value):
            return pa.map_(pa.string(), arrow_type(value))


def wire_type(kind: Kind) -> pa.DataType:
    """The type that `pyarrow.json` reads straight from the bytes; free-named objects come as lists of pairs."""
    match kind:
        case Epoch():
            return pa.int64()
        case LocalTime():
            return pa.string()
        case ListOf(item):
            return pa.list_(wire_type(item))
        case Record(members):
            return pa.struct([(member.name, wire_type(member.kind)) for member in members])
        case DecimalMap(value):
            return pa.list_(pa.struct([(KEY, pa.string()), (VALUE, arrow_type(value))]))
        case _:
            return arrow_type(kind)


def finish(array: pa.Array, kind: Kind, utc_offset: timedelta) -> pa.Array:
    """A column from its wire type to its type in the file; raises `pa.ArrowInvalid` for a value that has no place."""
    match kind:
        case Epoch(unit):
            return array.cast(pa.timestamp(unit, "UTC")).cast(INSTANT)
        case LocalTime():
            return _local_times(array, utc_offset)
        case DecimalMap():
            return _maps(array, kind)
        case _:
            return array


def _local_times(array: pa.Array, utc_offset: timedelta) -> pa.Array:
    if not pc.all(pc.match_substring_regex(array, LOCAL_PATTERN)).as_py() and array.null_count < len(array):
        raise pa.ArrowInvalid(f"a time is not written as {LOCAL_FORMAT}")
    wall = pc.strptime(array, format=LOCAL_FORMAT, unit="s")
    days = pc.utf8_slice_codeunits(array, 0, 2).cast(pa.int64())
    if pc.any(pc.not_equal(pc.day(wall), days)).as_py():
        raise pa.ArrowInvalid("a month has no such day")  # strptime would take it for one of the next month
    shift = arrays.array(np.array([-int(utc_offset.total_seconds())]), pa.duration("s"))[0]
    return pc.add(wall, shift).cast(pa.timestamp("ms")).cast(INSTANT)


def _maps(array: pa.ListArray, kind: DecimalMap) -> pa.Array:
    """Lists of pairs as maps; a name that comes twice, or without an amount, is not for here."""
    lengths = np.maximum(arrays.integers(pc.list_value_length(array)), 0)
    pairs = pc.list_flatten(array)
    names, amounts = pairs.field(0), pairs.field(1)
    codes = arrays.integers(names.dictionary_encode().indices)
    rows = np.repeat(np.arange(len(array)), lengths)
    named = np.sort(rows * (len(names) + 1) + codes)
    if amounts.null_count or (named[1:] == named[:-1]).any():
        raise pa.ArrowInvalid("an object has a name twice, or one without an amount")
    offsets = arrays.array(np.concatenate([[0], np.cumsum(lengths)]).astype(np.int32), pa.int32())
    mask = array.is_null() if array.null_count else None
    return pa.MapArray.from_arrays(offsets, names, amounts, type=arrow_type(kind), mask=mask)
