"""A backfill keeps Quill's quota on a simulated clock: it takes the hours that the quota requires, and holds no worker."""

from __future__ import annotations

import json
import time
from datetime import datetime, timedelta, timezone
from types import SimpleNamespace

import pytest
from airflow.sdk import BaseHook, Connection
from airflow.sdk.exceptions import TaskDeferred
from airflow_provider_quill import simulator as quill

from airflow_betproviders.extraction.fetch.rate_limiter import RateLimiter
from airflow_betproviders.operators.extract import ExtractToParquetOperator
from airflow_betproviders.simulator import Settings, Simulator

HOUR = timedelta(hours=1)
LONGEST_HELD = 900.0


class SimulatedTime:
    """Time that moves by sleeping and deferring only, for the worker and for the vendor."""

    def __init__(self, simulator, monkeypatch):
        self.passed = 0.0
        self._simulator = simulator
        started = time.time()
        monkeypatch.setattr(time, "sleep", self.move)
        monkeypatch.setattr(time, "monotonic", lambda: 1000.0 + self.passed)
        monkeypatch.setattr(time, "time", lambda: started + self.passed)

    def move(self, seconds):
        self.passed += seconds
        self._simulator.advance(timedelta(seconds=seconds))


@pytest.fixture
def simulator():
    now = datetime.now(timezone.utc)
    with Simulator(
        Settings(now=now, rate=60, options={"quill": {"page_spacing": 10.0}}), {"quill": quill}
    ).running() as it:
        yield it


def run(operator, simulated, context):
    """Run a task to its end, as worker and triggerer would. Return its summary, and how long each leg held a worker."""
    held, arguments = [], {}
    while True:
        began = simulated.passed
        RateLimiter._held.clear()  # each leg runs in a process of its own
        try:
            summary = type(operator).execute.__wrapped__(operator, context, **arguments)
        except TaskDeferred as deferred:
            held.append(simulated.passed - began)
            simulated.move(max(0.0, (deferred.trigger.moment - datetime.now(timezone.utc)).total_seconds()))
            arguments = deferred.kwargs or {}
        else:
            return summary, [*held, simulated.passed - began]


def test_two_days_of_a_currency_take_the_hours_that_they_must(simulator, monkeypatch, tmp_path):
    given = simulator.credentials["quill"]
    extra = {**given["extra"], "rate_limit_storage": "memory://"}
    connection = Connection(conn_id="quill_default", **{**given, "extra": json.dumps(extra)})
    monkeypatch.setattr(BaseHook, "get_connection", classmethod(lambda cls, conn_id: connection))
    simulated = SimulatedTime(simulator, monkeypatch)
    midnight = simulator.now.replace(hour=0, minute=0, second=0, microsecond=0)
    operator = ExtractToParquetOperator(
        task_id="extract",
        conn_id="quill_default",
        path=f"file://{tmp_path}",
        start=midnight - 72 * HOUR,
        end=midnight - 24 * HOUR,
        filters={"currency": "PHP"},
    )
    context = {
        "ti": SimpleNamespace(dag_id="bets", task_id="extract", run_id="manual__1", try_number=1),
        "outlet_events": {asset: SimpleNamespace() for asset in operator.outlets},
    }

    summary, held = run(operator, simulated, context)

    truth = simulator.truth("quill", "history", midnight - 72 * HOUR, midnight - 24 * HOUR, {"currency": "PHP"})
    assert (summary["slots"], summary["rows"]) == (8, len(truth))
    assert simulator.breaches == []
    calls = len(simulator.calls)
    assert simulated.passed >= (calls - 1) // 5 * 3600
    assert simulated.passed < (calls // 5 + 1) * 3600
    assert len(held) == (calls - 1) // 5 + 1
    assert max(held) < LONGEST_HELD
