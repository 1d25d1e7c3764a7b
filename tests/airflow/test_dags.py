"""The helper for DAG authors: what one call makes, what may be overridden, and what it refuses."""

from __future__ import annotations

import inspect
import re
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from airflow.sdk import DAG, Asset
from airflow.timetables.interval import CronDataIntervalTimetable

from airflow_betproviders.dags import account_dag, incremental_dag
from airflow_betproviders.exceptions import InvalidArgument
from airflow_betproviders.operators.extract import ExtractToParquetOperator, stream_asset
from airflow_betproviders.operators.merge import MergeBetsOperator

RAW = "s3://aws_default@lake/raw"
BETS = "s3://aws_default@lake/bets"
HOW_TO = Path(__file__).parents[2] / "docs" / "how-to"
REFUSES = "allowed_run_types" in inspect.signature(DAG).parameters


def made(**arguments: Any) -> DAG:
    return incremental_dag("aig_bets", **{"conn_id": "aig_default", "path": RAW, **arguments})


def test_one_call_makes_a_well_formed_dag() -> None:
    dag = made()

    assert dag.timetable == CronDataIntervalTimetable("@hourly", timezone="UTC")
    assert dag.catchup is False
    assert not REFUSES or not dag.allowed_run_types  # the UI closes its Backfill form where manual runs are refused
    (task,) = dag.tasks
    assert isinstance(task, ExtractToParquetOperator)
    assert (task.task_id, task.conn_id, task.path, task.stream) == ("extract", "aig_default", RAW, None)
    assert (task.pool, task.retries) == ("aig_default", 5)
    assert "absolute" in str(task.weight_rule).lower()  # an object on Airflow 3.1
    assert task.retry_exponential_backoff
    assert task.execution_timeout == timedelta(hours=2)
    assert task.outlets == [stream_asset("aig_default")]
    assert "main bet stream of `aig_default`" in dag.doc_md
    assert "airflow backfill create --dag-id aig_bets" in dag.doc_md
    assert "airflow pools set aig_default 1" in dag.doc_md
    assert dag.fileloc == __file__


def test_with_a_table_what_was_read_is_merged() -> None:
    dag = made(table=BETS, lookback="24h", stream="latest", extract={"filters": {"a": 1}})

    extract, merge = dag.get_task("extract"), dag.get_task("merge")
    assert extract.lookback == "24h"
    assert isinstance(merge, MergeBetsOperator)
    assert extract.downstream_task_ids == {"merge"}
    assert merge.start == "{{ ti.xcom_pull(task_ids='extract')['start'] }}"
    assert merge.end == "{{ ti.xcom_pull(task_ids='extract')['end'] }}"
    assert (merge.path, merge.table, merge.stream, merge.filters) == (RAW, BETS, "latest", {"a": 1})
    assert merge.pool == "default_pool"
    assert merge.retries == 5


def test_everything_may_be_overridden() -> None:
    timetable = CronDataIntervalTimetable("5 * * * *", timezone="Asia/Manila")
    asset = Asset("mine")
    start = datetime(2026, 1, 1, tzinfo=timezone.utc)
    dag = made(
        schedule=timetable,
        pool="shared",
        default_args={"retries": 1, "owner": "data"},
        start_date=start,
        catchup=True,
        max_active_runs=3,
        tags=["finance"],
        doc_md="Mine.",
        table=BETS,
        extract={"task_id": "read", "slot": "15m", "outlets": [asset], "retries": 9, "path": "file:///else"},
        merge={"task_id": "join", "batch_rows": 1000, "pool": "heavy"},
        **({"allowed_run_types": ["scheduled", "manual"]} if REFUSES else {}),
    )
    read, join = dag.get_task("read"), dag.get_task("join")

    assert dag.timetable is timetable
    assert (dag.start_date, dag.catchup, dag.max_active_runs, dag.tags) == (start, True, 3, {"finance"})
    assert not REFUSES or {each.value for each in dag.allowed_run_types} == {"scheduled", "manual"}
    assert dag.doc_md.startswith("Mine.\n")
    assert "airflow pools set shared 1" in dag.doc_md
    assert (read.pool, read.retries, read.slot, read.outlets, read.path) == (
        "shared",
        9,
        "15m",
        [asset],
        "file:///else",
    )
    assert (join.pool, join.retries, join.batch_rows, join.owner) == ("heavy", 1, 1000, "data")
    assert join.path == "file:///else"
    assert "task_ids='read'" in join.start


