"""Every stream of every provider: what lands is what the provider sent, and no rule of the provider is broken."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from airflow_betproviders.declare.interval import Interval, slots
from airflow_betproviders.extraction.decode import columns
from airflow_betproviders.extraction.slots import Extraction
from airflow_betproviders.hooks.base import BetProviderHook
from airflow_betproviders.lake.layout import Lake
from airflow_betproviders.lake.receipt import Receipt
from airflow_betproviders.registry import streams_of
from airflow_betproviders.simulator import Simulator
from tests.conformance.conftest import HOOKS, HOUR
from tests.conformance.wire import differences

STREAMS = [(provider, stream.name) for provider in HOOKS for stream in streams_of(provider)]
DAY = timedelta(days=1)


def interval_of(hook: BetProviderHook, name: str, now: datetime) -> Interval:
    """A stretch of slots that the stream still gives: a day of daily ones, three hours of others."""
    stream = hook.stream(name)
    if stream.windows is None:
        return hook.today()
    if stream.slot == DAY:
        end = now.replace(hour=0, minute=0, second=0, microsecond=0) - DAY + stream.day_start_offset
        return Interval(end - DAY, end)
    if stream.retention and stream.retention < 3 * HOUR:
        end = now.replace(minute=now.minute // 15 * 15, second=0, microsecond=0) - HOUR / 4
        return Interval(end - HOUR, end)
    end = now.replace(hour=1, minute=0, second=0, microsecond=0) - DAY
    return Interval(end - 3 * HOUR, end)


def filters_of(simulator: Simulator, hook: BetProviderHook, name: str, interval: Interval) -> dict[str, Any]:
    """A player or a game that has bets, where the stream wants one."""
    stream = hook.stream(name)
    if stream.one_of:
        bets = simulator.truth("pv", "history", interval.start, interval.end)
        slots_only = name.startswith("slots")
        types = {
            game["game_id"]: game["game_type"] for game in simulator.truth("pv", "games", interval.start, interval.end)
        }
        players = [bet["user_id"] for bet in bets if (types[bet["game_id"]] == "Slots") is slots_only]
        return {"user_id": max(set(players), key=players.count)}
    if "game_id" in stream.filters:
        bets = simulator.truth("pv", "history", interval.start, interval.end)
        types = {
            game["game_id"]: game["game_type"] for game in simulator.truth("pv", "games", interval.start, interval.end)
        }
        games = [bet["game_id"] for bet in bets if types[bet["game_id"]] != "Slots"]
        return {"game_id": max(set(games), key=games.count)}
    if "gType" in stream.filters:
        return {"gType": 0}
    return {}


def stored_rows(lake: Lake, interval: Interval) -> list[dict[str, Any]]:
    tables = [pq.read_table(path, partitioning=None) for path in sorted(lake.stored(interval).values())]
    return pa.concat_tables(tables).to_pylist() if tables else []


@pytest.mark.parametrize(("provider", "name"), STREAMS)
def test_what_lands_is_what_was_sent(
    provider: str,
    name: str,
    hook: Callable[..., BetProviderHook],
    simulator: Simulator,
    now: datetime,
    tmp_path: Path,
) -> None:
    source = hook(provider)
    stream = source.stream(name)
    interval = interval_of(source, name, now)
    filters = filters_of(simulator, source, name, interval)
    stream.check_filters(filters)
    source.check_time(stream, interval)
    width = HOUR / 4 if stream.retention and stream.retention < 3 * HOUR else stream.slot
    lake = Lake(fsspec.filesystem("file"), str(tmp_path), provider, name, source.account, filters)
    before = len(simulator.breaches)

    stored = Extraction(source, stream, filters).store(slots(interval, width, stream.day_start_offset), lake)

    truth = simulator.truth(provider, name, interval.start, interval.end, filters)
    rows = stored_rows(lake, interval)
    assert truth, "the test needs rows to compare"
    assert differences(provider, name, truth, rows) == []
    assert simulator.breaches[before:] == []
    assert stored.total("rows") == len(truth)
    for path in stored.paths.values():
        footer = pq.read_metadata(path)
        receipt = Receipt.from_footer(footer.metadata)
        assert receipt is not None
        assert receipt.rows == footer.num_rows
        assert pq.read_schema(path).remove_metadata() == columns.schema(stream.fields)


@pytest.mark.parametrize(("provider", "name"), STREAMS)
def test_a_data_frame_is_the_same(
    provider: str, name: str, hook: Callable[..., BetProviderHook], simulator: Simulator, now: datetime
) -> None:
    source = hook(provider)
    interval = interval_of(source, name, now)
    filters = filters_of(simulator, source, name, interval)
    frame = source.get_df(name, interval.start, interval.end, **filters)
    truth = simulator.truth(provider, name, interval.start, interval.end, filters)
    rows = pa.Table.from_pandas(frame, preserve_index=False).to_pylist()
    if source.stream(name).windows and not source.stream(name).windows.divisible:  # type: ignore[union-attr]
        assert len(rows) == len(truth)
    else:
        assert differences(provider, name, truth, rows) == []


@pytest.mark.parametrize("provider", HOOKS)
def test_the_connection_test_makes_one_real_call(
    provider: str, hook: Callable[..., BetProviderHook], simulator: Simulator
) -> None:
    before = len(simulator.calls)
    works, message = hook(provider).test_connection()
    assert works, message
    assert len(simulator.calls) == before + 1
