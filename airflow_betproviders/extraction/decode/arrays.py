"""Convert between Arrow and NumPy without pandas, which pyarrow's own conversions import (a third of a second, 50 MiB)."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

LEAST = -(2**63)
_MOST_DIGITS = 38  # of a decimal of 128 bits


def combined(column: pa.Array | pa.ChunkedArray) -> pa.Array:
    """Return a column as one array, without chunks."""
    if isinstance(column, pa.Array):
        return column
    return column.chunk(0) if column.num_chunks == 1 else pa.concat_arrays(column.chunks or [pa.nulls(0, column.type)])


def values(array: pa.Array, dtype: npt.DTypeLike) -> npt.NDArray[Any]:
    """Return the values of a column of numbers without nulls, without a copy."""
    data = array.buffers()[1]
    return (
        np.frombuffer(data, dtype, len(array), array.offset * np.dtype(dtype).itemsize) if data else np.empty(0, dtype)
    )


def integers(column: pa.Array | pa.ChunkedArray) -> npt.NDArray[np.int64]:
    """Return integers, or instants in their unit. Null is `LEAST`, below every value."""
    array = combined(column.cast(pa.int64()))
    return values(pc.fill_null(array, _NOTHING) if array.null_count else array, np.int64)


def offsets(text: pa.StringArray) -> npt.NDArray[np.int32]:
    """Return where each text begins in the data of a column, and where the last one ends, without a copy."""
    data = text.buffers()[1]
    return np.frombuffer(data, np.int32, len(text) + 1, text.offset * 4) if data else np.zeros(1, np.int32)


def array(numbers: npt.NDArray[Any], type_: pa.DataType) -> pa.Array:
    """Return numbers as a column of a type of the same width."""
    return pa.Array.from_buffers(type_, len(numbers), [None, pa.py_buffer(np.ascontiguousarray(numbers))])


def exact_sum(column: pa.Array | pa.ChunkedArray) -> Decimal | int | None:
    """Return the sum of integers or decimals, in wider numbers where Arrow's own sum may wrap; None of nothing but nulls."""
    kind = column.type
    integers = pa.types.is_integer(kind)
    if integers or kind.precision + len(str(len(column))) > _MOST_DIGITS:
        extremes = pc.min_max(column).as_py()
        largest = max(abs(extremes["min"] or 0), abs(extremes["max"] or 0)) * len(column)
        if integers and largest >= 2**63:
            column = column.cast(pa.decimal128(_MOST_DIGITS, 0))
        elif not integers and largest >= 10 ** (_MOST_DIGITS - kind.scale):
            column = column.cast(pa.decimal256(2 * _MOST_DIGITS, kind.scale))
    total: Decimal | int | None = pc.sum(column).as_py()
    return total


def texts(items: list[str | None]) -> pa.Array:
    """Return an array of texts."""
    encoded = [item.encode() if item else b"" for item in items]
    offsets = np.cumsum([0, *map(len, encoded)]).astype(np.int32)
    valid = mask(np.array([item is not None for item in items], bool)).buffers()[1]
    return pa.Array.from_buffers(
        pa.string(), len(items), [valid, pa.py_buffer(offsets), pa.py_buffer(b"".join(encoded))]
    )


def rows(numbers: npt.NDArray[np.intp]) -> pa.Array:
    """Return row numbers as `take` wants them."""
    return array(numbers.astype(np.int64, copy=False), pa.int64())


def mask(keep: npt.NDArray[np.bool_]) -> pa.Array:
    """Return a boolean array of the rows to keep."""
    return pa.Array.from_buffers(pa.bool_(), len(keep), [None, pa.py_buffer(np.packbits(keep, bitorder="little"))])


def bits(column: pa.Array) -> npt.NDArray[np.bool_]:
    """Return the truth values of a column without nulls."""
    packed = np.frombuffer(column.buffers()[1] or b"", np.uint8)
    return np.unpackbits(packed, count=column.offset + len(column), bitorder="little")[column.offset :].astype(bool)


EMPTY_TEXT = texts([""])[0]
_NOTHING = array(np.array([LEAST]), pa.int64())[0]
