"""The verdict on odd values: what counts as kept."""

from __future__ import annotations

from datetime import datetime, timezone

import pytest

from tests.campaign.odd_values import OddValues
from tests.campaign.vendors import VENDORS


@pytest.mark.parametrize(
    ("stored", "kept"),
    [
        (datetime(9999, 12, 31, 4, 40, 47, tzinfo=timezone.utc), True),
        (datetime(9999, 12, 31, 0, 40, 47, tzinfo=timezone.utc), False),
    ],
)
def test_a_time_of_the_last_day_that_is_in_range_is_kept_as_itself(stored: datetime, kept: bool) -> None:
    vendor = next(each for each in VENDORS if each.stream == "transactions" and each.provider == "jdb")
    record = {"gType": "7", "historyId": "4788654440000", "lastModifyTime": "20-11-2026 00:40:47"}
    odd = OddValues(vendor, {vendor.key_of(record): {"lastModifyTime": ['"31-12-9999 00:40:47"']}})
    _, wrong = odd.split([record], [{**record, "lastModifyTime": stored, "_extra": None}], [])
    assert (wrong == []) is kept
