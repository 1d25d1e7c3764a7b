"""An archive knows which UTC offset the account had, whatever its connection says since."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import fsspec
import pyarrow.parquet as pq
import pytest

from airflow_betproviders.declare.interval import Interval, slots
from airflow_betproviders.extraction.replay import Replay
from airflow_betproviders.extraction.slots import Extraction
from airflow_betproviders.hooks.base import BetProviderHook
from airflow_betproviders.lake.layout import Lake
from tests.simulated import HOUR

SETTINGS = {"options": {"jdb": {"window": "[]", "doubled_keys": True}}, "rate": 600.0}


@pytest.mark.slow
def test_a_replay_reads_times_in_the_offset_of_then(
    hook: Callable[..., BetProviderHook], now: datetime, tmp_path: Path
) -> None:
    source = hook("jdb")
    stream = source.stream()
    end = now.replace(hour=1, minute=0, second=0, microsecond=0) - timedelta(days=1)
    interval = Interval(end - 3 * HOUR, end)
    lake = Lake(fsspec.filesystem("file"), str(tmp_path), "jdb", stream.name, source.account)
    stored = Extraction(source, stream, archive=True).store(slots(interval, HOUR), lake)
    before = {path: pq.ParquetFile(path).read() for path in stored.paths.values()}

    replay = Replay(hook("jdb", utc_offset="+08:00"), stream, lake)
    assert replay.store(replay.slots(interval), lake).paths == stored.paths

    assert {path: pq.ParquetFile(path).read() for path in before} == before
