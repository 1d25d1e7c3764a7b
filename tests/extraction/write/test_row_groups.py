"""Rows in row groups: where one ends depends on the rows alone, and wide rows make small ones."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from airflow_betproviders.extraction.write import row_groups
from airflow_betproviders.extraction.write.row_groups import RowGroups
from tests.examples import examples

TEXT = 100  # bytes of a row group in these tests


def cut(rows: pa.Table, widths: list[int]) -> list[pa.Table]:
    """Pass rows on in tables of these numbers of rows, the last with what is left. Return the row groups."""
    waiting, groups, start = RowGroups(), [], 0
    for width in [*widths, rows.num_rows]:
        part = rows.slice(start, width)
        start += part.num_rows
        waiting.append(part, np.arange(part.num_rows))
        while waiting.may_be_full and (full := waiting.take_full()):
            groups.append(full)
    while waiting.rows:
        groups.append(waiting.take_full() or waiting.take_rest())
    return groups


def text(row: dict[str, object]) -> int:
    """Return the bytes of text in a row, whatever it is nested in."""
    found, values = 0, [*row.values()]
    while values:
        match values.pop():
            case str(value):
                found += len(value.encode())
            case dict(value):
                values += value.values()
            case list(value) | tuple(value):
                values += value
    return found


TEXTS = st.none() | st.text(st.sampled_from("aé"), max_size=40)
ROWS = st.fixed_dictionaries(
    {
        "id": TEXTS,
        "stake": st.none() | st.integers(0, 9),
        "detail": st.none() | st.fixed_dictionaries({"a": TEXTS, "b": st.integers(0, 9)}),
        "lines": st.none() | st.lists(TEXTS, max_size=3),
        "free": st.none() | st.lists(st.tuples(st.text(st.just("k"), max_size=5), TEXTS), max_size=2),
    }
)
SCHEMA = pa.schema(
    {
        "id": pa.string(),
        "stake": pa.int64(),
        "detail": pa.struct({"a": pa.string(), "b": pa.int64()}),
        "lines": pa.list_(pa.string()),
        "free": pa.map_(pa.string(), pa.string()),
    }
)


@given(st.lists(ROWS, min_size=1, max_size=40), st.lists(st.integers(1, 12), max_size=8), st.integers(1, 12))
@settings(max_examples=examples(100))
def test_a_row_group_ends_at_a_number_of_rows_or_bytes_of_text_whatever_the_windows(
    rows: list[dict[str, object]], widths: list[int], most: int
) -> None:
    expected: list[list[dict[str, object]]] = [[]]
    for row in rows:
        expected[-1].append(row)
        if len(expected[-1]) == most or sum(map(text, expected[-1])) >= TEXT:
            expected.append([])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(row_groups, "ROW_GROUP", most)
        patch.setattr(row_groups, "_TEXT", TEXT)
        groups = cut(pa.Table.from_pylist(rows, SCHEMA), widths)
    assert [group.to_pylist() for group in groups] == [
        pa.Table.from_pylist(group, SCHEMA).to_pylist() for group in expected if group
    ]


def test_rows_are_taken_in_their_order() -> None:
    waiting = RowGroups()
    waiting.append(pa.table({"id": ["c", "a", "b"]}), np.array([1, 2, 0]))
    assert waiting.take_full() is None
    assert waiting.take_rest()["id"].to_pylist() == ["a", "b", "c"]
