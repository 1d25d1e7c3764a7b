"""A quota of five calls an hour: the task defers, keeps what it has stored, and goes on; no worker is held."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from airflow_betproviders.declare.request_parameters import Limits
from airflow_betproviders.exceptions import ProviderRateLimited, ProviderUnavailable
from airflow_betproviders.extraction.fetch import rate_limiter
from airflow_betproviders.extraction.fetch.rate_limiter import LONGEST_WAIT, RateLimiter
from airflow_betproviders.providers.aig.hook import AigHook
from tests.airflow_versions import TaskDeferred
from tests.clock import Clock
from tests.conftest import MakeHook
from tests.operator_runs import bets, context, operator
from tests.recorder import Recorder, Reply, Request

pytestmark = pytest.mark.usefixtures("days_later")

HOUR = timedelta(hours=1)
MIDNIGHT = datetime(2026, 11, 20, tzinfo=timezone.utc)
QUILL = Limits(spacing=timedelta(minutes=1), page_spacing=timedelta(seconds=10), quota=(5, HOUR))


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Iterator[Clock]:
    """Time moves by sleeping and by deferring only."""
    made = Clock()
    offset = time.time() - made.now
    monkeypatch.setattr(time, "sleep", made.sleep)
    monkeypatch.setattr(time, "monotonic", made.monotonic)
    monkeypatch.setattr(time, "time", lambda: made.now + offset)
    rate_limiter._limiter.cache_clear()
    yield made
    rate_limiter._limiter.cache_clear()


def run(
    tmp_path: Path, clock: Clock, run_id: str = "one", **arguments: Any
) -> tuple[dict[str, Any], list[float], float]:
    """Run a task to its end as the triggerer would: what it says, how long it deferred each time, the longest that it held."""
    deferred, held, kwargs = [], 0.0, {}
    ti = SimpleNamespace(dag_id="bets", task_id="extract", run_id=run_id, try_number=1)
    while True:
        began = clock.now
        RateLimiter._held.clear()  # each leg runs in a process of its own
        made = operator(tmp_path, "aig", **arguments)
        try:
            summary = type(made).execute.__wrapped__(made, context(ti=ti), **kwargs)
        except TaskDeferred as it:
            held = max(held, clock.now - began)
            wait = (it.trigger.moment - datetime.now(timezone.utc)).total_seconds()
            deferred.append(wait)
            clock.now += wait
            kwargs = it.kwargs or {}
        else:
            return summary, deferred, max(held, clock.now - began)


def test_a_backfill_of_two_days_takes_the_hours_of_its_quota_without_a_worker(
    make: MakeHook, server: Recorder, clock: Clock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(AigHook, "rate_limits", QUILL)
    calls: list[float] = []

    def reply(request: Request) -> Reply:
        calls.append(clock.now)
        return bets(request)

    server.replies = reply
    make("aig", extra={"min_interval": None, "rate_limit_storage": "memory://"})
    began = clock.now
    summary, deferred, held = run(tmp_path, clock, start=MIDNIGHT, end=MIDNIGHT + 48 * HOUR, slot="6h")
    assert len(calls) == 8  # a window a slot
    assert (summary["slots"], summary["rows"], len(summary["changed"])) == (8, 48 * 3, 8)
    assert all(later - earlier > 3600 for earlier, later in zip(calls, calls[5:], strict=False))
    assert len(deferred) == 1
    assert 3600 < clock.now - began < 2 * 3600
    assert held < LONGEST_WAIT

    began = clock.now
    again, deferred, _ = run(tmp_path, clock, "two", start=MIDNIGHT, end=MIDNIGHT + 48 * HOUR, slot="6h")
    assert again["changed"] == []
    assert len(calls) == 16
    assert all(later - earlier > 3600 for earlier, later in zip(calls, calls[5:], strict=False))


def test_a_slot_that_needs_more_calls_than_the_quota_has_comes_to_an_end(
    make: MakeHook, server: Recorder, clock: Clock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Eighteen bets in pages of two: nine calls of five an hour. Begun anew after each deferral it would never end."""
    monkeypatch.setattr(AigHook, "rate_limits", QUILL)
    calls: list[float] = []

    def page(request: Request) -> Reply:
        calls.append(clock.now)
        document = bets(request).body
        first, rows = int(request.query["start_index"]), document["data"]["transactions"]
        document["data"] |= {"page_size": 2, "start_index": first, "transactions": rows[first : first + 2]}
        return Reply(document)

    server.replies = page
    make("aig", extra={"min_interval": None, "rate_limit_storage": "memory://", "page_size": 2})
    summary, _, _ = run(tmp_path, clock, start=MIDNIGHT, end=MIDNIGHT + 6 * HOUR, slot="6h")
    assert summary["rows"] == 18
    assert len(calls) <= 9 + 5
    assert all(later - earlier > 3600 for earlier, later in zip(calls, calls[5:], strict=False))


@pytest.mark.parametrize("status", [429, 503])
def test_a_provider_that_asks_to_wait_for_hours_defers_the_task(
    make: MakeHook, server: Recorder, clock: Clock, tmp_path: Path, status: int
) -> None:
    asked: list[Request] = []

    def reply(request: Request) -> Reply:
        asked.append(request)
        return Reply(b"", status=status, headers={"Retry-After": "7200"}) if len(asked) == 2 else bets(request)

    server.replies = reply
    make("aig")
    summary, deferred, _ = run(tmp_path, clock, start=MIDNIGHT, end=MIDNIGHT + 3 * HOUR)
    assert (summary["slots"], summary["rows"]) == (3, 9)
    assert deferred == pytest.approx([7200], abs=300)
    assert len(asked) <= 5  # the first slot was kept


def test_a_provider_that_never_lets_a_call_through_fails_the_task_in_the_end(
    make: MakeHook, server: Recorder, clock: Clock, tmp_path: Path
) -> None:
    server.answer(Reply(b"", status=429, headers={"Retry-After": "7200"}))
    make("aig")
    with pytest.raises((ProviderRateLimited, ProviderUnavailable)):
        run(tmp_path, clock, start=MIDNIGHT, end=MIDNIGHT + HOUR)
    assert len(server.requests) == 6
