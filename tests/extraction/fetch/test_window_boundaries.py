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
def test_a_row_on_each_border_of_three_hours_is_kept_once(reading: str, tmp_path: Path) -> None:
    vendor = Reading([bet(f"border {i:+d}", at=i * QUARTER.total_seconds()) for i in range(-4, 17)])
    vendor.holds = READINGS[reading]
    lake = Lake(fsspec.filesystem("file"), str(tmp_path), "toy", "bets", "agent001")
    hours = [Interval(START + i * HOUR, START + (i + 1) * HOUR) for i in range(3)]
    stored = Extraction(vendor, BETS).store(hours, lake)
    kept = [at for path in stored.paths.values() for at in pq.read_table(path)["id"].to_pylist()]
    assert sorted(kept) == sorted(f"border {i:+d}" for i in range(12))
