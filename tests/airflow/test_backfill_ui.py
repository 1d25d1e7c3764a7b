"""A backfill from the UI's form to the files, as a user starts it, and the asset events and lineage that it emits."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from playwright.sync_api import Browser, Page, expect

from airflow_betproviders.simulator.server import Simulator
from airflow_betproviders.simulator.settings import Settings
from airflow_betproviders.simulator.vendor.base import Inquiry
from demo.airflow_client import FINISHED, TIMEOUT, Json, wait_for
from demo.audit import audit
from demo.headless import HeadlessAirflow
from tests.airflow.pages import IMAGES, DagPage, opened, picture, show_bucket
from tests.airflow.vendor_doubles import refuse, truth_of
from tests.airflow_versions import HAS_OUR_PAGES
from tests.postgres import running as running_postgres

pytestmark = [
    pytest.mark.browser,
    pytest.mark.scheduler,
    pytest.mark.skipif(not HAS_OUR_PAGES, reason="the pages of older versions differ"),
]

DAGS = Path(__file__).with_name("backfill_dags")
HOUR = timedelta(hours=1)
HOURS = 4
PACE = 0.4  # seconds that the vendor wants between two calls
DAG_ID = "aig_transactions"


@dataclass
class Deployment:
    """One Airflow with a page open, the vendor, the lake, and the day before yesterday, which is loaded."""

    airflow: HeadlessAirflow
    page: Page
    vendors: Simulator
    lake: Path
    lineage: Path
    first: datetime

    @property
    def last(self) -> datetime:
        return self.first + (HOURS - 1) * HOUR

    @property
    def broken(self) -> datetime:
        """Return the hour that the vendor refuses at first."""
        return self.first + 2 * HOUR

    def run_id(self, start: datetime) -> str:
        """Return the id of a run, which a backfill names after the end of its interval."""
        return f"backfill__{(start + HOUR).isoformat()}"

    def tasks(self, dag_id: str = DAG_ID) -> dict[str, Json]:
        """Return the tasks of the backfilled hours, by run."""
        found = {task["dag_run_id"]: task for task in self.airflow.task_instances(dag_id)}
        return {run_id: task for run_id, task in found.items() if run_id.startswith("backfill__")}

    def tries(self, dag_id: str = DAG_ID) -> dict[str, int]:
        return {run_id: task["try_number"] for run_id, task in self.tasks(dag_id).items()}

    def objects(self) -> dict[str, pa.Table]:
        """Return the objects of the chosen hours by name, without the column of the extraction time."""
        names = [f"{self.first + i * HOUR:%Y%m%dT%H%M%SZ}-" for i in range(HOURS)]
        paths = sorted(self.lake.glob("provider=aig/stream=transactions/**/*.parquet"))
        return {
            str(path.relative_to(self.lake)): pq.ParquetFile(path).read().drop_columns("_extracted_at")
            for path in paths
            if any(name in path.name for name in names)
        }

    def written_at(self) -> set[int]:
        return {(self.lake / name).stat().st_mtime_ns for name in self.objects()}


@pytest.fixture(scope="module")
def deployment(chromium: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    lake, lineage = tmp_path_factory.mktemp("lake"), tmp_path_factory.mktemp("lineage")
    now = datetime.now(timezone.utc)
    env = {
        "AIRFLOW_VAR_BETPROVIDERS_PATH": lake.as_uri(),
        "AIRFLOW__CORE__DEFAULT_TASK_RETRY_DELAY": "1",
        "AIRFLOW__OPENLINEAGE__TRANSPORT": json.dumps(
            {"type": "file", "log_file_path": str(lineage / "event"), "append": False}
        ),
    }
    # The vendor's clock stands still, later than every loaded hour: a worker refuses an answer from before its hour's end.
    settings = Settings(now=now + 3 * HOUR, rate=60, history_days=10, min_interval={"aig": PACE})
    with (
        Simulator(settings).running() as vendors,
        running_postgres() as database,
        HeadlessAirflow(tmp_path_factory.mktemp("airflow"), DAGS, env, parallelism=6, database=database) as airflow,
        opened(chromium, airflow) as page,
    ):
        airflow.add_connection("aig_default", vendors.credentials["aig"])
        airflow.set_pool("aig_default", 1)
        airflow.wait_dag(DAG_ID)
        # The scheduler makes the run of yesterday itself once a daily DAG is unpaused; a backfill of it then ends the scheduler.
        first = (now - timedelta(days=2)).replace(hour=2, minute=0, second=0, microsecond=0)
        airflow.post_backfill("aig_pool_to_come", first, first)
        airflow.unpause("aig_pool_to_come")
        yield Deployment(airflow, page, vendors, lake, lineage, first)


def test_a_backfill_from_the_form_stores_its_files_and_one_failed_slot_runs_again(deployment: Deployment) -> None:
    page, vendor = deployment.page, deployment.vendors.providers["aig"]
    mended = refuse(vendor, "408000", "Wrong parameter", when=lambda inquiry: _start(inquiry) == deployment.broken)
    dag = DagPage(page, deployment.airflow, DAG_ID)
    form = dag.backfill_form()
    dag.choose(form, "From", deployment.first)
    dag.choose(form, "To", deployment.last)
    form.get_by_role("spinbutton").fill("4")
    expect(form.get_by_text(f"{HOURS} runs will be triggered.")).to_be_visible()
    picture(page, "backfill-form")
    dag.start(form)

    runs = [deployment.run_id(deployment.first + i * HOUR) for i in range(HOURS)]
    bad = deployment.run_id(deployment.broken)
    dag.watch({run_id: "Failed" if run_id == bad else "Success" for run_id in runs})
    picture(page, "backfill-one-failed")
    assert len(deployment.objects()) == HOURS - 1
    assert "Wrong parameter" in deployment.airflow.task_logs(DAG_ID, bad, "extract")

    tries = deployment.tries()
    mended()
    dag.clear(bad)
    dag.watch(dict.fromkeys(runs, "Success"))
    picture(page, "backfill-all-green")

    assert deployment.tries() == {**tries, bad: tries[bad] + 1}
    stored = [
        slot
        for slot in audit(deployment.lake, truth_of(deployment.vendors), {"transactions"})
        if slot.start <= deployment.last
    ]
    assert [slot.start for slot in stored] == [deployment.first + i * HOUR for i in range(HOURS)]
    assert all((slot.missing, slot.doubled, slot.wrong) == (0, 0, 0) and slot.expected for slot in stored)


def test_runs_side_by_side_keep_the_vendors_rate_limit_in_the_accounts_pool(deployment: Deployment) -> None:
    runs = [run for run in deployment.airflow.runs(DAG_ID) if run["run_type"] == "backfill"]
    runs = [run for run in runs if run["dag_run_id"] != deployment.run_id(deployment.broken)]  # it ran again later
    assert max(run["start_date"] for run in runs) < min(run["end_date"] for run in runs)
    assert [breach for breach in deployment.vendors.breaches if breach["rule"] == "rate"] == []


def test_an_event_of_the_asset_shows_window_and_counts(deployment: Deployment) -> None:
    page = deployment.page
    if IMAGES:
        show_bucket(page, "**/api/v2/assets/events*", deployment.lake)
    page.goto("/assets")
    page.get_by_role("link", name="betproviders/aig_default/main").click()
    expect(page.get_by_role("heading", name="Asset Events")).to_have_count(2)
    page.locator(".codicon-folding-collapsed").first.click()
    event = page.locator(".view-lines").first
    [newest, *_] = reversed(deployment.airflow.asset_events(source_dag_id=DAG_ID))
    for text in (f'"rows": {newest["extra"]["rows"]},', f'"bytes": {newest["extra"]["bytes"]},', '"start": "'):
        expect(event).to_contain_text(text)
    picture(page, "asset-events")


def test_openlineage_gets_the_stream_with_its_counts(deployment: Deployment) -> None:
    def look() -> dict[str, Json] | None:
        events = [json.loads(path.read_text()) for path in deployment.lineage.iterdir()]
        done = [
            each for each in events if each["eventType"] == "COMPLETE" and each["job"]["name"] == f"{DAG_ID}.extract"
        ]
        by_run = {each["run"]["facets"]["airflow"]["dagRun"]["run_id"]: each for each in done}
        return by_run if set(by_run) >= set(deployment.tasks()) else None

    completed = wait_for(look, TIMEOUT, "the events")
    for name, table in deployment.objects().items():
        start = datetime.strptime(Path(name).name[:16], "%Y%m%dT%H%M%SZ").replace(tzinfo=timezone.utc)
        [output] = completed[deployment.run_id(start)]["outputs"]
        assert output["namespace"] == "file"
        assert output["name"] == f"{deployment.lake}/provider=aig/stream=transactions/account=agent001"
        counts = output["outputFacets"]["outputStatistics"]
        assert counts["rowCount"] == table.num_rows > 0
        assert counts["size"] == (deployment.lake / name).stat().st_size
        assert "bet_amount" in {column["name"] for column in output["facets"]["schema"]["fields"]}
    text = " ".join(path.read_text() for path in deployment.lineage.iterdir())
    assert deployment.vendors.credentials["aig"]["password"] not in text


def test_a_run_of_the_day_stores_the_same_objects(deployment: Deployment) -> None:
    once, times = deployment.objects(), deployment.written_at()
    midnight = deployment.first.replace(hour=0)
    dag = DagPage(deployment.page, deployment.airflow, "aig_by_the_day")
    form = dag.backfill_form()
    dag.choose(form, "From", midnight)
    dag.choose(form, "To", midnight)
    expect(form.get_by_text("1 run will be triggered.")).to_be_visible()
    dag.start(form)

    dag.watch({f"backfill__{(midnight + 24 * HOUR).isoformat()}": "Success"})
    assert deployment.written_at().isdisjoint(times)
    assert deployment.objects() == once
    assert len(list(deployment.lake.glob(f"provider=aig/**/slot_date={midnight:%Y-%m-%d}/*.parquet"))) == 24


def test_without_a_pool_each_task_says_so_before_its_first_call(deployment: Deployment) -> None:
    airflow, dag_id = deployment.airflow, "aig_without_pool"
    # Two side by side: the more there are, the longer they wait, as each refusal doubles a task's wait.
    airflow.post_backfill(dag_id, deployment.first, deployment.first + HOUR, max_active_runs=2)
    airflow.unpause(dag_id)

    def ended() -> dict[str, Json] | None:
        tasks = deployment.tasks(dag_id)
        return tasks if len(tasks) == 2 and all(task["state"] in FINISHED for task in tasks.values()) else None

    tasks = wait_for(ended, TIMEOUT, "the backfill", lambda: str(deployment.tasks(dag_id)))
    # The task waits where the vendor asks for fewer calls, so nothing is missing.
    assert {task["state"] for task in tasks.values()} == {"success"}
    for run_id in tasks:
        log = airflow.task_logs(dag_id, run_id, "extract")
        warning = log.index("set pool='aig_default' on every task of the account")
        assert warning < log.index("slot 1/1")


def test_all_runs_again_backwards_store_the_same_objects(deployment: Deployment) -> None:
    once, times = deployment.objects(), deployment.written_at()
    # Airflow closes a backfill up to half a minute after its last run, and allows one at a time.
    [backfill] = deployment.airflow.api("GET", "backfills", dag_id=DAG_ID)["backfills"]
    deployment.airflow.wait_backfill(backfill["id"])
    dag = DagPage(deployment.page, deployment.airflow, DAG_ID)
    form = dag.backfill_form()
    dag.choose(form, "From", deployment.first)
    dag.choose(form, "To", deployment.last)
    form.get_by_text("All Runs").click()
    form.get_by_text("Run Backwards").click()
    expect(form.get_by_role("spinbutton")).to_have_value("1")  # of several at once, the pool takes the oldest first
    expect(form.get_by_text(f"{HOURS} runs will be triggered.")).to_be_visible()
    before = deployment.tries()
    dag.start(form)

    def again() -> dict[str, Json] | None:
        tasks = deployment.tasks()
        ended = all(task["state"] in FINISHED and task["try_number"] > before[run] for run, task in tasks.items())
        return tasks if ended else None

    tasks = wait_for(again, TIMEOUT, "all hours to run again", lambda: str(deployment.tasks()))
    assert {task["state"] for task in tasks.values()} == {"success"}
    began = [tasks[deployment.run_id(deployment.first + i * HOUR)]["start_date"] for i in range(HOURS)]
    assert began == sorted(began, reverse=True)
    assert deployment.written_at().isdisjoint(times)
    assert deployment.objects() == once


def test_tasks_of_a_pool_that_does_not_exist_wait_until_it_is_made(deployment: Deployment) -> None:
    def state() -> str:
        return str(deployment.tasks("aig_pool_to_come")[deployment.run_id(deployment.first)]["state"])

    assert state() == "scheduled"  # since before the first test, while all others have run
    deployment.airflow.set_pool("to_come", 1)
    wait_for(lambda: state() == "success" or None, TIMEOUT, "the task to start at last", state)


def _start(inquiry: Inquiry) -> Any:
    return datetime.fromtimestamp(int(inquiry.params["start_time"]) / 1000, timezone.utc)
