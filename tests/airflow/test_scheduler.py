"""Sample DAGs and failures under a real scheduler: the stored files, the task's state, its XCom and its events."""

from __future__ import annotations

import json
import os
import re
import socket
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from pathlib import Path

import psutil
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from airflow_betproviders.bets_table.table import BetsTable
from airflow_betproviders.simulator.server import Simulator
from demo.airflow_client import FINISHED, TIMEOUT, Json, wait_for
from demo.audit import AuditedFile, audit
from demo.headless import HeadlessAirflow
from demo.sessions import processes_of
from tests.airflow.dags.error_cases import CASES, WRONG_KEY, Case
from tests.airflow.vendor_doubles import refuse, simulator, truth_of
from tests.conformance.expected_bets import EXPECTED_BETS
from tests.postgres import running as running_postgres
from tests.postgres import tables
from tests.seaweed import SeaweedFS
from tests.seaweed import running as running_seaweed

pytestmark = [pytest.mark.scheduler, pytest.mark.timeout(2 * TIMEOUT)]

HERE = Path(__file__).parent
BUNDLES = {"samples": HERE.parents[1] / "dags", "scenarios": HERE / "dags"}
BACKFILLED = ("aig_transactions", "pv_history", "jdb_transactions", "gmag_game_history")
HOURS = 3
HOUR = timedelta(hours=1)
BETS = {"history", "transactions", "recent_transactions", "game_history"}


class Metrics:
    """A StatsD server: it receives what Airflow's processes send.

    Attributes:
        counts: sum of each counter, by name.
        gauges: last value of each gauge, by name.
    """

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self._socket.settimeout(0.2)
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._listen)
        self.counts: Counter[str] = Counter()
        self.gauges: dict[str, float] = {}
        self.port = self._socket.getsockname()[1]

    def __enter__(self) -> Metrics:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()
        self._socket.close()

    def _listen(self) -> None:
        while not self._over.is_set():
            with suppress(TimeoutError):
                for line in self._socket.recv(65_536).decode().splitlines():
                    name, _, rest = line.partition(":")
                    value, kind, *_ = rest.split("|")
                    if kind == "c":
                        self.counts[name] += int(value)
                    elif kind == "g":
                        self.gauges[name] = float(value)


@dataclass
class Deployment:
    """One Airflow, the vendors it loads from, and all that must stay secret."""

    airflow: HeadlessAirflow
    database: str
    lake: Path
    bets: Path
    now: datetime
    vendors: Simulator
    slow: Simulator
    s3: SeaweedFS
    secrets: set[str]
    alerts: Path
    metrics: Metrics
    runs: dict[str, str] = field(default_factory=dict)
    ready: datetime = field(init=False)

    @property
    def last_hour(self) -> datetime:
        """The start of the last hour that all vendors have whole."""
        return (self.now - timedelta(minutes=70)).replace(minute=0, second=0, microsecond=0) - HOUR

    def trigger(self, dag_id: str, start: datetime, end: datetime) -> str:
        """Create a run for an interval; it waits while its DAG is paused."""
        self.airflow.wait_dag(dag_id)
        return self.airflow.trigger(dag_id, conf={"start": start.isoformat(), "end": end.isoformat()})

    def tries_lost(self, dag_id: str) -> int:
        """Tries whose outcome a busy Airflow did not take in: it says that the process ended, but not the task."""
        log = (self.airflow.logs / "scheduler.log").read_text()
        return len(re.findall(rf"<TaskInstance: {dag_id}\.extract [^>]*> finished with state failed, but", log))

    def task(self, dag_id: str, run_id: str) -> Json:
        [task] = self.airflow.task_instances(dag_id, run_id)
        return task

    def ended(self, dag_id: str, run_id: str, timeout: float = TIMEOUT) -> Json:
        def look() -> Json | None:
            task = self.task(dag_id, run_id)
            return task if task["state"] in FINISHED else None

        return wait_for(look, timeout, f"{dag_id} to end", lambda: str(self.task(dag_id, run_id)["state"]))

    def hourly_runs(self, dag_id: str, timeout: float = TIMEOUT) -> list[Json]:
        """The runs of the backfilled hours, once all have ended."""

        def look() -> list[Json] | None:
            runs = [run for run in self.airflow.runs(dag_id) if self.first <= _start(run) <= self.last_hour]
            return runs if len(runs) == HOURS and all(run["state"] in FINISHED for run in runs) else None

        return wait_for(look, timeout, f"the backfill of {dag_id}", lambda: str(self.airflow.runs(dag_id)))

    @property
    def first(self) -> datetime:
        return self.last_hour - (HOURS - 1) * HOUR


