"""AIG live casino: bets by the hour in which they last changed, a re-read, and the day's reconciliation."""

from __future__ import annotations

from betproviders_common import DAILY, EVERY_NIGHT, HOURLY, LAKE, LAST, RECONCILED, bets_dag, connection

from airflow_betproviders.operators.extract import ExtractToParquetOperator
from airflow_betproviders.operators.reconcile import ReconcileOperator

CONN_ID = connection("aig")

with bets_dag(
    "aig",
    "aig_transactions",
    HOURLY,
    """
Every bet that was placed, settled, cancelled or made invalid in the hour. AIG filters by `update_time`: a bet that
changes again comes again, in a later hour's object, and leaves the one it was in. Read the bets by newest
`update_time`. A run waits, deferred, until five minutes after the hour.
""",
):
    ExtractToParquetOperator(task_id="extract", conn_id=CONN_ID, path=LAKE)

with bets_dag(
    "aig",
    "aig_transactions_reread",
    EVERY_NIGHT,
    """
The last 48 hours once more, in the same hourly objects as `aig_transactions`: a change that AIG published later than
five minutes after the hour is found here. An hour that shrinks is no loss: its bets have moved to a later hour.
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
    "aig",
    "aig_reconcile",
    DAILY,
    f"""
The day's bets in the lake against AIG's own count of each hour, since AIG has no report. A bet that has moved to a later
hour, as it was settled or made void, is left out of the hour it was in. Hours that differ are read again.
{RECONCILED}
""",
):
    ReconcileOperator(task_id="reconcile", conn_id=CONN_ID, path=LAKE, repair=True, priority_weight=LAST)
