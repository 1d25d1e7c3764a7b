"""The sample chain of partitions under a real scheduler: a day once, and again for the hours that were corrected.

The sample's own runs load the last hours of the first day. One extraction beside Airflow loads those before, and an event for each
says so, as another team's pipeline would: twenty runs less, which take three seconds of a core each.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from airflow_betproviders.bets_table.table import BetsTable
from airflow_betproviders.simulator.server import Simulator
from demo.airflow_client import FINISHED, TIMEOUT, Json, wait_for
from demo.headless import HeadlessAirflow
from tests.airflow.vendor_doubles import simulator
from tests.airflow_versions import HAS_PARTITIONS
from tests.conformance.expected_bets import EXPECTED_BETS
from tests.operator_runs import context, execute, operator
from tests.postgres import running as running_postgres

pytestmark = [
    pytest.mark.scheduler,
    pytest.mark.slow,
    pytest.mark.timeout(2 * TIMEOUT),
    pytest.mark.skipif(not HAS_PARTITIONS, reason="Airflow has rollups and add_partitions from 3.3 on"),
]

SAMPLE = Path(__file__).parents[2] / "dags" / "partitions.py"
HOURLY, DAILY, LATE = (f"gmag_partitions_{name}" for name in ("hourly", "daily", "late"))
HOURS, CHANGED = (f"betproviders://gmag_default/{name}" for name in ("hours", "changed_hours"))
RUNS = 4  # hours of the first day that the sample's runs load
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


class Deployment:
    """One Airflow with the sample, a vendor that corrects rounds hours later, and the two days that the late DAG reads."""

    def __init__(
        self, airflow: HeadlessAirflow, vendor: Simulator, folder: Path, first: datetime, early: datetime
    ) -> None:
        self.airflow = airflow
        self.vendor = vendor
        self.folder = folder
        self.bets = folder / "bets"
        self.first = first
        self.early = early

    def hours(self, day: datetime) -> list[datetime]:
        return [day + i * HOUR for i in range(24)]

    def load(self, hours: list[datetime]) -> None:
        """Store hours without a run, and tell the asset of each."""
        extract = operator(self.folder, "gmag", start=hours[0], end=hours[-1] + HOUR, outlets=[])
        assert execute(extract, context())["slots"] == len(hours)
        [asset] = self.airflow.api("GET", "assets", uri_pattern=HOURS)["assets"]
        for hour in hours:
            self.airflow.api("POST", "assets/events", {"asset_id": asset["id"], "partition_key": key(hour)})

    def corrected(self) -> set[str]:
        """The hours of the first day that the vendor shows otherwise by now."""

        def rows_of(hour: datetime, as_of: datetime | None) -> list[str]:
            return self.vendor.truth_texts("gmag", "game_history", hour, hour + HOUR, as_of=as_of)

        return {key(hour) for hour in self.hours(self.first) if rows_of(hour, self.early) != rows_of(hour, None)}

    def daily(self, day: datetime) -> list[Json]:
        return [run for run in self.airflow.runs(DAILY) if run["partition_key"] == f"{day:%Y-%m-%d}"]

    def merged(self, day: datetime, count: int) -> None:
        """Wait until a day's daily step has run that often, and show that the bets table has the day as the vendor has it."""

        def look() -> bool | None:
            runs = self.daily(day)
            return (len(runs) >= count and all(run["state"] in FINISHED for run in runs)) or None

        wait_for(look, TIMEOUT, f"{count} daily runs of {day}", lambda: str(self.airflow.runs(DAILY)))
        assert [run["state"] for run in self.daily(day)] == ["success"] * count
        rows = BetsTable(str(self.bets)).open().to_pyarrow_table().to_pylist()
        held = {
            row["bet_id"]: (row["status"], row["stake"], row["payout"], row["net"])
            for row in rows
            if day <= row["settled_at"] < day + DAY
        }
        truth = self.vendor.truth("gmag", "game_history", day, day + DAY)
        assert truth
        assert held == dict(EXPECTED_BETS["gmag"](record) for record in truth)

    def changed(self, run_id: str) -> list[str]:
        """The partitions that a run of the late DAG has updated; Airflow shows them once the runs that they made have begun."""
        events = [event for event in self.airflow.asset_events(source_dag_id=LATE) if event["source_run_id"] == run_id]
        assert {event["uri"] for event in events} <= {CHANGED}
        return sorted(event["partition_key"] for event in events)

    def states(self, run_id: str) -> dict[str, Any]:
        return {task["task_id"]: task["state"] for task in self.airflow.task_instances(LATE, run_id)}


