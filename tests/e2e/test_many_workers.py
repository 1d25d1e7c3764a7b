"""PostgreSQL, Redis and two Celery workers: hourly backfills of four providers, with a worker killed in the middle.

The sample DAGs load three hours, or as many as BETPROVIDERS_E2E_HOURS says; ``make e2e`` loads a week.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import psutil
import pyarrow.parquet as pq
import pytest

from airflow_betproviders.declare.interval import Interval
from airflow_betproviders.lake.layout import Lake
from airflow_betproviders.lake.receipt import Receipt
from airflow_betproviders.simulator import Settings, Simulator
from demo.airflow_client import FINISHED, Json, wait_for
from demo.headless import CeleryWorkers, HeadlessAirflow
from tests.conformance.wire import differences
from tests.e2e.dags.ways import INTERVAL, SAMPLE, SWAPPED, UNLIMITED, Way
from tests.postgres import running as running_postgres
from tests.redis_server import running as running_redis
from tests.seaweed import SeaweedFS
from tests.seaweed import running as running_seaweed

HERE = Path(__file__).parent
HOUR = timedelta(hours=1)
# Under a shared rate limit a call takes two seconds and an hour of JDB twelve calls, the slowest load: it begins first.
HOURS = {SWAPPED: 2, SAMPLE: int(os.environ.get("BETPROVIDERS_E2E_HOURS", "3")), UNLIMITED: 2}
TASKS = len(INTERVAL) * sum(HOURS.values())
RATE = 120  # bets an hour and vendor
STREAMS = {"pv": "history", "aig": "transactions", "jdb": "transactions", "gmag": "game_history"}
BUNDLES = {"samples": HERE.parents[1] / "dags", "other_ways": HERE / "dags"}
TIMEOUT = 600 + 15 * HOURS[SAMPLE]
BEGAN = time.monotonic()

pytestmark = [pytest.mark.scheduler, pytest.mark.s3, pytest.mark.redis, pytest.mark.timeout(3 * TIMEOUT)]


@dataclass
class Deployment:
    """The servers of the test, what was loaded, and what the killed worker was doing.

    Attributes:
        airflow: Airflow with two Celery workers.
        s3: the lake's server.
        vendors: the simulated vendors of each set of DAGs.
        end: the end of the loaded hours.
        reported_at: when progress was printed last, seconds of the monotonic clock.
        killed: the name of the killed worker.
        lost: the tasks that ran on the killed worker, by DAG and run, as they were then.
        others: the tasks that had ended by then, or ran on the other worker.
    """

    airflow: HeadlessAirflow
    s3: SeaweedFS
    vendors: dict[Way, Simulator]
    end: datetime
    reported_at: float = 0.0
    killed: str = ""
    lost: dict[tuple[str, str], Json] = field(default_factory=dict)
    others: dict[tuple[str, str], Json] = field(default_factory=dict)

    def interval(self, way: Way) -> Interval:
        return Interval(self.end - HOURS[way] * HOUR, self.end)

    def tasks(self) -> dict[tuple[str, str], Json]:
        """Return the tasks of all backfills, by DAG and run. Runs that the scheduler starts by itself are left out."""
        return {
            (task["dag_id"], task["dag_run_id"]): task
            for task in self.airflow.task_instances("~")
            if task["dag_run_id"].startswith("backfill")
        }

    def lake(self, way: Way, vendor: str) -> Lake:
        account = self.vendors[way].credentials[vendor]["login"]
        return Lake(self.s3.filesystem(), way.path.partition("@")[2], vendor, STREAMS[vendor], account)


@pytest.fixture(scope="module")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    """Start all servers, run all backfills at once, kill one of the two workers meanwhile, and wait for the end."""
    now = datetime.now(timezone.utc)
    end = (now - timedelta(minutes=70)).replace(minute=0, second=0, microsecond=0)
    bundles = [
        {
            "name": name,
            "classpath": "airflow.dag_processing.bundles.local.LocalDagBundle",
            "kwargs": {"path": str(path)},
        }
        for name, path in BUNDLES.items()
    ]
    env = {
        "AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST": json.dumps(bundles),
        "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_SEC": "2",
        # Where other work takes the cores, a healthy task's heartbeat may be late by ten seconds and more.
        "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "40",
        "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL": "2",
        "AIRFLOW__SCHEDULER__TASK_QUEUED_TIMEOUT": "60",
        "AIRFLOW__SCHEDULER__TASK_QUEUED_TIMEOUT_CHECK_INTERVAL": "5",
        "AIRFLOW_VAR_BETPROVIDERS_PATH": SAMPLE.path,
        "AIRFLOW__CORE__DEFAULT_TASK_RETRY_DELAY": "1",
    }
    with ExitStack() as stack:
        database = stack.enter_context(running_postgres())
        redis = stack.enter_context(running_redis(tmp_path_factory.mktemp("redis")))
        s3 = stack.enter_context(running_seaweed(tmp_path_factory.mktemp("seaweed")))
        # The vendors' clocks stand still, later than every loaded hour, so the truth does not change meanwhile.
        settings = {"now": now + 3 * HOUR, "rate": RATE, "history_days": 30}
        vendors = {
            way: stack.enter_context(Simulator(Settings(**settings, min_interval=way.intervals)).running())
            for way in HOURS
        }
        airflow = stack.enter_context(
            HeadlessAirflow(
                tmp_path_factory.mktemp("airflow"),
                BUNDLES["samples"],
                env,
                parallelism=32,
                database=database,
                celery=CeleryWorkers(f"{redis}/0", concurrency=6),
            )
        )
        deployment = Deployment(airflow, s3, vendors, end)
        extra = {"endpoint_url": s3.endpoint, "region_name": "us-east-1"}
        airflow.add_connection("lake_s3", {"conn_type": "aws", "login": s3.key, "password": s3.secret, "extra": extra})
        say("PostgreSQL, Redis, SeaweedFS, the vendors, and Airflow with two workers are up")
        for way in HOURS:
            _load(deployment, way, rate_limit_storage=f"{redis}/1")
        say(f"{TASKS} hours are to be loaded")
        _kill_one(deployment)
        _wait_all(deployment)
        for way, simulator in vendors.items():
            say(f"{way.name}: {len(simulator.calls)} calls, {len(simulator.breaches)} of them too early")
        yield deployment


def _load(deployment: Deployment, way: Way, rate_limit_storage: str) -> None:
    """Create connections and pools, and start the backfills: three runs of each DAG side by side."""
    for vendor, dag_id in way.dag_ids.items():
        given = deployment.vendors[way].credentials[vendor]
        shared = {"rate_limit_storage": rate_limit_storage} if vendor in way.shared else {}
        deployment.airflow.add_connection(way.conn_id(vendor), {**given, "extra": {**given["extra"], **shared}})
        deployment.airflow.set_pool(way.conn_id(vendor), way.pool_slots(vendor))
        deployment.airflow.unpause(dag_id)
        interval = deployment.interval(way)
        deployment.airflow.post_backfill(dag_id, interval.start, interval.end - HOUR, max_active_runs=3)


def _kill_one(deployment: Deployment) -> None:
    """Kill the worker that runs a JDB task of the sample DAGs, in the middle of its calls, once a third of the tasks have ended."""

    def worker_amid_calls() -> str | None:
        time.sleep(1)
        tasks = deployment.tasks()
        if _ended(deployment, tasks) * 3 < TASKS:
            return None
        # The pool lets one task at a time call JDB; an hour takes it twelve calls.
        for task in tasks.values():
            if task["dag_id"] == SAMPLE.dag_ids["jdb"] and task["state"] == "running" and task["pid"]:
                since = datetime.fromisoformat(task["start_date"]).timestamp()
                calls = [call for call in deployment.vendors[SAMPLE].calls if call["provider"] == "jdb"]
                if 3 <= sum(call["at"] > since for call in calls) <= 8:
                    return _worker_of(deployment.airflow, task)
        return None

    deployment.killed = wait_for(
        worker_amid_calls, TIMEOUT, "a task in the middle of its calls", lambda: _progress(deployment)
    )
    family = _frozen(psutil.Process(deployment.airflow.pid_of(deployment.killed)))
    pids = {process.pid for process in family}
    for which, task in deployment.tasks().items():
        if task["state"] == "running" and task["pid"] in pids:
            deployment.lost[which] = task
        elif task["state"] in {"running", *FINISHED}:
            deployment.others[which] = task
    for process in family:
        process.kill()
    say(f"killed {deployment.killed}, which ran {', '.join(sorted(dag_id for dag_id, _ in deployment.lost))}")


def _worker_of(airflow: HeadlessAirflow, task: Json) -> str | None:
    try:
        above = {process.pid for process in psutil.Process(task["pid"]).parents()}
    except psutil.NoSuchProcess:
        return None
    return next((name for name in airflow.workers if airflow.pid_of(name) in above), None)


def _frozen(worker: psutil.Process) -> list[psutil.Process]:
    """Suspend a worker and all its processes, so that none outlives another, as when a machine is lost. Return them."""
    family: list[psutil.Process] = []
    while more := [each for each in (worker, *worker.children(recursive=True)) if each not in family]:
        for process in more:
            process.suspend()
        family += more
    return family


def _wait_all(deployment: Deployment) -> None:
    def all_ended() -> bool | None:
        time.sleep(1)
        return _ended(deployment, deployment.tasks()) == TASKS or None

    wait_for(all_ended, TIMEOUT, "all backfills", lambda: _progress(deployment))


def say(text: str) -> None:
    """Print progress; `pytest -s` shows it."""
    print(f"{time.monotonic() - BEGAN:5.0f} s  {text}", flush=True)  # noqa: T201


def _ended(deployment: Deployment, tasks: dict[tuple[str, str], Json]) -> int:
    ended = sum(task["state"] in FINISHED for task in tasks.values())
    if ended == TASKS or time.monotonic() > deployment.reported_at + 20:
        deployment.reported_at = time.monotonic()
        say(f"{ended} of {TASKS} hours have ended")
    return ended


def _progress(deployment: Deployment) -> str:
    open_ = [
        f"{dag_id} {task['state']}" for (dag_id, _), task in deployment.tasks().items() if task["state"] not in FINISHED
    ]
    return f"not ended: {open_}\n{deployment.airflow.log_tails()}"


@pytest.mark.parametrize("way", HOURS, ids=lambda way: way.name)
@pytest.mark.parametrize("vendor", STREAMS)
def test_the_files_are_the_truth(deployment: Deployment, way: Way, vendor: str) -> None:
    lake, interval = deployment.lake(way, vendor), deployment.interval(way)
    stored = lake.stored(interval)
    assert sorted(slot.start for slot in stored) == [interval.start + i * HOUR for i in range(HOURS[way])]

    rows: list[dict[str, Any]] = []
    for path in stored.values():
        with lake.fs.open(path, "rb") as file:
            rows += pq.ParquetFile(file).read().to_pylist()
    truth = deployment.vendors[way].truth(vendor, STREAMS[vendor], interval.start, interval.end)
    assert truth
    assert differences(vendor, STREAMS[vendor], truth, rows) == []


@pytest.mark.parametrize("way", [SAMPLE, SWAPPED], ids=lambda way: way.name)
def test_pools_and_shared_rate_limits_keep_every_vendors_rate(deployment: Deployment, way: Way) -> None:
    assert {call["provider"] for call in deployment.vendors[way].calls} == set(INTERVAL)
    assert deployment.vendors[way].breaches == []


def test_without_pool_and_shared_rate_limit_the_rate_is_broken(deployment: Deployment) -> None:
    assert {breach["rule"] for breach in deployment.vendors[UNLIMITED].breaches} == {"rate"}


def test_a_killed_worker_costs_a_retry_and_nothing_else(deployment: Deployment) -> None:
    tasks = deployment.tasks()

    assert SAMPLE.dag_ids["jdb"] in {dag_id for dag_id, _ in deployment.lost}
    assert {task["state"] for task in tasks.values()} == {"success"}
    # A busy machine may have needed a second try before: Airflow gives a task up that waits too long in its queue.
    assert {tasks[which]["try_number"] - task["try_number"] for which, task in deployment.lost.items()} == {1}
    assert {tasks[which]["try_number"] - task["try_number"] for which, task in deployment.others.items()} == {0}


def test_the_other_worker_takes_over(deployment: Deployment) -> None:
    [other] = {*deployment.airflow.workers} - {deployment.killed}
    log = (deployment.airflow.logs / f"{other}.log").read_text()
    tasks = deployment.tasks()

    assert not psutil.pid_exists(deployment.airflow.pid_of(deployment.killed))
    for which in deployment.lost:
        assert tasks[which]["id"] in log


def test_the_interrupted_hour_is_written_by_its_next_try(deployment: Deployment) -> None:
    [(run_id, first)] = [
        (run_id, task["try_number"])
        for (dag_id, run_id), task in deployment.lost.items()
        if dag_id == SAMPLE.dag_ids["jdb"]
    ]
    lake = deployment.lake(SAMPLE, "jdb")
    receipts = [
        Receipt.from_footer(pq.read_metadata(lake.fs.open(path)).metadata)
        for path in lake.stored(deployment.interval(SAMPLE)).values()
    ]

    [receipt] = [receipt for receipt in receipts if receipt and receipt.run_id == run_id]
    assert receipt.try_number == first + 1


def test_no_unfinished_object_is_left_in_the_store(deployment: Deployment) -> None:
    fs = deployment.s3.filesystem()
    others = {path for path in fs.find("lake") if not path.endswith(".parquet") and "/receipts-cache/" not in path}

    assert others == {"lake/ready"}  # SeaweedFS writes it at its start
    assert not fs.call_s3("list_multipart_uploads", Bucket="lake").get("Uploads")
