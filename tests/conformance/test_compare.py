"""The suite's own comparison reads whatever a vendor sends."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest

from airflow_betproviders.testing.compare import differences
from airflow_betproviders.testing.expectations import Expectations, epoch

EXPECTATIONS = Expectations(provider="toy", times=epoch(1000))


@pytest.mark.parametrize(
    ("sent", "extra"),
    [
        ("1e99999999999999999999", "1e99999999999999999999"),
        ("9" * 5000, "9" * 5000),
        (Decimal("0.30000000000000004"), "0.30000000000000004"),
        ([1], "[1]"),
    ],
)
def test_a_value_in_extra_counts_as_stored_however_large_its_numbers(sent: object, extra: str) -> None:
    rows = [{"id": "a", "win": None, "_extra": f'{{"win":{extra}}}'}]
    assert differences(EXPECTATIONS, ("id",), [{"id": "a", "win": sent}], rows) == []
    assert differences(EXPECTATIONS, ("id",), [{"id": "a", "win": 7}], rows) != []


@pytest.mark.parametrize("sent", [True, [True], {"free": True}, {"wins": [{"free": True}]}])
def test_a_truth_that_is_stored_as_a_number_differs_at_any_depth(sent: object) -> None:
    stored = json.loads(json.dumps(sent).replace("true", "1"))
    assert differences(EXPECTATIONS, ("id",), [{"id": "a", "x": sent}], [{"id": "a", "x": sent, "_extra": None}]) == []
    assert (
        differences(EXPECTATIONS, ("id",), [{"id": "a", "x": sent}], [{"id": "a", "x": stored, "_extra": None}]) != []
    )
