"""After runs with pii= no plain value is found anywhere in the store: searched, bets table included."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import fsspec
import pyarrow.parquet as pq
import pytest

from airflow_betproviders.bets_table.merge import Merge
from airflow_betproviders.bets_table.raw_slots import find
from airflow_betproviders.bets_table.table import BetsTable
from airflow_betproviders.declare.interval import Interval, slots
from airflow_betproviders.extraction.privacy import PiiPolicy
from airflow_betproviders.extraction.replay import Replay
from airflow_betproviders.extraction.slots import Extraction
from airflow_betproviders.hooks.base import BetProviderHook
from airflow_betproviders.lake.layout import Lake
from airflow_betproviders.simulator import Simulator
from tests.conformance.conftest import HOUR
from tests.conformance.test_two_days import FAULTS

KEY = b"a key of the operator's own"
RULES: dict[str, tuple[str, dict[str, str]]] = {
    "pv": ("history", {"user_id": "hash", "op_id": "drop"}),
    "aig": ("transactions", {"user_id": "hash"}),
    "jdb": ("transactions", {"playerId": "hash", "playerIp": "drop"}),
    "gmag": ("game_history", {"playerId": "hash", "sessionId": "drop"}),
}


def words(folder: Path) -> set[str]:
    """Every word of every path, file, column and footer under a folder."""
    found: set[str] = set()
    for path in folder.rglob("*"):
        texts = [str(path.relative_to(folder))]
        if path.suffix == ".parquet":
            texts += [repr(pq.read_table(path, partitioning=None).to_pylist()), repr(pq.read_metadata(path).metadata)]
        elif path.is_file():
            texts.append(path.read_text())
        for text in texts:
            found.update(re.findall(r"[\w.]+", text))
    return found


def plain_values(rules: dict[str, str], truth: list[dict[str, Any]]) -> set[str]:
    values = {str(record[name]) for record in truth for name in rules if record.get(name)}
    return {value for value in values if re.fullmatch(r"[\w.]+", value)}


@pytest.mark.parametrize("provider", RULES)
def test_no_plain_value_is_left_anywhere(
    provider: str, hook: Callable[..., BetProviderHook], simulator: Simulator, now: datetime, tmp_path: Path
) -> None:
    source = hook(provider)
    name, rules = RULES[provider]
    stream = source.stream(name)
    end = now.replace(hour=1, minute=0, second=0, microsecond=0) - timedelta(days=1)
    interval = Interval(end - 3 * HOUR, end)
    plain = plain_values(rules, simulator.truth(provider, name, interval.start, interval.end))
    assert len(plain) > 20
    tables = {}
    # As it is, concealed as it is read, and concealed when it is rebuilt from the archive of the first.
    for kind in ("plain", "concealed", "rebuilt"):
        conceal = PiiPolicy(stream, rules, KEY, {}) if kind != "plain" else None
        lake = Lake(fsspec.filesystem("file"), str(tmp_path / kind / "raw"), provider, name, source.account)
        if kind == "rebuilt":
            old = Lake(lake.fs, str(tmp_path / "plain" / "raw"), provider, name, source.account)
            for slot, path in old.archived(interval).items():
                lake.fs.makedirs(lake.archive(slot).rpartition("/")[0], exist_ok=True)
                lake.fs.copy(path, lake.archive(slot))
            Replay(source, stream, lake, pii_policy=conceal).store(slots(interval, HOUR), lake)
            lake.fs.rm(f"{lake.base}/_archive", recursive=True)
        else:
            for fault in (*FAULTS, "bad_row"):
                simulator.faults.set(fault, 0.02)
            for fault in ("bad_row", "unknown_field", "duplicate_key"):
                simulator.faults.set(fault, 0.5)
            try:
                extraction = Extraction(source, stream, archive=conceal is None, pii_policy=conceal)
                stored = extraction.store(slots(interval, HOUR), lake)
            finally:
                simulator.faults.clear()
            assert stored.total("bad_rows")
        table = BetsTable(str(tmp_path / kind / "bets"))
        (found,) = find(lake.fs, lake.root, provider=provider)
        Merge(table).run(found, [interval])
        tables[kind] = {row["bet_id"]: row for row in table.open().to_pyarrow_table().to_pylist()}
        left = plain & words(tmp_path / kind)
        assert left == (plain if kind == "plain" else set())

    by = PiiPolicy(stream, rules, KEY, {})
    player = next(column for column, rule in rules.items() if rule == "hash")
    truth = simulator.truth(provider, name, interval.start, interval.end)
    hashes = {str(by.hash(str(record[player]), stream.field(player).kind)) for record in truth}
    assert {row["player_id"] for row in tables["rebuilt"].values()} <= hashes
    # The same bets but for the players: amounts, times and states are untouched.
    same = ("stake", "payout", "net", "status", "placed_at", "round_id")
    worth = [sorted(repr([row[c] for c in same]) for row in tables[kind].values()) for kind in ("plain", "rebuilt")]
    assert worth[0] == worth[1]
    players = [len({row["player_id"] for row in tables[kind].values()}) for kind in ("plain", "rebuilt")]
    assert players[0] == players[1] > 10
