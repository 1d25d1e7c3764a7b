"""GM-Ag (Golden Matrix): rounds and money movements by the hour, a re-read, the day's report and reconciliation."""

from __future__ import annotations

from betproviders_common import DAILY, EVERY_NIGHT, HOURLY, LAKE, LAST, RECONCILED, bets_dag, connection

from airflow_betproviders.operators.extract import ExtractToParquetOperator
from airflow_betproviders.operators.reconcile import ReconcileOperator

CONN_ID = connection("gmag")

with bets_dag(
    "gmag",
    "gmag_game_history",
    HOURLY,
    """
Every round that ended in the hour. A run waits, deferred, until ten minutes after the hour. GM-Ag keeps thirty days.
""",
):
    ExtractToParquetOperator(task_id="extract", conn_id=CONN_ID, path=LAKE)

with bets_dag(
    "gmag",
    "gmag_game_history_reread",
    EVERY_NIGHT,
    """
The last 48 hours once more, in the same hourly objects as `gmag_game_history`: GM-Ag corrects a round under the
`endTime` it had, and the corrected round replaces the earlier one.
""",
):
    ExtractToParquetOperator(
        task_id="extract",
        conn_id=CONN_ID,
        path=LAKE,
        start="{{ data_interval_end.subtract(hours=48) }}",
        end="{{ data_interval_end }}",
        priority_weight=LAST,
    )

with bets_dag(
    "gmag",
    "gmag_daily",
    DAILY,
    """
The day's single money movements and promotion payouts, in hourly objects (GM-Ag keeps them for fifteen days), and the
day's report by game, to reconcile the rounds with.
""",
):
    for stream in ("game_transactions", "extra_transactions"):
        ExtractToParquetOperator(task_id=stream, conn_id=CONN_ID, stream=stream, path=LAKE, priority_weight=LAST)
    ExtractToParquetOperator(
        task_id="game_report",
        conn_id=CONN_ID,
        stream="game_report",
        path=LAKE,
        filters={"reportBy": "gameCode"},
    )

with bets_dag(
    "gmag",
    "gmag_reconcile",
    DAILY,
    f"""
The day's rounds in the lake against GM-Ag's own report by currency and by game; the hours that carry a difference are
found by asking for the report of halves of the day, and read again.
{RECONCILED}
""",
):
    ReconcileOperator(task_id="reconcile", conn_id=CONN_ID, path=LAKE, repair=True, priority_weight=LAST)