@pytest.mark.parametrize("backfill", [False, "false"])
def test_a_dag_without_backfills_takes_none_and_mentions_none(backfill: Any) -> None:
    dag = made(backfill=backfill)
    assert not REFUSES or [each.value for each in dag.allowed_run_types] == ["scheduled"]
    assert "Backfill" not in dag.doc_md
    assert "airflow pools set aig_default 1" in dag.doc_md


def test_other_schedules_are_airflows_own() -> None:
    """What an asset starts is no scheduled run, and must not be refused."""
    dag = made(schedule=[Asset("upstream")])
    assert type(dag.timetable).__name__ == "AssetTriggeredTimetable"
    assert not REFUSES or not dag.allowed_run_types


def test_an_account_dag_takes_any_task() -> None:
    with account_dag("pv_two", conn_id="pv_default", schedule="0 0 * * *") as dag:
        for stream in ("stage_summary", "games"):
            ExtractToParquetOperator(task_id=stream, conn_id="pv_default", stream=stream, path=RAW)
    assert {(task.task_id, task.pool, task.retries) for task in dag.tasks} == {
        ("stage_summary", "pv_default", 5),
        ("games", "pv_default", 5),
    }
    assert Path(dag.fileloc) == Path(__file__)


@pytest.mark.parametrize(
    ("arguments", "cure"),
    [
        ({"schedule": timedelta(hours=1)}, "Write a cron expression"),
        ({"schedule": "hourly"}, "is not a cron expression"),
        ({"conn_id": ""}, "Give conn_id='aig_default'"),
        ({"path": None}, "Give path='s3://aws_default@lake/raw'"),
        ({"lookback": "a day"}, "lookback='a day' is not a duration"),
        ({"extract": ["archive"]}, "is not a dict"),
        ({"stream": 5}, "stream=5 is not text"),
        ({"table": ["bets"]}, r"table=\['bets'\] is not text"),
        ({"doc_md": 5}, "doc_md=5 is not text"),
        ({"backfill": "no"}, "backfill='no' is neither True nor False"),
        ({"merge": {"batch_rows": 1}}, "Name the folder of the bets table"),
    ],
)
def test_what_cannot_work_is_refused_at_parse_with_the_cure(arguments: dict[str, Any], cure: str) -> None:
    with pytest.raises(InvalidArgument, match=cure) as refused:
        made(**arguments)
    assert "aig_bets" in str(refused.value)


@pytest.mark.parametrize(
    ("arguments", "cure"),
    [
        ({"conn_id": None}, "Give conn_id='aig_default'"),
        ({"conn_id": "aig_default", "pool": 5}, "Give pool='aig_default'"),
        ({"conn_id": "aig_default", "backfill": None}, "backfill=None is neither True nor False"),
        ({"conn_id": "aig_default", "doc_md": []}, r"doc_md=\[\] is not text"),
        ({"conn_id": "aig_default", "schedule": 5}, "5 is not a valid schedule"),
        ({"conn_id": "aig_default", "default_args": "retries"}, "default_args='retries' is not a dict"),
    ],
)
def test_what_makes_no_empty_dag_is_refused_likewise(arguments: dict[str, Any], cure: str) -> None:
    with pytest.raises(InvalidArgument, match=f"DAG aig_bets: .*{cure}"):
        account_dag("aig_bets", **arguments)


def test_the_id_of_a_dag_is_text() -> None:
    with pytest.raises(InvalidArgument, match="dag_id=5 is not text"):
        incremental_dag(5, conn_id="aig_default", path=RAW)  # type: ignore[arg-type]


def test_a_misspelt_argument_is_refused() -> None:
    with pytest.raises(TypeError, match="lokback"):
        made(lokback="24h")


@pytest.mark.parametrize("page", ["write-a-dag", "recover-from-an-outage"])
def test_what_the_documentation_shows_is_python_that_makes_dags(page: str) -> None:
    names: dict[str, Any] = {"__name__": "page"}
    blocks = re.findall(r"^```python.*?\n(.*?)^```$", (HOW_TO / f"{page}.md").read_text(), re.MULTILINE | re.DOTALL)
    assert blocks
    for block in blocks:
        exec(compile(block, f"{page}.md", "exec"), names)
