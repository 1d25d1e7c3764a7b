"""The sensor waits for complete data, without a worker."""

from __future__ import annotations

import time
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from airflow_betproviders.exceptions import StoreError, WindowExpired
from airflow_betproviders.hooks.base import BetProviderHook
from airflow_betproviders.lake.survey import coverage as survey
from airflow_betproviders.sensors.complete import BetsCompleteSensor
from airflow_betproviders.task.airflow_exceptions import AirflowSensorTimeout, AirflowSkipException
from tests.airflow_versions import TaskDeferred
from tests.conftest import MakeHook
from tests.operator_runs import FIVE, HOUR, HOURLY, bets, context, execute, operator
from tests.recorder import Recorder

TWO_HOURS = {"start": FIVE, "end": FIVE + 2 * HOUR}


@pytest.fixture
def lake(make: MakeHook, server: Recorder, tmp_path: Path, quick: None, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a lake with the hour from five, as of eight o'clock."""
    make("aig")
    server.replies = bets
    monkeypatch.setattr(BetProviderHook, "now", lambda self: FIVE + 3 * HOUR)
    execute(operator(tmp_path, "aig", **HOURLY), context())
    server.requests.clear()
    return tmp_path


def sensor(lake: Path, **arguments: Any) -> BetsCompleteSensor:
    return BetsCompleteSensor(
        **{"task_id": "wait", "conn_id": "aig_default", "path": f"file://{lake}/lake", **TWO_HOURS, **arguments}
    )


def test_a_complete_interval_ends_the_wait_without_a_call(lake: Path, server: Recorder) -> None:
    assert sensor(lake, **HOURLY).poke(context())
    assert execute(sensor(lake, **HOURLY), context()) is None
    assert server.requests == []


def test_an_incomplete_one_defers(lake: Path) -> None:
    assert not sensor(lake).poke(context())
    with pytest.raises(TaskDeferred) as deferred:
        execute(sensor(lake, poke_interval=120), context())
    assert deferred.value.method_name == "execute"
    assert deferred.value.kwargs["began_at"]


def test_the_wait_ends_with_the_sensors_timeout(lake: Path) -> None:
    long_ago = (datetime.now(timezone.utc) - timedelta(hours=3)).isoformat()
    waiting = sensor(lake, timeout=3600)
    with pytest.raises(AirflowSensorTimeout, match="still incomplete after 3600 s"):
        type(waiting).execute.__wrapped__(waiting, context(), None, long_ago)


def test_the_time_that_a_check_takes_counts(lake: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    take_coverage = survey.coverage

    def slow_coverage(*args: Any, **kwargs: Any) -> Any:
        time.sleep(0.2)
        return take_coverage(*args, **kwargs)

    monkeypatch.setattr(survey, "coverage", slow_coverage)
    with pytest.raises(AirflowSensorTimeout, match="still incomplete"):
        execute(sensor(lake, timeout=0.1), context())
    begun = datetime.now(timezone.utc)
    with pytest.raises(TaskDeferred) as deferred:
        execute(sensor(lake, poke_interval=60), context())
    assert deferred.value.trigger.moment >= begun + timedelta(seconds=60.2)


def test_what_the_provider_no_longer_has_ends_the_wait_at_once(lake: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(BetProviderHook, "now", lambda self: FIVE + timedelta(days=120))
    with pytest.raises(WindowExpired, match="no longer has it"):
        sensor(lake).poke(context())


def unreachable(*args: Any, **kwargs: Any) -> Any:
    raise StoreError("the store does not answer")


def test_with_silent_fail_a_store_that_does_not_answer_is_tried_again(
    lake: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(survey, "coverage", unreachable)
    with pytest.raises(StoreError, match="does not answer"):
        execute(sensor(lake), context())
    with pytest.raises(TaskDeferred) as deferred:
        execute(sensor(lake, silent_fail=True), context())
    assert deferred.value.kwargs["began_at"]


def test_silent_fail_hides_no_loss(lake: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(BetProviderHook, "now", lambda self: FIVE + timedelta(days=120))
    with pytest.raises(WindowExpired):
        execute(sensor(lake, silent_fail=True), context())


def test_a_task_that_may_be_skipped_is_skipped_while_the_sensor_defers_too(
    lake: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    long_ago = (datetime.now(timezone.utc) - timedelta(hours=3)).isoformat()
    late = sensor(lake, timeout=3600, soft_fail=True)
    with pytest.raises(AirflowSkipException, match="still incomplete after 3600 s"):
        type(late).execute.__wrapped__(late, context(), None, long_ago)

    monkeypatch.setattr(BetProviderHook, "now", lambda self: FIVE + timedelta(days=120))
    for setting in ("soft_fail", "never_fail"):
        for deferrable in (True, False):
            with pytest.raises(AirflowSkipException):
                execute(sensor(lake, deferrable=deferrable, **{setting: True}), context())

    monkeypatch.setattr(survey, "coverage", unreachable)
    with pytest.raises(StoreError):
        execute(sensor(lake, soft_fail=True), context())
    with pytest.raises(AirflowSkipException, match="the store does not answer"):
        execute(sensor(lake, never_fail=True), context())


def test_with_exponential_backoff_each_wait_is_longer(lake: Path) -> None:
    waiting, kwargs, waits = sensor(lake, poke_interval=60, exponential_backoff=True, max_wait=1000), {}, []
    for _ in range(7):
        with pytest.raises(TaskDeferred) as deferred:
            type(waiting).execute.__wrapped__(waiting, context(), None, **kwargs)
        kwargs = deferred.value.kwargs
        waits.append((deferred.value.trigger.moment - datetime.now(timezone.utc)).total_seconds())
    # Airflow doubles the wait and adds up to as much again by chance.
    assert waits[0] < 60 + 1 < waits[2] < waits[4] <= 1000
    assert 985 < waits[6] <= 1000
