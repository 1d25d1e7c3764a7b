"""An answer that was cut off does not pass the proof."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from airflow_betproviders.declare.interval import Interval
from airflow_betproviders.declare.pagination import (
    SingleAnswer,
)
from airflow_betproviders.declare.windows import WindowRule
from airflow_betproviders.extraction.decode.decoder import Page
from airflow_betproviders.extraction.fetch.completeness.slot_changed import SlotChanged
from airflow_betproviders.extraction.fetch.slot_reader import SlotReader
from tests.extraction.script import Script, everything, read
from tests.extraction.vendor import FIVE, MINUTE, START_MS, Vendor, bet, page, serving


@pytest.mark.parametrize("newest_first", [False, True])
@pytest.mark.parametrize("cap", [33, 50, 99])
def test_a_window_of_fixed_length_from_the_last_row_on_shows_a_cap(cap: int, newest_first: bool) -> None:
    """600 rows in ten minutes; the rule allows no shorter window."""
    rule = WindowRule(span=10 * MINUTE, fixed=True)
    rows = [bet(f"{i}", at=i) for i in range(-1200, 1200)]

    def capped(n: int, window: Interval | None, params: Mapping[str, Any]) -> Page:
        assert window is not None
        start = round((window.start - FIVE).total_seconds())
        found = [row for row in rows if start * 1000 <= row["at"] - START_MS < (start + 600) * 1000]
        return page(*sorted(found, key=lambda row: -row["at"] if newest_first else row["at"])[:cap])

    with pytest.raises(SlotChanged, match=f"cut answers off at {cap} rows"):
        read(serving(windows=rule, paging=SingleAnswer()), capped, Interval(FIVE, FIVE + 10 * MINUTE))
    cap = 600
    (part,), script, _ = read(serving(windows=rule, paging=SingleAnswer()), capped, Interval(FIVE, FIVE + 10 * MINUTE))
    assert (part.table.num_rows, len(script.asked)) == (600, 2)


def test_windows_of_fixed_length_with_equal_round_numbers_of_rows_are_proven() -> None:
    """A row a second: each of three windows has 600 rows, and no cap."""
    rule = WindowRule(span=10 * MINUTE, fixed=True)

    def found(n: int, window: Interval | None, params: Mapping[str, Any]) -> Page:
        assert window is not None
        start = round((window.start - FIVE).total_seconds())
        return page(*(bet(f"{i}", at=i) for i in range(start, start + 600)))

    windows = [Interval(FIVE + i * 10 * MINUTE, FIVE + (i + 1) * 10 * MINUTE) for i in range(3)]
    stream = serving(windows=rule, paging=SingleAnswer())
    parts = everything(SlotReader(Vendor([]), stream, {}, Script(found)), windows)
    assert [part.table.num_rows for part in parts] == [600, 600, 600]
