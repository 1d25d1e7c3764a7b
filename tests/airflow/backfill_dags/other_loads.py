"""AIG's sample DAGs, and others that load the same hours in another way."""

import sys
from datetime import datetime, timedelta, timezone
from pathlib import Path

from airflow.sdk import DAG
from airflow.timetables.interval import CronDataIntervalTimetable

from airflow_betproviders.operators.extract import ExtractToParquetOperator

sys.path.insert(0, str(Path(__file__).parents[3] / "dags"))
import aig  # noqa: F401 - its DAGs are this file's

LAKE = "{{ var.value.betproviders_path }}"
COMMON = {
    "start_date": datetime(2025, 1, 1, tzinfo=timezone.utc),
    "catchup": False,
    "default_args": {"retries": 2, "retry_delay": timedelta(seconds=1)},
}

with DAG("aig_by_the_day", schedule=CronDataIntervalTimetable("@daily", timezone="UTC"), **COMMON):
    ExtractToParquetOperator(task_id="extract", conn_id="aig_default", path=LAKE, pool="aig_default")

with DAG("aig_without_pool", schedule=CronDataIntervalTimetable("@hourly", timezone="UTC"), **COMMON):
    ExtractToParquetOperator(task_id="extract", conn_id="aig_default", path=f"{LAKE}/without_pool")

with DAG("aig_pool_to_come", schedule=CronDataIntervalTimetable("@hourly", timezone="UTC"), **COMMON):
    ExtractToParquetOperator(task_id="extract", conn_id="aig_default", path=f"{LAKE}/later", pool="to_come")