@pytest.fixture(scope="module")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    """Everything is set going at once: what waits for a provider or a retry costs no time of the other tests."""
    lake, bets, alerts = (tmp_path_factory.mktemp(name) for name in ("lake", "bets", "alerts"))
    now = datetime.now(timezone.utc)
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
        "AIRFLOW_VAR_BETPROVIDERS_PATH": lake.as_uri(),
        "AIRFLOW_VAR_BETPROVIDERS_TABLE": bets.as_uri(),
        "AIRFLOW__CORE__DEFAULT_TASK_RETRY_DELAY": "1",
        "BETPROVIDERS_TEST_ALERTS": str(alerts),
        "PYTHONPATH": os.pathsep.join(filter(None, [str(HERE), os.environ.get("PYTHONPATH")])),
    }
    secrets = {WRONG_KEY["password"]}
    with ExitStack() as stack:
        metrics = stack.enter_context(Metrics())
        env |= {
            "AIRFLOW__METRICS__STATSD_ON": "True",
            "AIRFLOW__METRICS__STATSD_HOST": "127.0.0.1",
            "AIRFLOW__METRICS__STATSD_PORT": str(metrics.port),
        }
        # The vendors' clocks stand still, later than every loaded interval: a worker refuses an answer from before its end.
        later = now + 3 * HOUR
        vendors = stack.enter_context(simulator(later, secrets))
        slow = stack.enter_context(simulator(later, secrets, slow_seconds=0.3))
        for connection in vendors.credentials.values():
            secrets |= {connection["password"], *connection["extra"].get("iv_secret", "").split()}
        s3 = stack.enter_context(running_seaweed(tmp_path_factory.mktemp("seaweed")))
        secrets.add(s3.secret)
        database = stack.enter_context(running_postgres())
        airflow = stack.enter_context(
            HeadlessAirflow(
                tmp_path_factory.mktemp("airflow"),
                BUNDLES["samples"],
                env,
                parallelism=6,
                database=database,
            )
        )
        deployment = Deployment(airflow, database, lake, bets, now, vendors, slow, s3, secrets, alerts, metrics)
        endpoint = {"endpoint_url": s3.endpoint, "region_name": "us-east-1"}
        airflow.add_connection(
            "lake_s3", {"conn_type": "aws", "login": s3.key, "password": s3.secret, "extra": endpoint}
        )
        for vendor, connection in vendors.credentials.items():
            airflow.add_connection(f"{vendor}_default", connection)
            airflow.set_pool(f"{vendor}_default", 1)
        airflow.add_connection("jdb_slow", slow.credentials["jdb"])
        for case in CASES:
            _prepare(deployment, case, stack.enter_context(simulator(later, secrets)))
        for dag_id in BACKFILLED:
            airflow.wait_dag(dag_id)
            airflow.post_backfill(dag_id, deployment.first, deployment.last_hour)
        airflow.post_backfill("pv_by_game", deployment.last_hour, deployment.last_hour)
        deployment.runs["to_s3"] = deployment.trigger("to_s3", deployment.first, deployment.last_hour + HOUR)
        deployment.runs["late"] = deployment.trigger("late", deployment.last_hour, deployment.last_hour + HOUR)
        deployment.runs["killed"] = deployment.trigger("killed", deployment.first, deployment.first + 2 * HOUR)
        deployment.runs["marked"] = deployment.trigger("marked", deployment.first, deployment.first + 2 * HOUR)
        deployment.ready = _defer(deployment)
        # All else is set up before its first task runs.
        for dag_id in (*BACKFILLED, "bets_gmag", "plain_hourly", "after_games", "pv_by_game", "to_s3", "late"):
            airflow.unpause(dag_id)
        airflow.api("PATCH", "dags", {"is_paused": False}, dag_id_pattern="case_%")
        yield deployment


