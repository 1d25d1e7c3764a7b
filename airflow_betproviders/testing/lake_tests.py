"""Tests of archives and privacy: a replay rebuilds slots from archives, and no secret or personal value is stored."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, ClassVar

import pyarrow.parquet as pq
import pytest

from airflow_betproviders.declare.interval import Interval
from airflow_betproviders.extraction.privacy import PiiPolicy
from airflow_betproviders.extraction.replay import Replay
from airflow_betproviders.lake.receipt import Receipt
from airflow_betproviders.testing.desk import Desk
from airflow_betproviders.testing.expectations import Expectations

KEY = b"a key of the operator's own"
OF_THE_REPLAY = ("replayed_at", "slow_pages", "previous_rows")  # members of a receipt that a replay may change


class LakeTests:
    """Archives, replays and privacy."""

    expectations: ClassVar[Expectations]

    def test_replay_equals_the_original_and_archives_have_no_secret(self, stream_name: str, desk: Desk) -> None:
        """Slots that were read under faults are rebuilt from their archives, byte for byte, without a call."""
        stream = desk.hook.stream(stream_name)
        interval = desk.interval(stream)
        desk.filters(stream, interval)
        lake = desk.lake(stream)
        with desk.faults(0.02, "bad_row"):
            stored = desk.store(stream, interval, archive=True)
        assert stored.total("rows")
        before = {path: (_data(path), _receipt(path)) for path in stored.paths.values()}
        calls = len(desk.simulator.calls)

        replay = Replay(desk.make_hook(), stream, lake)
        again = replay.store(replay.slots(interval), lake)

        assert len(desk.simulator.calls) == calls
        assert again.paths == stored.paths
        for path, (content, receipt) in before.items():
            assert _data(path) == content
            rebuilt = _receipt(path)
            assert rebuilt["replayed_at"]
            assert rebuilt == {**receipt, **{name: rebuilt[name] for name in OF_THE_REPLAY}}
        secrets = desk.hook.secrets(desk.hook.connection)
        assert secrets
        for path in lake.archived(interval).values():
            table = pq.read_table(path, partitioning=None)
            text = repr(table.to_pylist()) + repr(pq.read_metadata(path).metadata)
            assert [secret for secret in secrets if secret in text] == []
            sent = [name for params in table["params"].to_pylist() for name in re.findall(r'"([^"]+)":', params)]
            assert self.expectations.signatures & set(sent) == set()

    def test_personal_values_are_stored_nowhere(self, desk: Desk) -> None:
        """With ``pii=`` no plain value is found in any file, name or footer, whether extracted or rebuilt."""
        rules = dict(self.expectations.pii)
        if not rules:
            pytest.skip("provider_tests(pii=...) names no column")
        stream = desk.bets
        interval = desk.interval(stream)
        plain = _plain_values(rules, desk.truth(stream, interval))
        assert plain
        desk.store(stream, interval)
        assert plain & _words(desk.folder) == plain
        policy = PiiPolicy(stream, rules, KEY, {})
        with desk.faults(0.02, "bad_row"):
            desk.store(stream, interval, pii_policy=policy)
        desk.store(stream, interval, pii_policy=policy)
        assert plain & _words(desk.folder) == set()
        hashed = [name for name, rule in rules.items() if rule == "hash"]
        for name in hashed:
            hashes = {
                str(policy.hash(str(record[name]), stream.field(name).kind)) for record in desk.truth(stream, interval)
            }
            assert {str(row[name]) for row in desk.rows(stream, interval)} == hashes
        _rebuild_with_pii(desk, interval, policy)
        _merge(desk, interval)
        assert plain & _words(desk.folder) == set()


def _rebuild_with_pii(desk: Desk, interval: Interval, policy: PiiPolicy) -> None:
    """Rebuild plain archives under the policy, then remove them."""
    stream, lake = desk.bets, desk.lake(desk.bets)
    for path in lake.stored(interval).values():
        lake.fs.rm(path)
    desk.store(stream, interval, archive=True)
    Replay(desk.hook, stream, lake, pii_policy=policy).store(desk.slots(stream, interval), lake)
    for path in lake.archived(interval).values():
        lake.fs.rm(path)


def _merge(desk: Desk, interval: Interval) -> None:
    """Merge what is stored into a bets table beside the lake, where the provider has bets."""
    from airflow_betproviders.bets_table.merge import Merge
    from airflow_betproviders.bets_table.raw_slots import find
    from airflow_betproviders.bets_table.table import BetsTable

    lake = desk.lake(desk.bets)
    (found,) = find(lake.fs, lake.root, provider=desk.provider, stream=desk.bets.name, filters=lake.filters)
    Merge(BetsTable(str(desk.folder / "bets"))).run(found, [interval])


def _words(folder: Path) -> set[str]:
    """Return every word of every path, file, column and footer under a folder."""
    found: set[str] = set()
    for path in folder.rglob("*"):
        texts = [str(path.relative_to(folder))]
        if path.suffix in {".parquet", ".archive"}:
            texts += [repr(pq.read_table(path, partitioning=None).to_pylist()), repr(pq.read_metadata(path).metadata)]
        elif path.is_file():
            texts.append(path.read_bytes().decode(errors="replace"))
        for text in texts:
            found.update(re.findall(r"[\w.]+", text))
    return found


def _plain_values(rules: dict[str, str], truth: list[dict[str, Any]]) -> set[str]:
    values = {str(record[name]) for record in truth for name in rules if record.get(name)}
    return {value for value in values if re.fullmatch(r"[\w.]{3,}", value)}


def _data(path: str) -> bytes:
    """Return the bytes of the file up to its footer."""
    content = Path(path).read_bytes()
    return content[: -8 - int.from_bytes(content[-8:-4], "little")]


def _receipt(path: str) -> dict[str, Any]:
    receipt = Receipt.from_footer(pq.read_metadata(path).metadata)
    assert receipt is not None
    return receipt.to_members()
