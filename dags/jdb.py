"""JDB: a live feed, bets by the hour, a sweep for those that settle late, the day's sums and reconciliation."""

from __future__ import annotations

from betproviders_common import (
    EVERY_NIGHT,
    EVERY_QUARTER,
    FIRST,
    HOURLY,
    JDB_REPORT_DAY,
    LAKE,
    LAST,
    RECONCILED,
    bets_dag,
    connection,
)

from airflow_betproviders.operators.extract import ExtractToParquetOperator, stream_asset
from airflow_betproviders.operators.reconcile import ReconcileOperator

CONN_ID = connection("jdb")

with bets_dag(
    "jdb",
    "jdb_recent_transactions",
    EVERY_QUARTER,
    """
Bets by `lastModifyTime`, a few minutes after they change (action 29). JDB keeps this feed for **two hours only**, so
there is nothing to backfill: after a longer outage load the hours from `jdb_transactions`. These tasks go first in the
account's pool.
""",
    backfill=False,
):
    ExtractToParquetOperator(
        task_id="extract",
        conn_id=CONN_ID,
        stream="recent_transactions",
        path=LAKE,
        slot="15m",
        priority_weight=FIRST,
    )

with bets_dag(
    "jdb",
    "jdb_transactions",
    HOURLY,
    """
Every bet by `gameDate` (action 64), which JDB offers from one hour to sixty days back. A run waits, deferred, until 65
minutes after the hour; until then `jdb_recent_transactions` has its bets. An hour takes twelve calls.
""",
):
    ExtractToParquetOperator(task_id="extract", conn_id=CONN_ID, path=LAKE)

with bets_dag(
    "jdb",
    "jdb_transactions_sweep",
    EVERY_NIGHT,
    """
The last three days once more, in the same hourly objects as `jdb_transactions`: a bet that settles late appears under
its old `gameDate`. Each day is a mapped task of 288 calls, 24 minutes at one call per five seconds; between the days
the live feed gets its turn in the pool.
""",
):
    ExtractToParquetOperator.partial(
        task_id="extract",
        conn_id=CONN_ID,
        path=LAKE,
        outlets=[stream_asset(CONN_ID)],
        priority_weight=LAST,
    ).expand_kwargs(
        [
            {
                "start": f"{{{{ data_interval_end.subtract(hours={2 + 24 * days}) }}}}",
                "end": f"{{{{ data_interval_end.subtract(hours={2 + 24 * (days - 1)}) }}}}",
            }
            for days in (3, 2, 1)
        ]
    )

with bets_dag(
    "jdb",
    "jdb_daily",
    JDB_REPORT_DAY,
    """
The report day's sums by game type (action 66), to reconcile the bets with. JDB's day runs from midnight to midnight at
GMT-4, which is 04:00 to 04:00 UTC. For sums by player, map `daily_by_player` over `{"gType": ...}`.
""",
):
    ExtractToParquetOperator(task_id="daily_by_game_type", conn_id=CONN_ID, stream="daily_by_game_type", path=LAKE)

with bets_dag(
    "jdb",
    "jdb_reconcile",
    JDB_REPORT_DAY,
    f"""
The report day's bets in the lake against JDB's own sums by game type (action 66) and by player (action 42), from 04:00
UTC to 04:00. JDB has no sums of parts of a day: where a sum differs and every hour is as it was stored, the whole day is
read again, 288 calls.
{RECONCILED}
""",
):
    ReconcileOperator(task_id="reconcile", conn_id=CONN_ID, path=LAKE, repair=True, priority_weight=LAST)