def _prepare(deployment: Deployment, case: Case, vendors: Simulator) -> None:
    faults = {
        kind: how if isinstance(how, float) else {"provider": case.vendor, **how} for kind, how in case.faults.items()
    }
    vendors.faults.replace(faults)
    if case.refusal:
        refuse(vendors.providers[case.vendor], *case.refusal)
    deployment.airflow.add_connection(case.name, {**vendors.credentials[case.vendor], **case.connection})
    end = deployment.last_hour + HOUR - timedelta(hours=case.hours_ago)
    deployment.runs[case.name] = deployment.trigger(f"case_{case.name}", end - HOUR, end)


def _defer(deployment: Deployment) -> datetime:
    """Start the extraction of a minute that is not ready, wait until it has deferred, and return when the minute is ready."""
    deployment.airflow.wait_dag("minutes")
    deployment.airflow.unpause("minutes")  # first, as it may have to wait for its turn at the database
    ready = datetime.now(timezone.utc).replace(second=0, microsecond=0) + timedelta(minutes=1)
    if ready - datetime.now(timezone.utc) < timedelta(seconds=60):
        ready += timedelta(minutes=1)
    end = ready - timedelta(minutes=5)  # AIG's lag
    run_id = deployment.runs["minutes"] = deployment.trigger("minutes", end - timedelta(minutes=1), end)

    def deferred() -> bool | None:
        return deployment.task("minutes", run_id)["state"] == "deferred" or None

    wait_for(deferred, TIMEOUT, "the task to defer", lambda: str(deployment.task("minutes", run_id)))
    return ready


def _start(run: Json) -> datetime:
    return datetime.fromisoformat((run["data_interval_start"] or run["run_after"]).replace("Z", "+00:00"))


def held(lake: Path, **names: str) -> dict[str, pa.Table]:
    """The objects of a stream, without the column that says when they were read."""
    folder = "/".join(f"{name}={value}" for name, value in names.items())
    return {
        str(path.relative_to(lake)): pq.ParquetFile(path).read().drop_columns("_extracted_at")
        for path in sorted(lake.glob(f"{folder}/**/*.parquet"))
    }


def faultless(audited: list[AuditedFile]) -> bool:
    return all(
        (slot.missing, slot.doubled, slot.wrong) == (0, 0, 0) and slot.receipt.rows == slot.expected for slot in audited
    )


# ---------------------------------------------------------------- the sample DAGs


@pytest.mark.parametrize("dag_id", BACKFILLED)
def test_a_backfill_stores_what_the_vendor_has(deployment: Deployment, dag_id: str) -> None:
    assert {run["state"] for run in deployment.hourly_runs(dag_id)} == {"success"}

    vendor = dag_id.partition("_")[0]
    hours = {deployment.first + i * HOUR for i in range(HOURS)}
    stored = [
        slot for slot in audit(deployment.lake, truth_of(deployment.vendors), BETS) if slot.receipt.provider == vendor
    ]
    assert hours <= {slot.start for slot in stored}
    assert faultless(stored)
    assert all(slot.receipt.rows for slot in stored if slot.start in hours)


def test_a_real_s3_server_gets_the_same_objects(deployment: Deployment) -> None:
    def look() -> list[Json] | None:
        tasks = deployment.airflow.task_instances("to_s3", deployment.runs["to_s3"])
        return tasks if tasks and all(task["state"] in FINISHED for task in tasks) else None

    assert {task["state"] for task in wait_for(look, TIMEOUT, "four extractions to S3")} == {"success"}
    fs = deployment.s3.filesystem()
    found = [path for path in fs.find("lake/raw") if path.endswith(".parquet")]
    assert len(found) == len(BACKFILLED) * HOURS
    for dag_id in BACKFILLED:
        deployment.hourly_runs(dag_id)
    for path in found:
        with fs.open(path, "rb") as stored:
            there = pq.ParquetFile(stored).read().drop_columns("_extracted_at")
        here = pq.ParquetFile(deployment.lake / path.removeprefix("lake/raw/")).read().drop_columns("_extracted_at")
        assert there.num_rows
        assert there.equals(here)


def test_a_run_reports_what_it_stored(deployment: Deployment) -> None:
    run = next(run for run in deployment.hourly_runs("aig_transactions") if _start(run) == deployment.first)
    xcom = deployment.airflow.xcoms("aig_transactions", run["dag_run_id"], "extract")["return_value"]
    xcom = json.loads(xcom) if isinstance(xcom, str) else xcom

    assert (xcom["stream"], xcom["account"], xcom["slots"], xcom["bad_rows"]) == ("transactions", "agent001", 1, 0)
    assert xcom["start"] == deployment.first.isoformat()
    [event] = [
        event
        for event in deployment.airflow.asset_events(source_dag_id="aig_transactions")
        if event["source_run_id"] == run["dag_run_id"]
    ]
    assert event["extra"]["rows"] == xcom["rows"] > 0
    assert set(event["extra"]["sums"]) >= {"bet_amount", "win_amount"}


