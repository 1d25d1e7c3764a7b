"""The rest of a record as JSON text, written for all rows at once: no Python object a cell."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

_ODD = r"[\x00-\x1f\"\\]"


def json_object(members: Iterable[tuple[str, Any]], extra: Any = None) -> Any:
    """One JSON object a row.

    Args:
        members: names and columns; a null is left out.
        extra: a column of JSON objects whose members are added.

    Returns:
        A text column; ``{}`` where nothing is left.
    """
    members = list(members)
    rows = len(members[0][1] if members else extra)
    parts = [
        pc.binary_join_element_wise(f"{json.dumps(name)}:", json_text(column), ",", "")
        for name, column in members
        if column.null_count < rows
    ]
    if extra is not None and extra.null_count < rows:
        inner = pc.utf8_slice_codeunits(pc.utf8_trim_whitespace(_array(extra)), 1, -1)
        parts.append(pc.if_else(pc.equal(inner, ""), pa.scalar(None, pa.string()), _wrapped("", inner, ",")))
    if not parts:
        return pa.repeat("{}", rows)
    # Not null_handling="skip": that gives an array without rows where all of them are null.
    joined = pc.binary_join_element_wise(*(pc.fill_null(part, "") for part in parts), "")
    return _wrapped("{", pc.utf8_rtrim(joined, ","), "}")


def json_text(column: Any) -> Any:  # noqa: PLR0911 - one for each kind
    """Each value as JSON; null stays null."""
    array = _array(column)
    kind = array.type
    if pa.types.is_string(kind):
        return _quoted(array)
    if pa.types.is_decimal(kind):
        return _plain(array.cast(pa.string()))
    if pa.types.is_integer(kind) or pa.types.is_boolean(kind):
        return array.cast(pa.string())
    if pa.types.is_timestamp(kind):
        return _wrapped('"', pc.strftime(array.cast(pa.timestamp("ms", "UTC")), format="%Y-%m-%dT%H:%M:%SZ"), '"')
    if pa.types.is_map(kind):
        pairs = pc.binary_join_element_wise(_quoted(array.keys), _or_null(json_text(array.items)), ":")
        return _wrapped("{", _joined(array, pairs), "}")
    if pa.types.is_list(kind):
        return _wrapped("[", _joined(array, _or_null(json_text(array.values))), "]")
    if pa.types.is_struct(kind):
        members = [(kind.field(i).name, pc.struct_field(array, i)) for i in range(kind.num_fields)]
        return pc.if_else(array.is_valid(), json_object(members), pa.scalar(None, pa.string()))
    raise TypeError(f"no JSON for {kind}")


def _joined(lists: Any, texts: Any) -> Any:
    """The texts of each list's items with commas between them."""
    mask = lists.is_null() if lists.null_count else None
    offsets = pa.array(np.array(lists.offsets))
    regrouped = pa.ListArray.from_arrays(offsets, texts, mask=mask)
    return pc.binary_join(regrouped, ",")


def _quoted(array: pa.Array) -> pa.Array:
    if pc.any(pc.match_substring_regex(array, _ODD)).as_py():
        odd = pc.match_substring_regex(array, _ODD)
        mended = pa.array([json.dumps(v, ensure_ascii=False)[1:-1] for v in array.filter(odd).to_pylist()], pa.string())
        array = pc.replace_with_mask(array, pc.fill_null(odd, False), mended)
    return _wrapped('"', array, '"')


def _plain(texts: pa.Array) -> pa.Array:
    """Numbers without the zeros that only fill up a column's scale."""
    texts = pc.replace_substring_regex(texts, r"^-?0E-\d+$", "0")
    filled = pc.and_(pc.match_substring(texts, "."), pc.invert(pc.match_substring(texts, "E")))
    return pc.if_else(filled, pc.utf8_rtrim(pc.utf8_rtrim(texts, "0"), "."), texts)


def _or_null(texts: Any) -> Any:
    return pc.fill_null(texts, "null")


def _wrapped(before: str, texts: Any, after: str) -> Any:
    return pc.binary_join_element_wise(before, texts, after, "")


def _array(column: Any) -> Any:
    return column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
