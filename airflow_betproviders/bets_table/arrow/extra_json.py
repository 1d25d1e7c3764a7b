"""Write the fields of records that no column holds as JSON text, for all rows at once and without a Python object for each cell."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from airflow_betproviders.declare.fields.json_text import Pairs, dumps, read_document, read_value

_ODD = r"[\x00-\x1f\"\\]"
_ESCAPED = np.isin(np.arange(256), [*range(0x20), *b'"\\'])


def json_object(members: Iterable[tuple[str, Any]], extra: Any = None) -> Any:
    """Return one JSON object a row, as a text column; ``{}`` for a row without members.

    Args:
        members: names and columns. An object lacks the members that are null in its row.
        extra: a column of JSON objects whose members are added.
    """
    members = list(members)
    rows = len(members[0][1] if members else extra)
    parts = [_Part(f"{json.dumps(name)}:", json_text(column)) for name, column in members if column.null_count < rows]
    if extra is not None and extra.null_count < rows:
        inner = pc.utf8_slice_codeunits(pc.utf8_trim_whitespace(_array(extra)), 1, -1)
        parts.append(_Part("", pc.if_else(pc.equal(inner, ""), pa.scalar(None, pa.string()), inner)))
    # The first member that no row lacks stands between the commas of the others.
    middle = next((place for place, part in enumerate(parts) if not part.texts.null_count), None)
    if middle is not None:
        texts = [text for place, part in enumerate(parts) for text in part.joined(place - middle)]
        return pc.binary_join_element_wise("{", *texts, "}", "")
    if not parts:
        return pa.repeat("{}", rows)
    joined = pc.binary_join_element_wise(*(text for part in parts for text in part.joined(-1)), "")
    return _wrapped("{", pc.utf8_rtrim(joined, ","), "}")


def named_once(members: Iterable[tuple[str, Any]], extra: Any) -> tuple[list[tuple[str, Any]], Any]:
    """Return the arguments of `json_object` without names that occur both as a column and in ``_extra``.

    | ``_extra`` has, under the column's name | the object gets |
    |---|---|
    | the text of a value that was rounded | this text |
    | a list of the earlier values of a member that came twice | this list, with the column's value added |
    """
    columns = {name: _array(column) for name, column in members}
    extra = _array(extra)
    twins = f'"(?:{"|".join(map(re.escape, columns))})":'
    if extra.null_count == len(extra) or not columns or not pc.any(pc.match_substring_regex(extra, twins)).as_py():
        return [*columns.items()], extra
    hits = {
        name: np.flatnonzero(
            _bits(pc.and_(pc.match_substring(extra, f"{json.dumps(name)}:"), columns[name].is_valid()))
        )
        for name in columns
    }
    documents: dict[int, Pairs] = {}
    for name, rows in hits.items():
        replaced = []
        for row in rows.tolist():
            document = documents[row] = documents.get(row) or read_document(extra[row].as_py())
            if name in document:
                replaced.append(row)
                if _came_twice(document[name], columns[name].type):
                    document[name].append(read_value(json_text(columns[name].slice(row, 1))[0].as_py()))
        if replaced:
            columns[name] = pc.if_else(_mask(replaced, len(extra)), pa.scalar(None, columns[name].type), columns[name])
    if documents:
        texts = [dumps(documents[row]) for row in sorted(documents)]
        extra = pc.replace_with_mask(extra, _mask([*documents], len(extra)), pa.array(texts, pa.string()))
    return [*columns.items()], extra


def _came_twice(value: Any, kind: pa.DataType) -> bool:
    """Return whether a value in ``_extra`` is a list of earlier values. For a column of lists, these are lists themselves."""
    return isinstance(value, list) and (not pa.types.is_list(kind) or all(isinstance(item, list) for item in value))


def _bits(condition: Any) -> npt.NDArray[np.bool_]:
    bits: npt.NDArray[np.bool_] = pc.fill_null(condition, False).to_numpy(zero_copy_only=False)
    return bits


def _mask(rows: list[int], count: int) -> pa.Array:
    bits = np.zeros(count, bool)
    bits[rows] = True
    return pa.array(bits)


@dataclass(frozen=True)
class _Part:
    """One member of each object.

    Attributes:
        name: its name and colon.
        texts: its values as JSON, null where an object has no such member.
    """

    name: str
    texts: Any

    def joined(self, place: int) -> list[Any]:
        """Return the texts to be joined to the objects: with a comma behind if the place is negative, before if positive."""
        before, behind = "," * (place > 0) + self.name, "," * (place < 0)
        if not self.texts.null_count:
            return [before, self.texts, behind]
        # Not null_handling="skip": that gives an array without rows where all of them are null.
        return [pc.fill_null(_wrapped(before, self.texts, behind), "")]


def json_text(column: Any) -> Any:  # noqa: PLR0911 - one for each kind
    """Return each value as JSON text; null stays null."""
    array = _array(column)
    kind = array.type
    if pa.types.is_string(kind):
        return _quoted(array)
    if pa.types.is_decimal(kind):
        return _plain(array.cast(pa.string()))
    if pa.types.is_integer(kind) or pa.types.is_boolean(kind):
        return array.cast(pa.string())
    if pa.types.is_floating(kind):
        return pc.if_else(pc.is_finite(array), array.cast(pa.string()), pa.scalar(None, pa.string()))
    if pa.types.is_temporal(kind):
        return _wrapped('"', _iso(array), '"')
    if pa.types.is_map(kind):
        pairs = pc.binary_join_element_wise(_quoted(array.keys), _or_null(json_text(array.items)), ":")
        return _wrapped("{", _joined(array, pairs), "}")
    if pa.types.is_list(kind):
        return _wrapped("[", _joined(array, _or_null(json_text(array.values))), "]")
    if pa.types.is_struct(kind):
        members = [(kind.field(i).name, pc.struct_field(array, i)) for i in range(kind.num_fields)]
        return pc.if_else(array.is_valid(), json_object(members), pa.scalar(None, pa.string()))
    raise pa.ArrowNotImplementedError(f"columns of type {kind} have no JSON text")


def _iso(array: pa.Array) -> pa.Array:
    if not pa.types.is_timestamp(array.type):
        return array.cast(pa.string())
    precise = array if array.type.unit in {"us", "ns"} else array.cast(pa.timestamp("ms", "UTC"))
    return pc.strftime(precise, format="%Y-%m-%dT%H:%M:%SZ")


def _joined(lists: Any, texts: Any) -> Any:
    """Return the texts of each list's items with commas between them."""
    mask = lists.is_null() if lists.null_count else None
    offsets = pa.array(np.array(lists.offsets))
    regrouped = pa.ListArray.from_arrays(offsets, texts, mask=mask)
    return pc.binary_join(regrouped, ",")


