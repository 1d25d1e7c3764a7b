"""Rows on the boundary of two windows are kept once, whichever of the windows returns them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import fsspec
import pyarrow.parquet as pq
import pytest

from airflow_betproviders.declare.interval import Interval
from airflow_betproviders.exceptions import IncompleteWindow
from airflow_betproviders.extraction.slots import Extraction
from airflow_betproviders.lake.layout import Lake
from tests.extraction.vendor import BETS, Vendor, bet

START = datetime(2026, 11, 20, 5, tzinfo=timezone.utc)
HOUR = timedelta(hours=1)
QUARTER = HOUR / 4

READINGS: dict[str, Callable[[int, int, int], bool]] = {
    "start counts": lambda start, at, end: start <= at < end,
    "both count": lambda start, at, end: start <= at <= end,
    "end counts": lambda start, at, end: start < at <= end,
}


class Reading(Vendor):
    """A vendor with its own idea of what lies in a window."""

    holds: Callable[[int, int, int], bool]

    def request(self, stream: Any, window: Interval | None, params: Any, *rest: Any) -> bytes:
        assert window is not None
        start, end = (int(t.timestamp() * 1000) for t in (window.start, window.end))
        held = Vendor([row for row in self.rows if self.holds(start, row["at"], end)])
        return held.request(stream, Interval(window.start, window.end + QUARTER), params)


@pytest.mark.parametrize("reading", READINGS)
def test_a_row_on_each_boundary_of_three_hours_is_kept_once(reading: str, tmp_path: Path) -> None:
    vendor = Reading([bet(f"boundary {i:+d}", at=i * QUARTER.total_seconds()) for i in range(-4, 17)])
    vendor.holds = READINGS[reading]
    lake = Lake(fsspec.filesystem("file"), str(tmp_path), "toy", "bets", "agent001")
    hours = [Interval(START + i * HOUR, START + (i + 1) * HOUR) for i in range(3)]
    stored = Extraction(vendor, BETS).store(hours, lake)
    kept = [at for path in stored.paths.values() for at in pq.read_table(path)["id"].to_pylist()]
    assert sorted(kept) == sorted(f"boundary {i:+d}" for i in range(12))


class OldQuarters(Reading):
    """A vendor with both ends in a window, which has older versions of all rows in each second quarter of an hour."""

    old = 1

    def request(self, stream: Any, window: Interval | None, params: Any, *rest: Any) -> bytes:
        assert window is not None
        old = (window.start - START) // QUARTER % 2 == self.old
        copy = Reading([row | {"changed": row["at"], "stake": "1"} if old else row for row in self.rows])
        copy.holds = READINGS["both count"]
        return copy.request(stream, window, params)


def on_boundaries(old: int) -> OldQuarters:
    vendor = OldQuarters([bet(f"{i}", at=i * 900, changed=i * 900 + 5, stake="2") for i in range(13)])
    vendor.old = old
    return vendor


@pytest.mark.parametrize("archive", [False, True])
def test_a_row_on_a_boundary_is_kept_in_the_newer_version_of_its_two_windows(tmp_path: Path, archive: bool) -> None:
    lake = Lake(fsspec.filesystem("file"), str(tmp_path), "toy", "bets", "agent001")
    hours = [Interval(START + i * HOUR, START + (i + 1) * HOUR) for i in range(3)]
    stored = Extraction(on_boundaries(old=1), BETS, archive=archive).store(hours, lake)
    kept = [str(stake) for path in stored.paths.values() for stake in pq.read_table(path)["stake"].to_pylist()]
    assert kept == ["2.00000000"] * 12


@pytest.mark.parametrize("archive", [False, True])
def test_a_row_on_the_start_of_a_slot_is_not_older_than_the_slot_before_showed(tmp_path: Path, archive: bool) -> None:
    """Where replies are archived, the row has to come with the slot's own answers, so the task fails."""
    lake = Lake(fsspec.filesystem("file"), str(tmp_path), "toy", "bets", "agent001")
    extraction = Extraction(on_boundaries(old=0), BETS, archive=archive)
    hours = [Interval(START, START + HOUR), Interval(START + HOUR, START + 2 * HOUR)]
    if archive:
        with pytest.raises(
            IncompleteWindow, match=r"1 rows on the start of .* are older than the slot before has shown"
        ):
            extraction.store(hours, lake)
        return
    _, second = extraction.store(hours, lake).paths.values()
    assert [str(stake) for stake in pq.read_table(second)["stake"].to_pylist()] == ["2.00000000"] * 4