# ---------------------------------------------------------------- seen at night


def test_a_late_run_alerts_while_no_task_has_failed(deployment: Deployment) -> None:
    def alert() -> str:
        found = deployment.alerts / "alert.txt"
        return found.read_text() if found.exists() else ""

    message = wait_for(alert, TIMEOUT, "the alert", lambda: str(deployment.task("late", deployment.runs["late"])))
    late, missing, *_ = message.splitlines()
    assert late.startswith(f"Run {deployment.runs['late']} of DAG late has not ended by its deadline, ")
    assert " missing in s3://lake_s3@lake/raw" in missing  # whatever is stored there by now
    assert deployment.task("late", deployment.runs["late"])["state"] != "failed"


def test_a_statsd_server_hears_what_tasks_stored(deployment: Deployment) -> None:
    rows = 0
    for dag_id in BACKFILLED:
        for run in deployment.hourly_runs(dag_id):
            result = deployment.airflow.xcoms(dag_id, run["dag_run_id"], "extract")["return_value"]
            rows += (json.loads(result) if isinstance(result, str) else result)["rows"]
    metrics = deployment.metrics

    assert metrics.counts["airflow.betproviders.rows"] >= rows > 0
    assert metrics.counts["airflow.betproviders.calls"] >= len(BACKFILLED) * HOURS
    assert metrics.counts["airflow.betproviders.bytes"] > rows
    # Any task of this module may have reported last.
    assert abs(metrics.gauges["airflow.betproviders.data_age_seconds"]) < HOURS * 3600 + 86_400


# ---------------------------------------------------------------- errors


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_an_error_ends_as_it_should(deployment: Deployment, case: Case) -> None:
    dag_id, run_id = f"case_{case.name}", deployment.runs[case.name]
    task = deployment.ended(dag_id, run_id)

    assert task["state"] == case.state
    assert case.tries <= task["try_number"] <= case.tries + deployment.tries_lost(dag_id)
    log = deployment.airflow.task_logs(dag_id, run_id, "extract")
    for words in (*case.says, *([case.name] if case.state == "failed" and not case.path else [])):
        assert words in log
    stored = list(audit(deployment.lake / case.name, truth_of(deployment.vendors), BETS))
    assert len(stored) == (case.state == "success" or case.name == "pv_bad_row")
    if case.state == "success":
        assert faultless(stored)


def test_a_bad_row_is_in_quarantine_and_the_good_ones_are_stored(deployment: Deployment) -> None:
    deployment.ended("case_pv_bad_row", deployment.runs["pv_bad_row"])

    [quarantined] = (deployment.lake / "pv_bad_row").rglob("quarantine/**/*.jsonl")
    [line] = quarantined.read_text().splitlines()
    assert json.loads(line)["reason"]
    [slot] = audit(deployment.lake / "pv_bad_row", truth_of(deployment.vendors), BETS)
    assert (slot.missing, slot.doubled, slot.wrong) == (1, 0, 0)


def test_an_interval_of_zero_width_fails_with_the_cure(deployment: Deployment) -> None:
    run, *_ = deployment.airflow.wait_runs("plain_hourly")  # the hour may have turned since

    task = deployment.task("plain_hourly", run["dag_run_id"])
    assert task["state"] == "failed"
    assert task["try_number"] <= task["max_tries"], "tries are left: the refusal ended it"
    assert "CronDataIntervalTimetable" in deployment.airflow.task_logs("plain_hourly", run["dag_run_id"], "extract")


# ---------------------------------------------------------------- the course of a task


def test_an_interval_that_is_not_ready_defers_and_then_completes(deployment: Deployment) -> None:
    task = deployment.ended("minutes", deployment.runs["minutes"])
    assert task["state"] == "success"
    assert task["try_number"] == 1 + deployment.tries_lost("minutes")
    assert datetime.fromisoformat(task["end_date"].replace("Z", "+00:00")) >= deployment.ready
    [slot] = audit(deployment.lake / "minutes", truth_of(deployment.vendors), BETS)
    assert faultless([slot])
    assert datetime.fromisoformat(slot.receipt.end) == deployment.ready - timedelta(minutes=5)