def key(hour: datetime) -> str:
    return f"{hour:%Y-%m-%dT%H:%M:%S}"


@pytest.fixture(scope="module")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    dags, folder = (tmp_path_factory.mktemp(name) for name in ("dags", "stored"))
    (dags / SAMPLE.name).symlink_to(SAMPLE)
    now = datetime.now(timezone.utc)
    # The two whole days before the last 03:00.
    first = (now - timedelta(hours=3)).replace(hour=0, minute=0, second=0, microsecond=0) - 2 * DAY
    early = first + DAY + HOUR
    env = {
        "AIRFLOW_VAR_BETPROVIDERS_PATH": (folder / "lake").as_uri(),
        "AIRFLOW_VAR_BETPROVIDERS_TABLE": (folder / "bets").as_uri(),
        "AIRFLOW__CORE__DEFAULT_TASK_RETRY_DELAY": "1",
    }
    with (
        simulator(early, set(), late_share=0.3) as vendor,
        running_postgres() as database,
        HeadlessAirflow(tmp_path_factory.mktemp("airflow"), dags, env, parallelism=4, database=database) as airflow,
    ):
        airflow.add_connection("gmag_default", vendor.credentials["gmag"])
        airflow.set_pool("gmag_default", 4)
        yield Deployment(airflow, vendor, folder, first, early)


def test_a_corrected_hour_reaches_the_daily_step_and_no_other_does(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    airflow, first, second = deployment.airflow, deployment.first, deployment.first + DAY
    hours = deployment.hours(first)
    monkeypatch.setenv("AIRFLOW_CONN_GMAG_DEFAULT", json.dumps(deployment.vendor.credentials["gmag"]))

    # The hours of a day are read an hour after its end, and make one daily run.
    airflow.wait_dag(HOURLY)
    airflow.post_backfill(HOURLY, hours[-RUNS], hours[-1])
    airflow.unpause(DAILY)
    deployment.load(hours[:-RUNS])
    assert airflow.runs(DAILY) == []
    airflow.unpause(HOURLY)
    # The run of the hour that has just turned waits for its bets, so it is not waited for.
    hourly = airflow.wait_runs(HOURLY, count=RUNS, run_type="backfill")
    assert {run["partition_key"] for run in hourly} == {key(hour) for hour in hours[-RUNS:]}
    deployment.merged(first, 1)

    # The vendor corrects rounds of the day's last hours, and has the day after.
    deployment.vendor.set_now(datetime.now(timezone.utc))
    corrected = deployment.corrected()
    assert 0 < len(corrected) < 12
    airflow.unpause(LATE)
    (late,) = airflow.wait_runs(LATE)
    assert (late["run_type"], deployment.states(late["dag_run_id"])) == (
        "scheduled",
        {"extract": "success", "announce": "success"},
    )
    deployment.merged(first, 2)
    deployment.merged(second, 1)
    assert deployment.changed(late["dag_run_id"]) == sorted(
        corrected | {key(hour) for hour in deployment.hours(second)}
    )

    # Read once more, nothing has changed, and nothing is announced.
    end = first + DAY + timedelta(hours=3)
    airflow.post_backfill(LATE, end - DAY, end - DAY, conf={"days": 1})
    airflow.wait_runs(LATE, count=2)
    (again,) = (run for run in airflow.runs(LATE) if run["run_type"] == "backfill")
    assert deployment.states(again["dag_run_id"]) == {"extract": "success", "announce": "skipped"}
    read = airflow.xcoms(LATE, again["dag_run_id"], "extract")["return_value"]
    assert (read["start"], read["slots"], read["changed"]) == (first.isoformat(), 24, [])
    assert deployment.changed(again["dag_run_id"]) == []
    assert [len(deployment.daily(day)) for day in (first, second)] == [2, 1]
