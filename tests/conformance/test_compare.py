"""The suite's own comparison reads whatever a vendor sends."""

from __future__ import annotations

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
