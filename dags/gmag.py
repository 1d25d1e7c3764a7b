"""GM-Ag (Golden Matrix): rounds and money movements by the hour, a re-read, and the day's report."""

from airflow_betproviders.dags import account_dag, incremental_dag
from airflow_betproviders.operators.extract import ExtractToParquetOperator

CONN_ID = "gmag_default"
# Read when a task runs: change the Variable in the UI, and the next task writes there.
LAKE = "{{ var.value.get('betproviders_path', 'file:///tmp/betproviders-lake') }}"

incremental_dag(
    "gmag_game_history",
    conn_id=CONN_ID,
    path=LAKE,
    doc_md="""
Every round that ended in the hour. A run waits, deferred, until ten minutes after the hour. GM-Ag keeps thirty days.
""",
)

incremental_dag(
    "gmag_game_history_reread",
    conn_id=CONN_ID,
    path=LAKE,
    schedule="0 3 * * *",
    lookback="24h",
    extract={"priority_weight": 1},
    doc_md="""
Extracts the last 48 hours again, into the same hourly objects as `gmag_game_history`. Assumed, since the document does not
say it: a corrected round keeps its `endTime` and replaces the earlier one.
""",
)

with account_dag(
    "gmag_daily",
    conn_id=CONN_ID,
    schedule="0 0 * * *",
    doc_md="""
The day's single money movements and promotion payouts, in hourly objects (GM-Ag keeps them for fifteen days), and the
day's report by game, to reconcile the rounds with.
""",
):
    for stream in ("game_transactions", "extra_transactions"):
        ExtractToParquetOperator(task_id=stream, conn_id=CONN_ID, stream=stream, path=LAKE, priority_weight=1)
    ExtractToParquetOperator(
        task_id="game_report",
        conn_id=CONN_ID,
        stream="game_report",
        path=LAKE,
        filters={"reportBy": "gameCode"},
    )
