"""Fixtures: a lake with a gap, and connections that exist only in a test."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from airflow.sdk import BaseHook, Connection

from airflow_betproviders.declare.interval import DAY
from airflow_betproviders.hooks.base import BetProviderHook
from airflow_betproviders.lake.survey import coverage
from tests.conftest import MakeHook
from tests.operator_runs import FIVE, HOUR, bets, context, execute, operator
from tests.recorder import Recorder

Connect = Callable[[Connection], None]


@pytest.fixture
def lake(make: MakeHook, server: Recorder, tmp_path: Path, quick: None, monkeypatch: pytest.MonkeyPatch) -> str:
    """Return a lake with two hours stored and the one between them missing."""
    make("aig")
    server.replies = bets
    monkeypatch.setattr(BetProviderHook, "now", lambda self: FIVE + 4 * HOUR)
    for number, start in enumerate((FIVE, FIVE + 2 * HOUR)):
        made = operator(tmp_path, "aig", start=start, end=start + HOUR)
        ctx = context()
        ctx["ti"].run_id = f"run_{number}"
        execute(made, ctx)
    return f"file://{tmp_path}/lake"


@pytest.fixture
def days_later(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the machine's clock say, whatever the date is, that the provider still has the missing hour."""
    survey, now = coverage.survey, FIVE + 3 * DAY
    monkeypatch.setattr(coverage, "survey", lambda *args, **options: survey(*args, **{**options, "now": now}))


@pytest.fixture
def connect(monkeypatch: pytest.MonkeyPatch) -> Connect:
    """Make `BaseHook.get_connection` return a connection of the test's own, beside the existing ones."""

    def add(connection: Connection) -> None:
        earlier = BaseHook.get_connection
        monkeypatch.setattr(
            BaseHook,
            "get_connection",
            classmethod(lambda cls, conn_id: connection if conn_id == connection.conn_id else earlier(conn_id)),
        )

    return add
