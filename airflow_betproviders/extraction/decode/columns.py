"""Arrow types of the declared kinds: on the wire, as `pyarrow.json` reads them, and in the file."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from functools import lru_cache
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.json as pj

from airflow_betproviders.declare.fields import (
    Decimal,
    DecimalMap,
    Epoch,
    Field,
    IsoTime,
    Kind,
    OddValue,
    Rounded,
    StrptimeTime,
)
from airflow_betproviders.declare.fields.base import ArrowType
from airflow_betproviders.declare.fields.json_text import Number
from airflow_betproviders.declare.fields.times import END_SECOND, UNITS
from airflow_betproviders.extraction.decode import arrays

INSTANT = pa.timestamp("ms", "UTC")
EXTRA = "_extra"
EXTRACTED_AT = "_extracted_at"
MEMORY = pa.system_memory_pool()
_DIGITS = {"Y": r"\d{4}", "S": r"[0-5]\d"} | dict.fromkeys("mdHM", r"\d\d")
_Conversion: TypeAlias = Callable[[Any, pa.Array, timedelta], pa.Array]
Counts = npt.NDArray[np.int64]


def schema(fields: tuple[Field, ...]) -> pa.Schema:
    """Return the stream's columns, then ``_extra`` (JSON text of undeclared members) and ``_extracted_at``.

    The metadata of an amount that is not in its currency's unit names the unit: ``unit=li``.
    """
    own = [
        pa.field(field.name, arrow_type(field.kind), metadata={"unit": field.unit} if field.unit else None)
        for field in fields
    ]
    return pa.schema([*own, (EXTRA, pa.string()), (EXTRACTED_AT, INSTANT)])


@lru_cache(maxsize=1000)
def arrow_type(kind: Kind) -> pa.DataType:
    """Return the type of a kind in the file."""
    return _built(kind.arrow, "arrow")


def wire_type(kind: Kind) -> pa.DataType:
    """Return the type that `pyarrow.json` reads straight from the bytes; free-named objects come as lists of pairs."""
    return _built(kind.wire, "wire")


def coerced_type(kind: Kind) -> pa.DataType:
    """Return the type that `pyarrow.json` reads from what `Kind.coerce` returns."""
    return _built(kind.wire, "arrow") if isinstance(kind, DecimalMap) else arrow_type(kind)


def by_name(kind: DecimalMap, names: Iterable[str]) -> pa.StructType:
    """Return the type that `pyarrow.json` reads an object with free names into, where its names are known."""
    return pa.struct([(name, wire_type(kind.value)) for name in sorted(names)])


def _built(described: ArrowType, side: str) -> pa.DataType:
    factory, *arguments = described
    return getattr(pa, factory)(*(_argument(argument, side) for argument in arguments))


def _argument(argument: Any, side: str) -> Any:
    if isinstance(argument, Kind):
        return _built(getattr(argument, side), side)
    if isinstance(argument, tuple):
        return [(name, _argument(kind, side)) for name, kind in argument]
    return argument


def is_finished(kind: Kind) -> bool:
    """Return whether a column is in its type in the file once it is parsed, and every value of the type is valid."""
    type_ = arrow_type(kind)
    checked = pa.types.is_timestamp(type_) or pa.types.is_floating(type_) or holds_decimals(type_)
    return wire_type(kind) == type_ and not checked


def finish(array: pa.Array, kind: Kind, utc_offset: timedelta) -> pa.Array:
    """Convert a column from its wire type to its type in the file.

    Raises:
        pa.ArrowInvalid: a value has no place there, or is to be counted as odd or rounded.
    """
    if array.type != arrow_type(kind):
        array = convert(kind, array, utc_offset)
    check(array)
    return array


def check(array: pa.Array) -> None:
    """Refuse values that `pyarrow.json` reads and that are out of range: times, decimals, doubles."""
    if pa.types.is_timestamp(array.type):
        scale = 10 ** UNITS[array.type.unit]
        instants = arrays.values(array.drop_null() if array.null_count else array, np.uint64)
        if len(instants) and instants.max() >= END_SECOND * scale:  # one before 1970 is a great number without its sign
            raise pa.ArrowInvalid("a time is out of range: not in the years 1970 to 9999")
    elif pa.types.is_floating(array.type):
        if pc.all(pc.is_finite(array)).as_py() is False:
            raise pa.ArrowInvalid("a number is none")
    elif pa.types.is_decimal(array.type) or (pa.types.is_nested(array.type) and holds_decimals(array.type)):
        array.validate(full=True)  # pyarrow.json lets whole numbers outgrow a decimal's precision


@lru_cache(maxsize=1000)
def holds_decimals(type_: pa.DataType) -> bool:
    """Return whether a column of the type holds decimals, at whatever depth."""
    return pa.types.is_decimal(type_) or any(holds_decimals(type_.field(i).type) for i in range(type_.num_fields))


def convert(kind: Kind, array: pa.Array, utc_offset: timedelta) -> pa.Array:
    """Convert a column from its wire type. A subclass of a kind that has a faster way may read values differently: it has none."""
    if isinstance(kind, DecimalMap):
        return _maps(kind, array)
    conversion: _Conversion = _FASTER.get(type(kind), coerce_distinct)
    return conversion(kind, array, utc_offset)


def coerce_distinct(kind: Kind, array: pa.Array, utc_offset: timedelta) -> pa.Array:
    """Convert a column of texts, numbers or truth values, each distinct value once.

    Raises:
        pa.ArrowInvalid: a value does not fit, or has more digits than its column.
    """
    coded = array.dictionary_encode()
    numbers = not pa.types.is_string(array.type) and not pa.types.is_boolean(array.type)
    try:
        cells = [
            kind.cell(Number(value) if numbers else value, utc_offset) or "null"
            for value in coded.dictionary.to_pylist()
        ]
    except OddValue as odd:
        raise pa.ArrowInvalid(str(odd)) from None
    if any(isinstance(cell, Rounded) for cell in cells):
        raise pa.ArrowInvalid("a value has more digits than its column")
    options = pj.ParseOptions(explicit_schema=pa.schema([("values", pa.list_(arrow_type(kind)))]))
    read = read_json(f'{{"values":[{",".join(cells)}]}}'.encode(), options)
    return arrays.combined(read["values"]).flatten().take(coded.indices)


def read_json(body: bytes, options: pj.ParseOptions) -> pa.Table:
    """Read JSON in this thread, in memory that can be given back."""
    read = pj.ReadOptions(use_threads=False, block_size=len(body) + 1)
    return pj.read_json(pa.BufferReader(body), read, options, memory_pool=MEMORY)


def _decimals(kind: Decimal, array: pa.Array, utc_offset: timedelta) -> pa.Array:  # noqa: ARG001 - as every kind
    return array.view(arrow_type(kind))


def _epoch_times(kind: Epoch, array: pa.Array, utc_offset: timedelta) -> pa.Array:  # noqa: ARG001 - as every kind
    return array.view(pa.timestamp(kind.unit, "UTC")).cast(arrow_type(kind))


def _strptime_times(kind: StrptimeTime, array: pa.Array, utc_offset: timedelta) -> pa.Array:
    if not kind.numeric:
        return coerce_distinct(kind, array, utc_offset)
    coded = array.dictionary_encode()  # many rows share a second
    texts = coded.dictionary
    pattern, day = _layout(kind.format)
    if pc.all(pc.match_substring_regex(texts, pattern)).as_py() is False:
        raise pa.ArrowInvalid(f"a time is not written as {kind.format}")
    wall = pc.strptime(texts, format=kind.format, unit="s")
    if day is not None:
        days = pc.utf8_slice_codeunits(texts, day, day + 2).cast(pa.int64())
        if pc.all(pc.equal(pc.day(wall), days)).as_py() is False:
            raise pa.ArrowInvalid("a month has no such day")  # strptime takes it for one of the next month
    return _instants(wall, kind, utc_offset).take(coded.indices)


def _iso_times(kind: IsoTime, array: pa.Array, utc_offset: timedelta) -> pa.Array:
    try:
        wall = array.cast(pa.timestamp("us"))  # which refuses a zone, blanks around a time and more digits
    except pa.ArrowInvalid:
        return coerce_distinct(kind, array, utc_offset)
    return _instants(wall, kind, utc_offset)


def _instants(wall: pa.Array, kind: IsoTime | StrptimeTime, utc_offset: timedelta) -> pa.Array:
    """Return the instants of wall clock times.

    Raises:
        pa.ArrowInvalid: a time has more digits than its column.
    """
    offset = utc_offset if kind.offset is None else kind.offset
    shift = arrays.array(np.array([offset // timedelta(microseconds=1)]), pa.duration("us"))[0]
    return pc.subtract(wall, shift).cast(pa.timestamp(kind.precision)).cast(arrow_type(kind))


@lru_cache(maxsize=100)
def _layout(format_: str) -> tuple[str, int | None]:
    """Return the pattern of a format of numbers of fixed width, and where the day of the month stands in it."""
    pattern, day, width = "", None, 0
    for text, directive in re.findall(r"([^%]*)(?:%(.))?", format_):
        pattern += re.escape(text) + _DIGITS.get(directive, "")
        width += len(text)
        day = width if directive == "d" else day
        width += 4 if directive == "Y" else 2
    return f"^{pattern}$", day


def _maps(kind: DecimalMap, array: pa.Array) -> pa.Array:
    """Convert objects with free names to maps, each sorted by name."""
    names, amounts, counts = _pairs_by_name(array, kind) if pa.types.is_struct(array.type) else _pairs(array)
    offsets = arrays.array(np.concatenate([[0], np.cumsum(counts)]).astype(np.int32), pa.int32())
    mask = array.is_null() if array.null_count else None
    amounts = amounts.view(arrow_type(kind.value))
    return pa.MapArray.from_arrays(offsets, names, amounts, type=arrow_type(kind), mask=mask)


def _pairs(array: pa.ListArray) -> tuple[pa.Array, pa.Array, Counts]:
    """Return names and amounts of all rows, and how many each row has; refuse a name that comes twice or has no amount."""
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
    """Return names and amounts of objects that were read with a column for each name."""
    members = [array.field(index) for index in range(array.type.num_fields)]
    there = np.array([arrays.bits(amounts.is_valid()) for amounts in members], bool).reshape(len(members), len(array))
    rows, columns = np.nonzero(there.T)
    names = arrays.texts([array.type.field(index).name for index in range(len(members))])
    amounts = pa.concat_arrays([pa.nulls(0, wire_type(kind.value)), *members]).take(
        arrays.rows(columns * len(array) + rows)
    )
    return names.take(arrays.rows(columns)), amounts, there.sum(axis=0)


_FASTER: Mapping[type[Kind], _Conversion] = {
    Decimal: _decimals,
    Epoch: _epoch_times,
    IsoTime: _iso_times,
    StrptimeTime: _strptime_times,
}
