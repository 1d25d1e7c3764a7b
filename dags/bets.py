"""The bets table: each provider's new slots merged as soon as they land, and small files put together once a week."""

from __future__ import annotations

import os
from datetime import datetime, timezone

from airflow.sdk import DAG
from airflow.timetables.interval import CronDataIntervalTimetable
from betproviders_common import LAKE, RETRIES, connection

from airflow_betproviders.operators.extract import stream_asset
from airflow_betproviders.operators.merge import MergeBetsOperator, OptimizeBetsOperator

_TABLE = os.environ.get("BETPROVIDERS_TABLE", "file:///tmp/betproviders-bets")
TABLE = f"{{{{ var.value.get('betproviders_table', '{_TABLE}') }}}}"
START = datetime(2025, 1, 1, tzinfo=timezone.utc)
FEEDS = {"pv": (None,), "aig": (None,), "jdb": (None, "recent_transactions"), "gmag": (None,)}

MERGE = """
Brings the slots that an extraction has just stored into the bets table: one row a bet, the newest version, whatever
window brought it. A run is about the intervals of the extractions that triggered it, a **Backfill** of the hourly DAG
included, so there is nothing to backfill here. It may run twice and beside others. Clear a run to look again; only slots
that have changed since are read.

| what | where | default |
|---|---|---|
| folder of the table | Variable `betproviders_table`, else environment `BETPROVIDERS_TABLE` | `{table}` |
"""

for provider, streams in FEEDS.items():
    conn_id = connection(provider)
    first, *others = (stream_asset(conn_id, stream) for stream in streams)
    with DAG(
        dag_id=f"bets_{provider}",
        schedule=first if not others else first | others[0],
        start_date=START,
        catchup=False,
        default_args=RETRIES,
        doc_md=MERGE.format(table=_TABLE),
        tags=["betproviders", provider],
    ):
        MergeBetsOperator(task_id="merge", conn_id=conn_id, path=LAKE, table=TABLE)

with DAG(
    dag_id="bets_optimize",
    schedule=CronDataIntervalTimetable("0 5 * * 0", timezone="UTC"),
    start_date=START,
    catchup=False,
    default_args=RETRIES,
    doc_md="Puts the bets table's small files together, and deletes those that no version of the last week needs.",
    tags=["betproviders"],
):
    OptimizeBetsOperator(task_id="optimize", table=TABLE)
