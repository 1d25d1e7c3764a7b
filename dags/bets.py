"""The bets table: merges each provider's new slots as soon as they are stored, and compacts small files once a week."""

from datetime import datetime, timedelta, timezone

from airflow.sdk import DAG
from airflow.timetables.interval import CronDataIntervalTimetable

from airflow_betproviders.operators.extract import stream_asset
from airflow_betproviders.operators.merge import MergeBetsOperator, OptimizeBetsOperator

# Read when a task runs: change the Variables in the UI, and the next task uses these folders.
LAKE = "{{ var.value.get('betproviders_path', 'file:///tmp/betproviders-lake') }}"
TABLE = "{{ var.value.get('betproviders_table', 'file:///tmp/betproviders-bets') }}"
START = datetime(2025, 1, 1, tzinfo=timezone.utc)
RETRIES = {"retries": 5, "retry_exponential_backoff": True, "max_retry_delay": timedelta(minutes=30)}
FEEDS = {"pv": (None,), "aig": (None,), "jdb": (None, "recent_transactions"), "gmag": (None,)}

MERGE = """
Merges the slots that an extraction has just stored into the bets table: one row a bet, in its newest version.

* A run merges the intervals of the extractions that triggered it, also of a **Backfill**. So this DAG itself needs no
  backfill.
* It may run twice, and at the same time as others. Clear a run to merge again; it reads only slots that have changed.
* The Variable `betproviders_table` names the folder of the table.
"""

for provider, streams in FEEDS.items():
    conn_id = f"{provider}_default"
    first, *others = (stream_asset(conn_id, stream) for stream in streams)
    with DAG(
        dag_id=f"bets_{provider}",
        schedule=first if not others else first | others[0],
        start_date=START,
        catchup=False,
        default_args=RETRIES,
        doc_md=MERGE,
        tags=["betproviders", conn_id],
    ):
        MergeBetsOperator(task_id="merge", conn_id=conn_id, path=LAKE, table=TABLE)

with DAG(
    dag_id="bets_optimize",
    schedule=CronDataIntervalTimetable("0 5 * * 0", timezone="UTC"),
    start_date=START,
    catchup=False,
    default_args=RETRIES,
    doc_md="Compacts small files of the bets table, and deletes files that no version of the last week needs.",
    tags=["betproviders"],
):
    OptimizeBetsOperator(task_id="optimize", table=TABLE)
