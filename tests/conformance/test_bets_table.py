"""The bets table against the simulator's truth, mapped by hand from the vendors' documents, before and after late changes."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import fsspec
import pytest

from airflow_betproviders.bets_table.merge import Merge
from airflow_betproviders.bets_table.raw_slots import find
from airflow_betproviders.bets_table.table import BetsTable
from airflow_betproviders.declare.interval import Interval, slots
from airflow_betproviders.extraction.slots import Extraction
from airflow_betproviders.hooks.base import BetProviderHook
from airflow_betproviders.lake.layout import Lake
from airflow_betproviders.simulator import Simulator
from tests.conformance.by_hand import BY_HAND, Worth
from tests.conformance.conftest import HOUR

SETTINGS = {"rate": 90.0, "late_share": 0.4}
STREAMS = {"pv": "history", "aig": "transactions", "jdb": "transactions", "gmag": "game_history"}


@pytest.mark.slow
@pytest.mark.parametrize("provider", STREAMS)
def test_the_table_follows_the_truth(
    provider: str,
    hook: Callable[..., BetProviderHook],
    simulator: Simulator,
    now: datetime,
    tmp_path: Path,
) -> None:
    """What is merged hour by hour just after each hour, and again when bets were settled late, changed and made void."""
    source = hook(provider)
    stream = source.stream(STREAMS[provider])
    begin = now.replace(minute=0, second=0, microsecond=0) - 30 * HOUR
    raw = Lake(fsspec.filesystem("file"), str(tmp_path / "raw"), provider, stream.name, source.account)
    table = BetsTable(str(tmp_path / "bets"))

    def load(interval: Interval) -> Any:
        Extraction(source, stream).store(slots(interval, HOUR), raw)
        (found,) = find(raw.fs, raw.root, provider=provider)
        return Merge(table).run(found, [interval])

    def stored() -> dict[str, Worth]:
        rows = table.open().to_pyarrow_table().to_pylist()
        live = {
            row["bet_id"]: (row["status"], row["stake"], row["payout"], row["net"])
            for row in rows
            if not row["missing_since"]
        }
        assert len({row["bet_id"] for row in rows}) == len(rows)
        return live

    def truth(until: datetime) -> dict[str, Worth]:
        records = simulator.truth(provider, stream.name, begin, until)
        assert len(records) > 100
        return dict(BY_HAND[provider](record) for record in records)

    middle, end = begin + 3 * HOUR, begin + 8 * HOUR
    try:
        for hour in range(3):
            simulator.set_now(begin + (hour + 1) * HOUR + timedelta(minutes=70))
            load(Interval(begin + hour * HOUR, begin + (hour + 1) * HOUR))
        early = stored()
        simulator.set_now(end + 6 * HOUR)
        tally = load(Interval(begin, end))
        assert tally.slots == 8
        assert stored() == truth(end)
        assert provider == "pv" or {name: early[name] for name in early if early[name] != stored().get(name)}
        assert load(Interval(begin, middle)).added == 0
        assert stored() == truth(end)
    finally:
        simulator.set_now(now)
