"""Partitions (Airflow 3.3): GM-Ag by the hour, merged by the day, and again where an hour has changed since.

A rollup fires once, when a day's 24 hours are stored. An hour that is extracted again does not fire it again. So extractions
that repeat hours update another asset, for exactly the hours whose rows changed. The daily DAG is scheduled on both assets.
"""

from __future__ import annotations

import logging
from typing import Any

from airflow.sdk import DAG, Asset, task

from airflow_betproviders.dags import DEFAULT_ARGS, account_dag, incremental_dag
from airflow_betproviders.operators.extract import ExtractToParquetOperator
from airflow_betproviders.operators.merge import MergeBetsOperator

try:
    from airflow.sdk import CronPartitionTimetable, DayWindow, PartitionedAssetTimetable, RollupMapper, StartOfDayMapper
except ImportError:
    PARTITIONS = False
    logging.getLogger(__name__).warning("partitions.py defines no DAG: its partitions need Airflow 3.3 or newer")
else:
    PARTITIONS = True

CONN_ID = "gmag_default"
# Read when a task runs: change the Variables in the UI, and the next task uses these folders.
LAKE = "{{ var.value.get('betproviders_path', 'file:///tmp/betproviders-lake') }}"
TABLE = "{{ var.value.get('betproviders_table', 'file:///tmp/betproviders-bets') }}"

HOURS = Asset("betproviders/gmag_default/hours", uri="betproviders://gmag_default/hours")
CHANGED = Asset("betproviders/gmag_default/changed_hours", uri="betproviders://gmag_default/changed_hours")

if PARTITIONS:
    incremental_dag(
        "gmag_partitions_hourly",
        conn_id=CONN_ID,
        path=LAKE,
        schedule=CronPartitionTimetable("0 * * * *", timezone="UTC", run_offset=-1),
        extract={"outlets": [HOURS]},
        doc_md="Every round that ended in the hour, which is the run's partition. A run waits until ten minutes after it.",
    )

    with account_dag(
        "gmag_partitions_late",
        conn_id=CONN_ID,
        schedule="0 3 * * *",
        params={"days": 2},
        doc_md="""
Reads the last days again: two, or as many as a **Backfill** sets (`{"days": 7}`). The daily step runs again only for days
with an hour that has changed or was missing.
""",
    ):
        extract = ExtractToParquetOperator(
            task_id="extract",
            conn_id=CONN_ID,
            path=LAKE,
            start="{{ data_interval_end.start_of('day').subtract(days=params.days) }}",
            end="{{ data_interval_end.start_of('day') }}",
            outlets=[],
            priority_weight=1,
        )

        @task(pool="default_pool", outlets=[CHANGED])
        def announce(ti: Any = None, outlet_events: Any = None) -> None:
            """Update the asset's partitions of the hours that have changed; a task that is skipped updates none."""
            from airflow.sdk.exceptions import AirflowSkipException

            changed = ti.xcom_pull(task_ids="extract")["changed"]
            if not changed:
                raise AirflowSkipException("no hour has changed")
            outlet_events[CHANGED].add_partitions([hour.removesuffix("+00:00") for hour in changed])

        extract >> announce()

    with DAG(
        "gmag_partitions_daily",
        schedule=PartitionedAssetTimetable(
            assets=HOURS | CHANGED,
            partition_mapper_config={
                HOURS: RollupMapper(upstream_mapper=StartOfDayMapper(), window=DayWindow()),
                CHANGED: StartOfDayMapper(),
            },
        ),
        catchup=False,
        default_args=dict(DEFAULT_ARGS),
        doc_md="Merges a day into the bets table once its 24 hours have come, and again when one of them has changed.",
        tags=["betproviders", CONN_ID],
    ):
        MergeBetsOperator(task_id="merge", conn_id=CONN_ID, path=LAKE, table=TABLE, partition="1d")
