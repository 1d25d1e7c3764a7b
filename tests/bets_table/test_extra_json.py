"""The undeclared members of a record as JSON text: they come out as they went in, whichever rows lack whichever member."""

from __future__ import annotations

import json
from datetime import datetime, timezone
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from airflow_betproviders.bets_table.arrow.extra_json import json_object

_TYPES: dict[str, pa.DataType] = {
    "text": pa.string(),
    "count": pa.int64(),
    "odds": pa.float64(),
    'quo"te': pa.bool_(),
    "list": pa.list_(pa.string()),
}
_VALUES: dict[str, st.SearchStrategy[Any]] = {
    "text": st.text(),
    "count": st.integers(-(2**63), 2**63 - 1),
    "odds": st.floats(allow_nan=False, allow_infinity=False),
    'quo"te': st.booleans(),
    "list": st.lists(st.text()),
}
_RECORD = st.fixed_dictionaries({}, optional=_VALUES)
_EXTRA = st.none() | st.dictionaries(st.text().map("x".__add__), st.integers() | st.text(), max_size=2)


@pytest.mark.slow
@settings(deadline=None)
@given(st.lists(st.tuples(_RECORD, _EXTRA), min_size=1, max_size=5), st.booleans())
def test_every_row_gives_its_members_back(
    rows: list[tuple[dict[str, Any], dict[str, Any] | None]], sliced: bool
) -> None:
    if sliced:  # as the merge maps parts of a slot
        rows = [rows[0], *rows]
    records, extras = zip(*rows, strict=True)
    members = [(name, pa.array([record.get(name) for record in records], kind)) for name, kind in _TYPES.items()]
    extra = pa.array([None if each is None else json.dumps(each) for each in extras], pa.string())
    if sliced:
        members, extra = [(name, column[1:]) for name, column in members], extra[1:]
        rows = rows[1:]
    found = [json.loads(text) for text in json_object(members, extra).to_pylist()]
    assert found == [{**record, **(more or {})} for record, more in rows]


def test_times_keep_their_digits_and_what_is_no_number_is_left_out() -> None:
    moment = datetime(2026, 11, 20, 5, 6, 7, 890123, timezone.utc)
    members = [
        ("ms", pa.array([moment.replace(microsecond=890000)], pa.timestamp("ms", "UTC"))),
        ("us", pa.array([moment], pa.timestamp("us", "UTC"))),
        ("nan", pa.array([float("nan")])),
        ("odds", pa.array([1.1500000000000001])),
        ("amount", pa.array([Decimal("12.3400")])),
    ]
    (text,) = json_object(members).to_pylist()
    assert text == (
        '{"ms":"2026-11-20T05:06:07.890Z","us":"2026-11-20T05:06:07.890123Z","odds":1.1500000000000001,"amount":12.34}'
    )
