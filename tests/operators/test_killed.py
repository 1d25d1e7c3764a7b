"""A task that is killed ends at once: what it stored is complete, nothing local stays, and the next attempt stores the rest."""

from __future__ import annotations

import os
import signal
import sys
import tempfile
import threading
from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from airflow_betproviders.operators.export import ExportBetsOperator
from airflow_betproviders.operators.extract import ExtractToParquetOperator
from airflow_betproviders.operators.gaps import FillGapsOperator
from airflow_betproviders.operators.merge import MergeBetsOperator, OptimizeBetsOperator
from airflow_betproviders.operators.reconcile import ReconcileOperator
from airflow_betproviders.operators.replay import ReplayOperator
from airflow_betproviders.task.deferral import EndsWhenKilled
from tests.airflow_versions import AirflowTaskTimeout
from tests.conftest import MakeHook
from tests.operator_runs import FIVE, HOUR, bets, context, execute, operator
from tests.recorder import Recorder, Reply, Request

OPERATORS: list[Any] = [
    ExportBetsOperator, ExtractToParquetOperator, FillGapsOperator, MergeBetsOperator, OptimizeBetsOperator, ReconcileOperator, ReplayOperator
]  # fmt: skip
SLOTS = 24
EIGHTH = FIVE + 7 * HOUR


def waits(thread: threading.Thread) -> bool:
    """Return whether a thread waits for another one."""
    return sys._current_frames()[thread.ident or 0].f_code.co_name == "wait"


@pytest.fixture
def over() -> Iterator[threading.Event]:
    """Yield what ends the answers that are still awaited, and restore the handler of SIGTERM."""
    event, before = threading.Event(), signal.getsignal(signal.SIGTERM)
    yield event
    event.set()
    signal.signal(signal.SIGTERM, before)


@pytest.mark.usefixtures("quick")
def test_a_task_that_is_killed_makes_no_more_calls_and_leaves_no_local_file(
    make: MakeHook, server: Recorder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, over: threading.Event
) -> None:
    local = tmp_path / "local"
    local.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(local))
    make("aig")
    task = operator(tmp_path, "aig", start=FIVE, end=FIVE + SLOTS * HOUR, archive=True)
    signal.signal(signal.SIGTERM, lambda *_: task.on_kill())  # as Airflow's task runner does

    def kill_at_the_eighth(request: Request) -> Reply:
        begins = datetime.fromtimestamp(int(request.query["start_time"]) / 1000, timezone.utc)
        if begins == EIGHTH:
            while not (len([*(tmp_path / "lake").rglob("*.parquet")]) == 7 and waits(threading.main_thread())):
                if over.wait(0.01):
                    return bets(request)
            os.kill(os.getpid(), signal.SIGTERM)
        if begins >= EIGHTH:
            over.wait(60)
        return bets(request)

    server.replies = kill_at_the_eighth
    with pytest.raises(SystemExit, match="the next attempt stores the rest"):
        execute(task, context())
    over.set()
    assert len(server.requests) < SLOTS
    assert list(local.iterdir()) == []
    assert [pq.read_table(path).num_rows for path in (tmp_path / "lake").rglob("*.parquet")] == [3] * 7

    server.replies = bets
    assert execute(task, context())["rows"] == 3 * SLOTS


@pytest.mark.parametrize("made", OPERATORS)
def test_every_task_ends_when_it_is_killed(made: Any) -> None:
    assert made.on_kill is EndsWhenKilled.on_kill


def test_a_second_signal_does_not_stop_what_the_first_one_removes() -> None:
    task = EndsWhenKilled()
    with pytest.raises(SystemExit):
        task.on_kill()
    task.on_kill()


def time_out() -> None:
    raise AirflowTaskTimeout("too long")


def test_a_time_out_stays_the_reason_of_the_end() -> None:
    try:
        time_out()
    except AirflowTaskTimeout:
        EndsWhenKilled().on_kill()
