"""Each reading of a question that a vendor's document leaves open: the files equal the truth, or the task's error says why not."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import fsspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from airflow.sdk import BaseHook, Connection

from airflow_betproviders.declare.interval import Interval, slots
from airflow_betproviders.exceptions import IncompleteWindow, ProviderRequestError
from airflow_betproviders.extraction.slots import Extraction, Stored
from airflow_betproviders.lake.layout import Lake
from airflow_betproviders.registry import hook_class
from airflow_betproviders.simulator import Settings, Simulator
from tests.conformance.wire import differences
from tests.simulated import HOUR

NOW = datetime.now(timezone.utc)
MIDNIGHT = NOW.replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=1)
NIGHT = Interval(MIDNIGHT - 2 * HOUR, MIDNIGHT + 2 * HOUR)


class Account:
    """One provider's account at a simulator with settings of its own, and a lake."""

    def __init__(
        self, simulator: Simulator, provider: str, folder: Path, monkeypatch: pytest.MonkeyPatch, **extra: Any
    ):
        given = simulator.credentials[provider]
        merged = {**given["extra"], "min_interval": 0, **extra}
        connection = Connection(conn_id=f"{provider}_default", **{**given, "extra": json.dumps(merged)})
        monkeypatch.setattr(BaseHook, "get_connection", classmethod(lambda cls, conn_id: connection))
        self.simulator, self.provider, self.hook = simulator, provider, hook_class(provider)()
        assert self.hook.connection is connection
        self.folder = folder

    def store(self, interval: Interval, name: str | None = None, slot: timedelta = HOUR, **filters: Any) -> Stored:
        stream = self.hook.stream(name)
        self.lake = Lake(
            fsspec.filesystem("file"), str(self.folder), self.provider, stream.name, self.hook.account, filters
        )
        return Extraction(self.hook, stream, filters).store(slots(interval, slot), self.lake)

    def differences(self, interval: Interval, name: str | None = None, **filters: Any) -> list[str]:
        stream = self.hook.stream(name)
        truth = self.simulator.truth(self.provider, stream.name, interval.start, interval.end, filters)
        assert truth
        offset = self.simulator.credentials["jdb"]["extra"]["utc_offset"]
        rows = stored_rows(self.lake, interval)
        return differences(self.provider, stream.name, truth, rows, utc_offset=offset)


@pytest.fixture
def account(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Account]:
    provider, settings, extra = request.param
    with Simulator(Settings(seed=11, **{"now": NOW, "min_interval": {}, **settings})).running() as simulator:
        yield Account(simulator, provider, tmp_path, monkeypatch, **extra)


def setting(
    provider: str, extra: dict[str, Any] | None = None, settings: dict[str, Any] | None = None, **options: Any
) -> Any:
    """Return a provider, what its connection's extra has, settings of the simulator, and options of the vendor."""
    name = "-".join([provider, *(f"{k}={v}" for k, v in {**(settings or {}), **options}.items())])
    return pytest.param((provider, {"options": {provider: options}, **(settings or {})}, extra or {}), id=name)


@pytest.mark.slow
@pytest.mark.parametrize(
    "account",
    [
        setting("jdb", {"utc_offset": "+08:00"}, utc_offset="+08:00"),
        setting("jdb", {"request_style": "form"}),
        setting("jdb", {"request_style": "query"}),
    ],
    indirect=True,
)
def test_each_setting_of_an_account_stores_the_truth(account: Account) -> None:
    account.store(NIGHT)
    assert account.differences(NIGHT) == []
    assert account.simulator.breaches == []


@pytest.mark.slow
@pytest.mark.parametrize(
    "account", [setting("gmag", {}, {"rate": 60_000}, cap=cap) for cap in ("paged", "capped")], indirect=True
)
def test_a_window_with_more_rows_than_gmag_answers_is_split(account: Account) -> None:
    quarter = Interval(NIGHT.start, NIGHT.start + HOUR / 4)
    stored = account.store(quarter, slot=HOUR / 4)
    assert stored.total("rows") > 10_000  # the cap
    assert account.differences(quarter) == []


@pytest.mark.parametrize("account", [setting("jdb", {"utc_offset": "+08:00"})], indirect=True)
def test_the_connection_test_names_a_wrong_zone(account: Account) -> None:
    account.simulator.set_now(None)  # the call is for the last minutes, by the worker's clock
    works, message = account.hook.test_connection()
    assert not works
    assert "utc_offset" in message


@pytest.mark.parametrize("account", [setting("jdb")], indirect=True)
def test_rows_outside_the_window_raise_an_error_that_names_the_zone(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(type(account.hook), "utc_offset", timedelta(hours=8))
    asked = account.hook.stream().time
    object.__setattr__(asked, "offset", timedelta(hours=-4))
    try:
        with pytest.raises(ProviderRequestError, match="utc_offset"):
            account.store(Interval(NIGHT.start, NIGHT.start + HOUR))
    finally:
        object.__setattr__(asked, "offset", None)


@pytest.mark.parametrize("account", [setting("pv", {}, {"rate": 60}, midnight="refuse")], indirect=True)
def test_pv_refuses_midnight_and_the_summary_proves_the_last_second_empty(account: Account) -> None:
    last_second = Interval(MIDNIGHT - timedelta(seconds=1), MIDNIGHT)
    for days in range(1, 30):
        shift = timedelta(days=days)
        quiet = not account.simulator.truth("pv", "history", last_second.start - shift, last_second.end - shift)
        night = Interval(NIGHT.start - shift, NIGHT.end - shift)
        if quiet:
            account.store(night)
            assert account.differences(night) == []
            return
    pytest.fail("no night without a bet in its last second")


@pytest.mark.slow
@pytest.mark.parametrize("account", [setting("pv", {}, {"rate": 36_000}, midnight="refuse")], indirect=True)
def test_pv_refuses_midnight_and_the_task_fails_when_bets_would_be_lost(account: Account) -> None:
    with pytest.raises(IncompleteWindow, match="bets in the last second"):
        account.store(NIGHT)


@pytest.mark.parametrize(
    "account", [setting("aig", {"min_interval": 0.3}, {"min_interval": {"aig": 0.3}})], indirect=True
)
def test_the_rate_is_kept_from_task_to_task(account: Account) -> None:
    for hour in slots(NIGHT, HOUR):
        fresh = hook_class("aig")()
        lake = Lake(fsspec.filesystem("file"), str(account.folder), "aig", "transactions", "agent001", {})
        Extraction(fresh, fresh.stream()).store([hour], lake)
    assert len(account.simulator.calls) >= 4
    assert account.simulator.breaches == []


def stored_rows(lake: Lake, interval: Interval) -> list[dict[str, Any]]:
    tables = [pq.read_table(path, partitioning=None) for path in sorted(lake.stored(interval).values())]
    return pa.concat_tables(tables).to_pylist() if tables else []
