"""Keys that answers have shown."""

from __future__ import annotations

import numpy as np
import pytest

from airflow_betproviders.declare.interval import Interval
from airflow_betproviders.declare.pagination import Unprovable
from airflow_betproviders.extraction.fetch.completeness import shown_keys
from airflow_betproviders.extraction.fetch.completeness.shown_keys import ShownKeys
from tests.extraction.vendor import BETS, FIVE, HOUR, MINUTE, SLOT


def keys(*numbers: int) -> shown_keys.Hashes:
    return np.array(numbers, np.uint64)


def window(minute: int) -> Interval:
    return Interval(FIVE + minute * MINUTE, FIVE + (minute + 1) * MINUTE)


@pytest.mark.parametrize("same", [True, False])
def test_windows_that_all_bring_the_same_rows_are_refused(same: bool) -> None:
    """A provider that does not look at the window, of a stream whose rows may lie outside it, would be asked for ever."""
    shown = ShownKeys(BETS)
    shown.begin(0, SLOT)
    for minute in range(200):
        shown.add(window(minute), keys(1, 2, 3) if same else keys(minute, minute + 1))
        if same and minute == 99:
            with pytest.raises(Unprovable, match="brought 300 rows of which only 3 are distinct"):
                shown.refuse_repetition()
            return
        shown.refuse_repetition()


def test_keys_of_the_parts_of_a_window_count_for_it_until_the_next_slot_begins() -> None:
    shown = ShownKeys(BETS)
    shown.begin(0, SLOT)
    shown.add(window(3), keys(3, 1))
    shown.add(window(4), keys(2, 1))
    found = shown.of(Interval(FIVE, FIVE + 5 * MINUTE))
    assert found is not None
    assert found.tolist() == [1, 2, 3]
    assert shown.of(window(5)) is None
    shown.begin(0, SLOT)
    assert shown.of(SLOT) is not None
    shown.begin(1, Interval(FIVE + HOUR, FIVE + 2 * HOUR))
    assert shown.of(SLOT) is None


def test_of_a_large_slot_the_first_keys_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shown_keys, "_MOST_KEYS", 4)
    shown = ShownKeys(BETS)
    shown.begin(0, SLOT)
    for minute in range(3):
        shown.add(window(minute), keys(2 * minute, 2 * minute + 1))
    assert shown.of(window(0)) is None
    assert shown.of(window(1)) is not None
