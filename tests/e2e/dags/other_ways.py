"""The hourly loads of the sample DAGs once more, for the other two ways of keeping the vendors' rates."""

from datetime import datetime, timezone

from airflow.sdk import DAG
from airflow.timetables.interval import CronDataIntervalTimetable
from ways import SWAPPED, UNLIMITED

from airflow_betproviders.operators.extract import ExtractToParquetOperator

for way in (SWAPPED, UNLIMITED):
    for vendor, dag_id in way.dag_ids.items():
        with DAG(
            dag_id,
            schedule=CronDataIntervalTimetable("0 * * * *", timezone="UTC"),
            start_date=datetime(2025, 1, 1, tzinfo=timezone.utc),
            catchup=False,
            default_args={"retries": 5},
        ):
            ExtractToParquetOperator(
                task_id="extract", conn_id=way.conn_id(vendor), path=way.path, pool=way.conn_id(vendor)
            )
