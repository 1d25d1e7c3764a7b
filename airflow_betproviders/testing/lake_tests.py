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
from airflow_betproviders.testing.expectations import Expectations
from airflow_betproviders.testing.vendor_account import VendorAccount

KEY = b"a key of the operator's own"
REPLAY_MEMBERS = ("replayed_at", "slow_pages", "previous_rows")  # members of a receipt that a replay may change


class LakeTests:
    """Archives, replays and privacy."""

    expectations: ClassVar[Expectations]

    def test_replay_equals_the_original_and_archives_have_no_secret(
        self, stream_name: str, vendor_account: VendorAccount
    ) -> None:
        """Slots that were read under faults are rebuilt from their archives, byte for byte, without a call."""
        stream = vendor_account.hook.stream(stream_name)
        interval = vendor_account.interval(stream)
        vendor_account.filters(stream, interval)
        lake = vendor_account.lake(stream)
        with vendor_account.faults(0.02, "bad_row"):
            stored = vendor_account.store(stream, interval, archive=True)
        assert stored.total("rows")
        before = {path: (_data(path), _receipt(path)) for path in stored.paths.values()}
        calls = len(vendor_account.simulator.calls)

        replay = Replay(vendor_account.make_hook(), stream, lake)
        again = replay.store(replay.slots(interval), lake)

        assert len(vendor_account.simulator.calls) == calls
        assert again.paths == stored.paths
        for path, (content, receipt) in before.items():
            assert _data(path) == content
            rebuilt = _receipt(path)
            assert rebuilt["replayed_at"]
            assert rebuilt == {**receipt, **{name: rebuilt[name] for name in REPLAY_MEMBERS}}
        secrets = vendor_account.hook.secrets(vendor_account.hook.connection)
        assert secrets
        for path in lake.archived(interval).values():
            table = pq.read_table(path, partitioning=None)
            text = repr(table.to_pylist()) + repr(pq.read_metadata(path).metadata)
            assert [secret for secret in secrets if secret in text] == []
            sent = [name for params in table["params"].to_pylist() for name in re.findall(r'"([^"]+)":', params)]
            assert self.expectations.signatures & set(sent) == set()

    def test_personal_values_are_stored_nowhere(self, vendor_account: VendorAccount) -> None:
        """With ``pii=`` no plain value is found in any file, name or footer, whether extracted or rebuilt."""
        rules = dict(self.expectations.pii)
        if not rules:
            pytest.skip("provider_tests(pii=...) names no column")
        stream = vendor_account.bets
        interval = vendor_account.interval(stream)
        plain = _plain_values(rules, vendor_account.expected_records(stream, interval))
        assert plain
        vendor_account.store(stream, interval)
        assert plain & _words(vendor_account.folder) == plain
        policy = PiiPolicy(stream, rules, KEY, {})
        with vendor_account.faults(0.02, "bad_row"):
            vendor_account.store(stream, interval, pii_policy=policy)
        vendor_account.store(stream, interval, pii_policy=policy)
        assert plain & _words(vendor_account.folder) == set()
        hashed = [name for name, rule in rules.items() if rule == "hash"]
        for name in hashed:
            hashes = {
                str(policy.hash(str(record[name]), stream.field(name).kind))
                for record in vendor_account.expected_records(stream, interval)
            }
            assert {str(row[name]) for row in vendor_account.rows(stream, interval)} == hashes
        _rebuild_with_pii(vendor_account, interval, policy)
        _merge(vendor_account, interval)
        assert plain & _words(vendor_account.folder) == set()


def _rebuild_with_pii(vendor_account: VendorAccount, interval: Interval, policy: PiiPolicy) -> None:
    """Rebuild plain archives under the policy, then remove them."""
    stream, lake = vendor_account.bets, vendor_account.lake(vendor_account.bets)
    for path in lake.stored(interval).values():
        lake.fs.rm(path)
    vendor_account.store(stream, interval, archive=True)
    Replay(vendor_account.hook, stream, lake, pii_policy=policy).store(vendor_account.slots(stream, interval), lake)
    for path in lake.archived(interval).values():
        lake.fs.rm(path)


def _merge(vendor_account: VendorAccount, interval: Interval) -> None:
    """Merge what is stored into a bets table beside the lake, where the provider has bets."""
    from airflow_betproviders.bets_table.merge import Merge
    from airflow_betproviders.bets_table.raw_slots import find_raw_streams
    from airflow_betproviders.bets_table.table import BetsTable

    lake = vendor_account.lake(vendor_account.bets)
    (raw_stream,) = find_raw_streams(
        lake.fs, lake.root, provider=vendor_account.provider, stream=vendor_account.bets.name, filters=lake.filters
    )
    Merge(BetsTable(str(vendor_account.folder / "bets"))).run(raw_stream, [interval])


def _words(folder: Path) -> set[str]:
    """Return every word of every path, file, column and footer under a folder."""
    words: set[str] = set()
    for path in folder.rglob("*"):
        texts = [str(path.relative_to(folder))]
        if path.suffix in {".parquet", ".archive"}:
            texts += [repr(pq.read_table(path, partitioning=None).to_pylist()), repr(pq.read_metadata(path).metadata)]
        elif path.is_file():
            texts.append(path.read_bytes().decode(errors="replace"))
        for text in texts:
            words.update(re.findall(r"[\w.]+", text))
    return words


def _plain_values(rules: dict[str, str], records: list[dict[str, Any]]) -> set[str]:
    values = {str(record[name]) for record in records for name in rules if record.get(name)}
    return {value for value in values if re.fullmatch(r"[\w.]{3,}", value)}


def _data(path: str) -> bytes:
    """Return the bytes of the file up to its footer."""
    content = Path(path).read_bytes()
    return content[: -8 - int.from_bytes(content[-8:-4], "little")]


def _receipt(path: str) -> dict[str, Any]:
    receipt = Receipt.from_footer(pq.read_metadata(path).metadata)
    assert receipt is not None
    return receipt.to_members()
