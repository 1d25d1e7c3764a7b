"""Fixtures: a simulator that stands still, and hooks with their connections to it. A module imports those that it uses."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, timezone
from types import SimpleNamespace
from typing import Any

import pytest
import tenacity.nap
from airflow.sdk import BaseHook, Connection

from airflow_betproviders.hooks.base import BetProviderHook
from airflow_betproviders.registry import hook_class
from airflow_betproviders.simulator import Settings, Simulator

HOUR = timedelta(hours=1)


@pytest.fixture(scope="module")
def now() -> datetime:
    return datetime.now(timezone.utc)


@pytest.fixture(scope="module")
def simulator(now: datetime, request: pytest.FixtureRequest) -> Iterator[Simulator]:
    """Stands still at the present; a module may name other settings in SETTINGS."""
    settings = {"seed": 7, "now": now, "min_interval": {}, **getattr(request.module, "SETTINGS", {})}
    with Simulator(Settings(**settings)).running() as running:
        yield running


@pytest.fixture
def hook(simulator: Simulator, monkeypatch: pytest.MonkeyPatch) -> Callable[..., BetProviderHook]:
    """Makes a hook; arguments change its connection's extra."""

    def make(provider: str, **extra: Any) -> BetProviderHook:
        given = simulator.credentials[provider]
        connection = Connection(
            conn_id=f"{provider}_default",
            **{**given, "extra": json.dumps({**given["extra"], "min_interval": 0, **extra})},
        )
        monkeypatch.setattr(BaseHook, "get_connection", classmethod(lambda cls, conn_id: connection))
        made = hook_class(provider)()
        assert made.connection is connection
        return made

    return make


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Repeat calls at once: how long they wait is another test's matter."""
    monkeypatch.setattr(tenacity.nap, "time", SimpleNamespace(sleep=lambda seconds: None))
