"""Two days of the main streams with everything that goes wrong: the files equal the truth, and the provider sees no breach."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import fsspec
import pytest

from airflow_betproviders.declare.interval import Interval, slots
from airflow_betproviders.extraction.slots import Extraction
from airflow_betproviders.hooks.base import BetProviderHook
from airflow_betproviders.lake.layout import Lake
from airflow_betproviders.simulator import Simulator
from tests.conformance.conftest import HOUR
from tests.conformance.test_every_stream import stored_rows
from tests.conformance.wire import differences

SETTINGS = {
    "options": {"jdb": {"window": "[]", "doubled_keys": True}, "gmag": {"window": "[]"}},
    "late_share": 0.2,
    "rate": 600.0,
}
FAULTS = (
    "http_500", "http_502_html", "html_200", "reset", "cut_json", "rate", "http_429", "busy",
    "drift", "duplicate", "repeated_page", "type_drift", "unknown_field", "duplicate_key",
)  # fmt: skip
STREAMS = [
    ("pv", "history"),
    ("pv", "games_game_history"),
    ("aig", "transactions"),
    ("aig", "latest"),
    ("jdb", "transactions"),
    ("gmag", "game_history"),
    ("gmag", "game_transactions"),
    ("gmag", "extra_transactions"),
]


@pytest.mark.slow
@pytest.mark.parametrize(("provider", "name"), STREAMS)
def test_two_days_with_faults(
    provider: str,
    name: str,
    hook: Callable[..., BetProviderHook],
    simulator: Simulator,
    now: datetime,
    tmp_path: Path,
) -> None:
    source = hook(provider)
    stream = source.stream(name)
    end = now.replace(hour=1, minute=0, second=0, microsecond=0) - timedelta(days=1)
    interval = Interval(end - 48 * HOUR, end)
    filters = {"game_id": 2011} if "game_id" in stream.filters else {}
    lake = Lake(fsspec.filesystem("file"), str(tmp_path), provider, name, source.account, filters)
    before = len(simulator.breaches)
    for kind in FAULTS:
        simulator.faults.set(kind, 0.05 / len(FAULTS) * 4)
    try:
        stored = Extraction(source, stream, filters).store(slots(interval, HOUR), lake)
    finally:
        simulator.faults.clear()
    truth = simulator.truth(provider, name, interval.start, interval.end, filters)
    assert len(truth) > 48
    assert differences(provider, name, truth, stored_rows(lake, interval)) == []
    assert simulator.breaches[before:] == []
    assert stored.total("bad_rows") == 0