def test_a_task_killed_in_the_middle_is_retried_and_half_a_file_is_never_seen(deployment: Deployment) -> None:
    deployment.slow.faults.set("slow")
    seen = _Watch(deployment.lake / "killed")
    with seen:
        deployment.airflow.unpause("killed")
        wait_for(lambda: len(deployment.slow.calls) >= 15 or None, TIMEOUT, "the second slot's calls")
        _kill(deployment, deployment.task("killed", deployment.runs["killed"])["id"])
        deployment.slow.faults.clear()
        task = deployment.ended("killed", deployment.runs["killed"])

    assert (task["state"], task["try_number"]) == ("success", 2)
    assert seen.looks > 20
    assert seen.broken == []
    stored = list(audit(deployment.lake / "killed", truth_of(deployment.slow), BETS))
    assert [slot.start for slot in stored] == [deployment.first, deployment.first + HOUR]
    assert faultless(stored)


class _Watch:
    """Reads every object under a folder whole, again and again, while the context lasts."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look)
        self.looks = 0
        self.broken: list[str] = []

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._over.wait(0.02):
            for path in self._folder.rglob("*.parquet"):
                try:
                    pq.ParquetFile(path).read()
                except Exception as error:  # noqa: BLE001 - whatever is wrong with it
                    self.broken.append(f"{path}: {error}")
            self.looks += 1


def test_a_task_that_a_user_marks_failed_makes_no_further_calls(deployment: Deployment) -> None:
    airflow, run_id = deployment.airflow, deployment.runs["marked"]
    deployment.slow.faults.set("slow", seconds=10.0)  # all 24 calls, four at a time, would take a minute
    before = len(deployment.slow.calls)
    airflow.unpause("marked")
    wait_for(lambda: len(deployment.slow.calls) >= before + 3 or None, TIMEOUT, "the first calls")
    task = deployment.task("marked", run_id)
    airflow.api("PATCH", f"dags/marked/dagRuns/{run_id}/taskInstances/extract", {"new_state": "failed"})
    wait_for(lambda: _runner(deployment, task["id"]) is None or None, TIMEOUT, "the task's process to end")
    deployment.slow.faults.clear()

    assert len(deployment.slow.calls) < before + 24
    assert deployment.task("marked", run_id)["state"] == "failed"
    assert "The task was killed" in airflow.task_logs("marked", run_id, "extract")


def _kill(deployment: Deployment, task_instance_id: str) -> None:
    """Kill -9 the process that runs the task; the one that supervises it stays."""
    runner = _runner(deployment, task_instance_id)
    assert runner, "no process runs the task"
    runner.kill()


def _runner(deployment: Deployment, task_instance_id: str) -> psutil.Process | None:
    """Return the process that runs the task, not the one that supervises it."""
    assert deployment.airflow._launcher is not None
    for pid in processes_of(deployment.airflow._launcher.pid):
        with suppress(psutil.NoSuchProcess):
            process = psutil.Process(pid)
            title = " ".join(process.cmdline())
            if task_instance_id in title and "LocalExecutor" not in title:
                return process
    return None


# ---------------------------------------------------------------- mapped tasks and assets


def test_a_mapped_dag_loads_each_game_and_starts_the_dags_that_wait_for_it(deployment: Deployment) -> None:
    airflow, hour = deployment.airflow, deployment.last_hour

    def look() -> Json | None:
        return next(
            (run for run in airflow.runs("pv_by_game") if _start(run) == hour and run["state"] in FINISHED), None
        )

    run = wait_for(look, TIMEOUT, "the mapped run")
    assert run["state"] == "success"
    mapped = [task for task in airflow.task_instances("pv_by_game", run["dag_run_id"]) if task["map_index"] >= 0]
    assert {task["rendered_map_index"] for task in mapped} == {f"game {game}" for game in (2000, 2011, 3011, 3015)}
    events = [e for e in airflow.asset_events(source_dag_id="pv_by_game") if e["source_run_id"] == run["dag_run_id"]]
    assert len(events) == 4
    assert {event["extra"]["stream"] for event in events} == {"games_game_history"}
    for game in (2000, 2011, 3011, 3015):
        folder = (
            deployment.lake / "filtered/provider=pv/stream=games_game_history/account=~101" / f"filter=game_id%3D{game}"
        )
        truth = deployment.vendors.truth("pv", "games_game_history", hour, hour + HOUR, {"game_id": game})
        [path] = folder.rglob(f"{hour:%Y%m%dT%H%M%SZ}-*.parquet")
        ids = pq.ParquetFile(path).read().column("event_id").to_pylist()
        assert sorted(ids) == sorted(record["event_id"] for record in truth)
    assert {run["run_type"] for run in airflow.wait_runs("after_games")} == {"asset_triggered"}


def test_what_a_backfill_loads_is_merged_into_the_bets_table_by_its_asset(deployment: Deployment) -> None:
    airflow, end = deployment.airflow, deployment.last_hour + HOUR
    deployment.hourly_runs("gmag_game_history")

    def merged() -> set[str] | None:
        runs = airflow.runs("bets_gmag")
        if (
            not runs
            or not all(run["state"] in FINISHED for run in runs)
            or not (deployment.bets / "_delta_log").exists()
        ):
            return None
        rows = BetsTable(str(deployment.bets)).open().to_pyarrow_table(columns=["bet_id", "settled_at"]).to_pylist()
        found = [row["bet_id"] for row in rows if deployment.first <= row["settled_at"] < end]
        assert len(set(found)) == len(found)
        return set(found) if set(found) >= expected else None

    records = deployment.vendors.truth("gmag", "game_history", deployment.first, end)
    expected = {EXPECTED_BETS["gmag"](record)[0] for record in records}
    assert wait_for(merged, TIMEOUT, "the merges", lambda: str(airflow.runs("bets_gmag"))) == expected
    assert {run["run_type"] for run in airflow.runs("bets_gmag")} == {"asset_triggered"}
    assert {run["state"] for run in airflow.runs("bets_gmag")} == {"success"}


# ---------------------------------------------------------------- the same interval again


def test_the_same_hours_again_by_backfill_or_by_the_day_are_the_same_objects(deployment: Deployment) -> None:
    airflow, dag_id = deployment.airflow, "aig_transactions"
    deployment.hourly_runs(dag_id)
    hours = [f"{deployment.first + i * HOUR:%Y%m%dT%H%M%SZ}-" for i in range(HOURS)]

    def loaded() -> dict[str, pa.Table]:
        found = held(deployment.lake, provider="aig", stream="transactions")
        return {name: table for name, table in found.items() if any(hour in name for hour in hours)}

    def written() -> set[int]:
        return {(deployment.lake / name).stat().st_mtime_ns for name in once}

    once = loaded()
    assert len(once) == HOURS
    times = written()
    airflow.wait_backfill(max(b["id"] for b in airflow.api("GET", "backfills", dag_id=dag_id)["backfills"]))
    airflow.post_backfill(dag_id, deployment.first, deployment.last_hour, reprocess="completed")
    wait_for(
        lambda: (bool(deployment.hourly_runs(dag_id)) and written().isdisjoint(times)) or None,
        TIMEOUT,
        "all hours to be written anew",
    )
    assert loaded() == once

    times = written()
    airflow.unpause("a_day_at_once")
    interval = {
        "data_interval_start": deployment.first.isoformat(),
        "data_interval_end": (deployment.last_hour + HOUR).isoformat(),
    }
    run_id = airflow.trigger("a_day_at_once", logical_date=deployment.first.isoformat(), **interval)
    assert deployment.ended("a_day_at_once", run_id)["state"] == "success"
    assert written().isdisjoint(times)
    assert loaded() == once


# ---------------------------------------------------------------- secrets


def test_no_secret_is_shown_anywhere(deployment: Deployment) -> None:
    """Logs of tasks and components, and the database with XComs, rendered templates, asset events and connections."""
    for case in CASES:
        deployment.ended(f"case_{case.name}", deployment.runs[case.name])
    secrets = sorted(deployment.secrets)
    assert secrets

    files = [path for path in deployment.airflow.home.rglob("*") if path.is_file() and path.name != "fernet.key"]
    files += [path for path in deployment.lake.rglob("*") if path.is_file()]
    texts = {str(path): path.read_bytes() for path in files}
    stored = tables(deployment.database)
    assert b"agent001" in stored["connection"]
    texts |= stored
    assert [(name, secret) for name, text in texts.items() for secret in secrets if secret.encode() in text] == []
