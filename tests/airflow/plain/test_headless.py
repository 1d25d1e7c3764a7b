import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import requests

from demo.airflow_client import TIMEOUT, AirflowApiError, wait_for
from demo.headless import AirflowEndedError, HeadlessAirflow
from demo.sessions import end_session, processes_of
from tests.airflow_versions import READS_FORMS

pytestmark = pytest.mark.scheduler

DAG_ID = "hourly_window"


@pytest.fixture(scope="module")
def backfilled(headless_airflow: HeadlessAirflow) -> HeadlessAirflow:
    headless_airflow.unpause(DAG_ID)
    headless_airflow.create_backfill(DAG_ID, "2026-02-01T02:00Z", "2026-02-01T04:00Z", max_active_runs=2)
    # Three hours by backfill, and the hour before now because the DAG is no longer paused.
    headless_airflow.wait_runs(DAG_ID, count=4)
    return headless_airflow


def backfill_runs(airflow: HeadlessAirflow) -> list[str]:
    return [run["dag_run_id"] for run in airflow.runs(DAG_ID) if run["run_type"] == "backfill"]


def test_all_components_are_healthy(headless_airflow: HeadlessAirflow) -> None:
    assert set(headless_airflow.health().items()) >= {
        ("metadatabase", "healthy"),
        ("scheduler", "healthy"),
        ("dag_processor", "healthy"),
        ("triggerer", "healthy"),
    }


def test_a_backfill_runs_each_interval_once(backfilled: HeadlessAirflow) -> None:
    windows = [backfilled.xcoms(DAG_ID, run_id, "window")["return_value"] for run_id in backfill_runs(backfilled)]

    assert windows == [[f"2026-02-01T0{hour}:00:00+00:00", f"2026-02-01T0{hour + 1}:00:00+00:00"] for hour in (2, 3, 4)]
    assert {ti["state"] for ti in backfilled.task_instances(DAG_ID)} == {"success"}


def test_a_tasks_log_is_readable(backfilled: HeadlessAirflow) -> None:
    assert "the window's log line" in backfilled.task_logs(DAG_ID, backfill_runs(backfilled)[0], "window")


def test_a_cleared_run_runs_again(backfilled: HeadlessAirflow) -> None:
    run_id = backfill_runs(backfilled)[0]
    backfilled.clear(DAG_ID, run_id)

    def second_try() -> bool | None:
        [task] = backfilled.task_instances(DAG_ID, run_id)
        return (task["state"], task["try_number"]) == ("success", 2) or None

    assert wait_for(second_try, TIMEOUT, "the second try")


def test_a_connections_secrets_are_masked_and_the_rest_is_not(headless_airflow: HeadlessAirflow) -> None:
    extra = {"dc": "TEST", "iv_secret": "0123456789abcdef", "proxy": "http://user:word@proxy:3128"}
    headless_airflow.add_connection("jdb_forms", {"conn_type": "jdb", "password": "fedcba9876543210", "extra": extra})
    headless_airflow.add_connection("jdb_forms", {"conn_type": "jdb", "host": "http://127.0.0.1", "extra": extra})

    shown = headless_airflow.api("GET", "connections/jdb_forms")

    assert shown["host"] == "http://127.0.0.1"
    assert "0123456789abcdef" not in shown["extra"]
    assert "word" not in shown["extra"]
    assert "TEST" in shown["extra"]


def test_a_pool_is_set_twice(headless_airflow: HeadlessAirflow) -> None:
    headless_airflow.set_pool("aig", 2)
    headless_airflow.set_pool("aig", 1)

    assert headless_airflow.api("GET", "pools/aig")["slots"] == 1


def test_the_ui_offers_the_four_forms(headless_airflow: HeadlessAirflow) -> None:
    forms = {form["connection_type"]: form for form in headless_airflow.api("GET", "/ui/connections/hook_meta")}

    assert {"pv", "aig", "jdb", "gmag"} <= set(forms)
    if not READS_FORMS:
        assert not forms["jdb"]["extra_fields"]
        return
    assert forms["jdb"]["standard_fields"]["password"]["title"] == "AES key"
    assert forms["jdb"]["standard_fields"]["url_schema"]["hidden"]
    assert forms["jdb"]["extra_fields"]["utc_offset"]["value"] == "-04:00"


def test_a_refusal_says_why(headless_airflow: HeadlessAirflow) -> None:
    with pytest.raises(AirflowApiError, match="404") as refused:
        headless_airflow.api("GET", "connections/nowhere")

    assert refused.value.status == 404


class StartingAirflow(HeadlessAirflow):
    """An Airflow that nobody waits for: its start takes half a minute of a core."""

    def _wait_healthy(self, launcher: Any, timeout: float) -> None:
        wait_for(
            lambda: "".join(path.read_text() for path in self.home.glob("triggerer.pid")) or None, timeout, "a start"
        )

    def log_in(self) -> None:
        """Stay outside."""


def test_an_airflow_that_has_ended_says_why(tmp_path: Path) -> None:
    with StartingAirflow(tmp_path / "airflow", tmp_path) as airflow:
        os.kill(airflow.pid_of("triggerer"), signal.SIGKILL)

        def look() -> str | None:
            try:
                airflow.api("GET", "version")
            except AirflowEndedError as error:
                return str(error)
            except requests.ConnectionError:
                return None  # the launcher has not seen it yet
            return None

        assert "triggerer ended with status -9" in wait_for(look, TIMEOUT, "Airflow to end with its triggerer")


def test_an_orphaned_airflow_ends(tmp_path: Path) -> None:
    """Whoever holds an Airflow may be killed; its processes must not stay behind."""
    script = (
        "import os, sys; from pathlib import Path; from demo.headless import HeadlessAirflow\n"
        f"airflow = HeadlessAirflow(Path({str(tmp_path)!r}), Path({str(tmp_path)!r}))\n"
        "airflow._wait_healthy = lambda launcher, timeout: (print(launcher.pid, flush=True), os._exit(9))\n"
        "airflow.start()"
    )
    root = Path(__file__).parents[3]
    killed = subprocess.run([sys.executable, "-c", script], cwd=root, capture_output=True, text=True, check=False)
    session = int(killed.stdout)
    try:
        assert processes_of(session)
        deadline = time.monotonic() + 120
        while processes_of(session) and time.monotonic() < deadline:
            time.sleep(0.2)
        assert not processes_of(session)
    finally:
        end_session(session)
    assert os.getsid(0) != session
