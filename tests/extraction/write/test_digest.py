"""Equal rows have one digest, whatever their layout in memory; rows that differ have another."""

from __future__ import annotations

from decimal import Decimal as Exact
from typing import Any

import pyarrow as pa
import pytest

from airflow_betproviders.extraction.write.digest import Digest

SCHEMA = pa.schema(
    {
        "text": pa.string(),
        "amount": pa.decimal128(28, 8),
        "at": pa.timestamp("ms", "UTC"),
        "flag": pa.bool_(),
        "tags": pa.list_(pa.string()),
        "items": pa.map_(pa.string(), pa.decimal128(28, 8)),
        "more": pa.struct({"a": pa.int64(), "b": pa.list_(pa.int32())}),
    }
)
ROWS: list[dict[str, Any]] = [
    {
        "text": "a",
        "amount": Exact("1.5"),
        "at": 1,
        "flag": True,
        "tags": ["x", None],
        "items": [("Tie", Exact(2))],
        "more": {"a": 1, "b": [1]},
    },
    {"text": None, "amount": None, "at": None, "flag": None, "tags": None, "items": None, "more": None},
    {"text": "", "amount": Exact(0), "at": 0, "flag": False, "tags": [], "items": [], "more": {"a": None, "b": []}},
]


def digest(*tables: pa.Table) -> str:
    made = Digest()
    for table in tables:
        made.add(table)
    return made.text()


def table(rows: list[dict[str, Any]] = ROWS) -> pa.Table:
    return pa.Table.from_pylist(rows, schema=SCHEMA)


def test_chunks_and_offsets_make_no_difference() -> None:
    whole = table()
    assert digest(pa.concat_tables([table(ROWS[:1]), table(ROWS[1:])])) == digest(whole)
    assert digest(table([ROWS[2], *ROWS, ROWS[0]]).slice(1, 3)) == digest(whole)


def test_what_lies_under_a_missing_value_makes_no_difference() -> None:
    valid = pa.py_buffer(bytes([0b01]))
    one, other = (
        pa.table({"n": pa.Array.from_buffers(pa.int64(), 2, [valid, pa.array([5, under], pa.int64()).buffers()[1]])})
        for under in (7, 8)
    )
    assert one.equals(other)
    assert digest(one) == digest(other)


@pytest.mark.parametrize("row", [0, 1, 2])
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("text", "b"),
        ("amount", Exact("1.50000001")),
        ("at", 2),
        ("tags", ["x"]),
        ("tags", [None, "x"]),
        ("items", [("Tie", Exact(3))]),
        ("items", [("Big", Exact(2))]),
        ("items", [("Tie", Exact(2)), ("Big", Exact(2))]),
        ("more", {"a": 2, "b": [1]}),
        ("more", {"a": 1, "b": [1, 1]}),
    ],
)
def test_any_other_value_makes_another(row: int, name: str, value: Any) -> None:
    rows = [dict(each) for each in ROWS]
    rows[row][name] = value
    assert digest(table(rows)) != digest(table())


def test_where_one_list_ends_and_the_next_begins_counts() -> None:
    one, other = ([{**ROWS[0], "tags": tags} for tags in both] for both in ([["x"], ["y", "z"]], [["x", "y"], ["z"]]))
    assert digest(table(one)) != digest(table(other))

    odd, even = (
        [{**ROWS[0], "items": items} for items in both]
        for both in (
            ([("a", 1)], [("b", 2), ("c", 3)]),
            ([("a", 1), ("b", 2)], [("c", 3)]),
        )
    )
    assert digest(table(odd)) != digest(table(even))


def test_null_is_not_empty_and_order_and_names_count() -> None:
    rows = [dict(each) for each in ROWS]
    for name, nothing in {"text": "", "amount": Exact(0), "at": 0, "flag": False, "tags": [], "items": []}.items():
        changed = [rows[0], {**rows[1], name: nothing}, rows[2]]
        assert digest(table(changed)) != digest(table())
    assert digest(table(ROWS[::-1])) != digest(table())
    assert digest(table().rename_columns(["t", *SCHEMA.names[1:]])) != digest(table())