def _quoted(array: pa.Array) -> pa.Array:
    if _may_need_escapes(array):
        odd = pc.match_substring_regex(array, _ODD)
        escaped = pa.array(
            [json.dumps(v, ensure_ascii=False)[1:-1] for v in array.filter(odd).to_pylist()], pa.string()
        )
        array = pc.replace_with_mask(array, pc.fill_null(odd, False), escaped)
    return _wrapped('"', array, '"')


def _may_need_escapes(array: pa.Array) -> bool:
    """Return whether any text may have a character that JSON escapes, from one scan of their bytes."""
    _, offsets, data = array.buffers()
    if data is None or not len(array):
        return False
    ends = np.frombuffer(offsets, np.int32, len(array) + 1, array.offset * np.dtype(np.int32).itemsize)
    text = np.frombuffer(data, np.uint8)[ends[0] : ends[-1]]
    return bool(_ESCAPED[text].any())


def _plain(texts: pa.Array) -> pa.Array:
    """Return numbers without the trailing zeros that come only from their column's scale."""
    texts = pc.replace_substring_regex(texts, r"^-?0E-\d+$", "0")
    filled = pc.and_(pc.match_substring(texts, "."), pc.invert(pc.match_substring(texts, "E")))
    return pc.if_else(filled, pc.utf8_rtrim(pc.utf8_rtrim(texts, "0"), "."), texts)


def _or_null(texts: Any) -> Any:
    return pc.fill_null(texts, "null")


def _wrapped(before: str, texts: Any, after: str) -> Any:
    return pc.binary_join_element_wise(before, texts, after, "")


def _array(column: Any) -> Any:
    """Return a column as one array, of plain texts where it has dictionaries or large texts."""
    array = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    if pa.types.is_dictionary(array.type):
        array = array.dictionary_decode()
    return array.cast(pa.string()) if pa.types.is_large_string(array.type) else array
