"""What was archived of any stream gives the same data again, and holds nothing that an account must keep secret."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import fsspec
import pyarrow.parquet as pq
import pytest

from airflow_betproviders.declare.interval import slots
from airflow_betproviders.extraction.replay import Replay
from airflow_betproviders.extraction.slots import Extraction
from airflow_betproviders.hooks.base import BetProviderHook
from airflow_betproviders.lake.layout import Lake
from airflow_betproviders.lake.receipt import Receipt
from airflow_betproviders.simulator import Simulator
from tests.conformance.conftest import HOUR
from tests.conformance.test_every_stream import STREAMS, filters_of, interval_of
from tests.conformance.test_two_days import FAULTS

SETTINGS = {
    "options": {"jdb": {"window": "[]", "doubled_keys": True}, "gmag": {"window": "[]"}},
    "late_share": 0.2,
    "rate": 600.0,
}
SIGNATURES = {"sign", "hash", "x"}


@contextmanager
def trouble(simulator: Simulator) -> Iterator[None]:
    """A call in five meets a fault, a bad row among them."""
    for kind in (*FAULTS, "bad_row"):
        simulator.faults.set(kind, 0.02)
    try:
        yield
    finally:
        simulator.faults.clear()


@contextmanager
def signatures(source: BetProviderHook, monkeypatch: pytest.MonkeyPatch) -> Iterator[set[str]]:
    """Every signature that is sent."""
    sent: set[str] = set()
    signed = source.signed

    def noting(endpoint: str | int, params: Mapping[str, Any]) -> Any:
        request = signed(endpoint, params)
        for place in (request.params, request.json, request.data):
            sent.update(value for name, value in dict(place or {}).items() if name in SIGNATURES)
        return request

    with monkeypatch.context() as patch:
        patch.setattr(source, "signed", noting)
        yield sent


def data_bytes(path: str) -> bytes:
    """The file up to its footer."""
    content = Path(path).read_bytes()
    return content[: -8 - int.from_bytes(content[-8:-4], "little")]


def receipt_of(path: str) -> dict[str, Any]:
    receipt = Receipt.from_footer(pq.read_metadata(path).metadata)
    assert receipt is not None
    return vars(receipt)


@pytest.mark.parametrize(("provider", "name"), STREAMS)
def test_a_replay_equals_the_original_and_the_archive_has_no_secret(
    provider: str,
    name: str,
    hook: Callable[..., BetProviderHook],
    simulator: Simulator,
    now: datetime,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    source = hook(provider)
    stream = source.stream(name)
    interval = interval_of(source, name, now)
    filters = filters_of(simulator, source, name, interval)
    width = HOUR / 4 if stream.retention and stream.retention < 3 * HOUR else stream.slot
    cut = slots(interval, width, stream.day_start_offset)
    lake = Lake(fsspec.filesystem("file"), str(tmp_path), provider, name, source.account, filters)
    with trouble(simulator), signatures(source, monkeypatch) as sent:
        stored = Extraction(source, stream, filters, archive=True).store(cut, lake)
    assert stored.total("rows")
    before = {path: (data_bytes(path), receipt_of(path)) for path in stored.paths.values()}
    bad = {path: path.read_bytes() for path in tmp_path.rglob("*.jsonl")}
    calls = len(simulator.calls)

    # The account's offset may be set to another since: the archive knows which it was.
    replay = Replay(hook(provider, utc_offset="+08:00"), stream, lake)
    again = replay.store(replay.slots(interval), lake)

    assert len(simulator.calls) == calls
    assert again.paths == stored.paths
    for path, (content, receipt) in before.items():
        assert data_bytes(path) == content
        rebuilt = receipt_of(path)
        assert rebuilt["replayed_at"]
        # Which way a page goes may depend on the names that others had before it; what it gives does not.
        own = {name: rebuilt[name] for name in ("replayed_at", "slow_pages")}
        assert rebuilt == {**receipt, **own, "previous_rows": receipt["rows"]}
    assert {path: path.read_bytes() for path in tmp_path.rglob("*.jsonl")} == bad

    given = simulator.credentials[provider]
    secrets = {given["password"], given["extra"].get("iv_secret"), *sent} - {None}
    assert len(secrets) > 1
    for path in lake.archived(interval).values():
        table = pq.read_table(path, partitioning=None)
        text = repr(table.to_pylist()) + repr(pq.read_metadata(path).metadata)
        assert [secret for secret in secrets if secret in text] == []
        assert not any(f'"{name}"' in params for name in (*SIGNATURES, "key") for params in table["params"].to_pylist())
