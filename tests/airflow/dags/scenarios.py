"""The DAGs of `test_scheduler.py`: one for each case of `error_cases`, and some that the sample DAGs lack."""

import os
from datetime import datetime, timedelta, timezone

from airflow.sdk import DAG
from airflow.timetables.interval import CronDataIntervalTimetable
from error_cases import CASES
from late_notifier import FileNotifier

from airflow_betproviders.dags import incremental_dag
from airflow_betproviders.notifications.notifier import BetProvidersNotifier
from airflow_betproviders.operators.extract import ExtractToParquetOperator, stream_asset

LAKE = "{{ var.value.betproviders_path }}"
COMMON = {
    "start_date": datetime(2025, 1, 1, tzinfo=timezone.utc),
    "catchup": False,
    "default_args": {"retries": 1, "retry_delay": timedelta(seconds=1)},
}
INTERVAL = {"start": "{{ dag_run.conf.start }}", "end": "{{ dag_run.conf.end }}"}

for case in CASES:
    with DAG(dag_id=f"case_{case.name}", schedule=None, **COMMON):
        ExtractToParquetOperator(
            task_id="extract",
            conn_id=case.name,
            stream=case.stream,
            filters=case.filters or None,
            path=case.path or f"{LAKE}/{case.name}",
            retries=case.retries,
            **INTERVAL,
        )

with DAG(dag_id="plain_hourly", schedule="@hourly", **COMMON):
    ExtractToParquetOperator(task_id="extract", conn_id="aig_default", path=f"{LAKE}/plain", retries=3)

with DAG(dag_id="a_day_at_once", schedule=CronDataIntervalTimetable("@daily", timezone="UTC"), **COMMON):
    ExtractToParquetOperator(task_id="extract", conn_id="aig_default", path=LAKE)

with DAG(dag_id="minutes", schedule=None, **COMMON):
    ExtractToParquetOperator(task_id="extract", conn_id="aig_default", path=f"{LAKE}/minutes", slot="1m", **INTERVAL)

for stopped in ("killed", "marked"):
    with DAG(dag_id=stopped, schedule=None, **COMMON):
        ExtractToParquetOperator(task_id="extract", conn_id="jdb_slow", path=f"{LAKE}/{stopped}", **INTERVAL)

with DAG(dag_id="to_s3", schedule=None, **COMMON):
    for vendor in ("pv", "aig", "jdb", "gmag"):
        ExtractToParquetOperator(
            task_id=vendor,
            conn_id=f"{vendor}_default",
            path="s3://lake_s3@lake/raw",
            pool=f"{vendor}_default",
            **INTERVAL,
        )

with DAG(dag_id="after_games", schedule=[stream_asset("pv_default", "games_game_history")], **COMMON):
    ExtractToParquetOperator(task_id="extract", conn_id="pv_default", stream="games", path=f"{LAKE}/after")

# No run is as quick as this, so that each is late. Reading S3 needs a connection in the triggerer.
incremental_dag(
    "late",
    conn_id="aig_default",
    path=f"{LAKE}/late",
    schedule=None,
    extract=INTERVAL,
    fresh_within="1s",
    alert=BetProvidersNotifier(path="s3://lake_s3@lake/raw", via=FileNotifier(os.environ["BETPROVIDERS_TEST_ALERTS"])),
)
