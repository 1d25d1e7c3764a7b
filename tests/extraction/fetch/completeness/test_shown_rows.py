"""Rows that answers have shown."""

from __future__ import annotations

import numpy as np
import pytest

from airflow_betproviders.declare.interval import Interval
from airflow_betproviders.declare.pagination import Unprovable
from airflow_betproviders.extraction.answers.row_versions import RowVersions
from airflow_betproviders.extraction.fetch.completeness import shown_rows
from airflow_betproviders.extraction.fetch.completeness.shown_rows import ShownRows
from tests.extraction.vendor import BETS, FIVE, HOUR, MINUTE, SLOT


def rows(*numbers: int, version: int = 0) -> RowVersions:
    return RowVersions(np.array(numbers, np.uint64), (np.full(len(numbers), version),))


def window(minute: int) -> Interval:
    return Interval(FIVE + minute * MINUTE, FIVE + (minute + 1) * MINUTE)


@pytest.mark.parametrize("same", [True, False])
def test_windows_that_all_bring_the_same_rows_are_refused(same: bool) -> None:
    """A provider that does not look at the window, of a stream whose rows may lie outside it, would be asked for ever."""
    shown = ShownRows(BETS)
    shown.begin(0, SLOT)
    for minute in range(200):
        shown.add(window(minute), rows(1, 2, 3) if same else rows(minute, minute + 1))
        if same and minute == 99:
            with pytest.raises(Unprovable, match="brought 300 rows of which only 3 are distinct"):
                shown.refuse_repetition()
            return
        shown.refuse_repetition()


def test_rows_of_the_parts_of_a_window_count_for_it_until_the_next_slot_begins() -> None:
    shown = ShownRows(BETS)
    shown.begin(0, SLOT)
    shown.add(window(3), rows(3, 1))
    shown.add(window(4), rows(2, 1))
    found = shown.in_window(Interval(FIVE, FIVE + 5 * MINUTE))
    assert found is not None
    assert found.hashes.tolist() == [1, 2, 3]
    assert shown.in_window(window(5)) is None
    shown.begin(0, SLOT)
    assert shown.in_window(SLOT) is not None
    shown.begin(1, Interval(FIVE + HOUR, FIVE + 2 * HOUR))
    assert shown.in_window(SLOT) is None


def test_of_a_row_that_was_shown_twice_the_newer_version_counts() -> None:
    shown = ShownRows(BETS)
    shown.begin(0, SLOT)
    shown.add(window(3), rows(1, 2, version=5))
    shown.add(window(3), rows(2, 3, version=4))
    found = shown.in_window(window(3))
    assert found is not None
    assert found.hashes.tolist() == [1, 2, 3]
    assert found.versions[0].tolist() == [5, 5, 4]


def test_of_a_large_slot_the_first_rows_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shown_rows, "_MOST_ROWS", 4)
    shown = ShownRows(BETS)
    shown.begin(0, SLOT)
    for minute in range(3):
        shown.add(window(minute), rows(2 * minute, 2 * minute + 1))
    assert shown.in_window(window(0)) is None
    assert shown.in_window(window(1)) is not None
