"""JDB: a live feed, bets by the hour, a sweep for those that settle late, and the day's sums."""

from airflow_betproviders.dags import account_dag, incremental_dag
from airflow_betproviders.operators.extract import ExtractToParquetOperator, stream_asset

CONN_ID = "jdb_default"
# Read when a task runs: change the Variable in the UI, and the next task writes there.
LAKE = "{{ var.value.get('betproviders_path', 'file:///tmp/betproviders-lake') }}"

incremental_dag(
    "jdb_recent_transactions",
    conn_id=CONN_ID,
    path=LAKE,
    stream="recent_transactions",
    schedule="*/15 * * * *",
    backfill=False,
    extract={"slot": "15m", "priority_weight": 100},
    doc_md="""
Bets by `lastModifyTime`, a few minutes after they change (action 29). JDB keeps this feed for **two hours only**, so
there is no **Backfill**: after a longer outage load the hours from `jdb_transactions`. These tasks go first in the
account's pool.
""",
)

incremental_dag(
    "jdb_transactions",
    conn_id=CONN_ID,
    path=LAKE,
    doc_md="""
Every bet by `gameDate` (action 64), which JDB offers from one hour to sixty days back. A run waits, deferred, until 65
minutes after the hour; until then `jdb_recent_transactions` has its bets. An hour takes twelve calls.
""",
)

with account_dag(
    "jdb_transactions_sweep",
    conn_id=CONN_ID,
    schedule="0 3 * * *",
    doc_md="""
Extracts the last three days again, into the same hourly objects as `jdb_transactions`. Assumed, since the document does not
say it: a bet that settles late appears under its old `gameDate`. Each day is a mapped task of 288 calls, 24 minutes at one
call per five seconds. Between the days the live feed gets its turn in the pool.
""",
):
    ExtractToParquetOperator.partial(
        task_id="extract",
        conn_id=CONN_ID,
        path=LAKE,
        outlets=[stream_asset(CONN_ID)],
        priority_weight=1,
    ).expand_kwargs(
        [
            {
                "start": f"{{{{ data_interval_end.subtract(hours={2 + 24 * days}) }}}}",
                "end": f"{{{{ data_interval_end.subtract(hours={2 + 24 * (days - 1)}) }}}}",
            }
            for days in (3, 2, 1)
        ]
    )

incremental_dag(
    "jdb_daily",
    conn_id=CONN_ID,
    path=LAKE,
    stream="daily_by_game_type",
    schedule="0 4 * * *",
    extract={"task_id": "daily_by_game_type"},
    doc_md="""
The report day's sums by game type (action 66), to reconcile the bets with. JDB's day runs from midnight to midnight at
GMT-4, which is 04:00 to 04:00 UTC. For sums by player, map `daily_by_player` over `{"gType": ...}`.
""",
)
