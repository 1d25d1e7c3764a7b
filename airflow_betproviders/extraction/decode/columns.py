"""Arrow types of the declared kinds: on the wire, as `pyarrow.json` reads them, and in the file."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from airflow_betproviders.declare.fields import (
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
from airflow_betproviders.extraction.decode import arrays

INSTANT = pa.timestamp("ms", "UTC")
EXTRA = "_extra"
EXTRACTED_AT = "_extracted_at"
KEY, VALUE = "k", "v"
Counts = npt.NDArray[np.int64]
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


def by_name(kind: DecimalMap, names: Iterable[str]) -> pa.StructType:
    """The type that `pyarrow.json` reads an object with free names into, where its names are known."""
    return pa.struct([(name, arrow_type(kind.value)) for name in sorted(names)])


def holds_decimals(kind: Kind) -> bool:
    """Whether a column of the kind holds decimals, at whatever depth."""
    match kind:
        case Decimal() | DecimalMap():
            return True
        case ListOf(item):
            return holds_decimals(item)
        case Record(members):
            return any(holds_decimals(member.kind) for member in members)
        case _:
            return False


def finish(array: pa.Array, kind: Kind, utc_offset: timedelta) -> pa.Array:
    """A column from its wire type to its type in the file; raises `pa.ArrowInvalid` for a value that has no place."""
    match kind:
        case Epoch(unit):
            return array.view(pa.timestamp(unit, "UTC")).cast(INSTANT)
        case LocalTime():
            coded = array.dictionary_encode()  # many rows share a second
            return _local_times(coded.dictionary, utc_offset).take(coded.indices)
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


def _maps(array: pa.ListArray | pa.StructArray, kind: DecimalMap) -> pa.Array:
    """Objects with free names as maps, by name in each."""
    names, amounts, counts = _pairs_by_name(array, kind) if pa.types.is_struct(array.type) else _pairs(array)
    offsets = arrays.array(np.concatenate([[0], np.cumsum(counts)]).astype(np.int32), pa.int32())
    mask = array.is_null() if array.null_count else None
    return pa.MapArray.from_arrays(offsets, names, amounts, type=arrow_type(kind), mask=mask)


def _pairs(array: pa.ListArray) -> tuple[pa.Array, pa.Array, Counts]:
    """Names and amounts of all rows, and how many each row has; a name that comes twice, or has no amount, is not for here."""
    counts = np.maximum(arrays.integers(pc.list_value_length(array)), 0)
    pairs = pc.list_flatten(array)
    names, amounts = pairs.field(0), pairs.field(1)
    if names.null_count or amounts.null_count:
        raise pa.ArrowInvalid("an object has a name without an amount, or is none")
    coded = names.dictionary_encode()
    ranks = np.argsort(np.array(coded.dictionary.to_pylist(), object)).argsort()
    rows = np.repeat(np.arange(len(array)), counts)
    place = rows * (len(ranks) + 1) + ranks[arrays.integers(coded.indices)]
    order = np.argsort(place)
    if (np.diff(place[order]) == 0).any():
        raise pa.ArrowInvalid("an object has a name twice")
    taken = arrays.rows(order)
    return names.take(taken), amounts.take(taken), counts


def _pairs_by_name(array: pa.StructArray, kind: DecimalMap) -> tuple[pa.Array, pa.Array, Counts]:
    """The same of objects that were read with a column for each name."""
    held = [array.field(index) for index in range(array.type.num_fields)]
    there = np.array([arrays.bits(amounts.is_valid()) for amounts in held], bool).reshape(len(held), len(array))
    rows, columns = np.nonzero(there.T)
    names = arrays.texts([array.type.field(index).name for index in range(len(held))])
    amounts = pa.concat_arrays([pa.nulls(0, arrow_type(kind.value)), *held]).take(
        arrays.rows(columns * len(array) + rows)
    )
    return names.take(arrays.rows(columns)), amounts, there.sum(axis=0)
