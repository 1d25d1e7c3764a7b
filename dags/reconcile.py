"""Reconcile each provider's day in the lake with the provider's own report."""

from airflow_betproviders.dags import account_dag
from airflow_betproviders.operators.reconcile import ReconcileOperator

# Read when a task runs: change the Variable in the UI, and the next task looks there.
LAKE = "{{ var.value.get('betproviders_path', 'file:///tmp/betproviders-lake') }}"
MIDNIGHT = "0 0 * * *"

# When the report's day ends, in UTC.
DAYS = {
    "pv": MIDNIGHT,
    "aig": MIDNIGHT,
    "jdb": "0 4 * * *",
    "gmag": MIDNIGHT,
}
HELD_AGAINST = {
    "pv": """
The day's bets in the lake against PV's own `stage_summary`, and its slots game by game, equal to the last li; the hours
that carry a difference are found by asking for the summary of halves of the day, and read again.
""",
    "aig": """
The day's bets in the lake against AIG's own count of each hour, since AIG has no report. A bet that has moved to a later
hour, as it was settled or made void, is left out of the hour it was in. Hours that differ are read again.
""",
    "jdb": """
The report day's bets in the lake against JDB's own sums by game type (action 66) and by player (action 42), from 04:00
UTC to 04:00. JDB has no sums of parts of a day: where a sum differs and every hour is as it was stored, the day is
read again with 288 calls.
""",
    "gmag": """
The day's rounds in the lake against GM-Ag's own report by currency and by game; the hours that carry a difference are
found by asking for the report of halves of the day, and read again.
""",
}
RECONCILED = """
A run waits, deferred, until the report is final. What was found is in the task's log, and in the lake under
`_betproviders/reconciliation` as Parquet and Markdown. The task fails if a difference remains after the slots are extracted again. Only a day
that agrees updates the asset `betproviders/<connection>/reconciliation`: schedule on it what finance relies on.
"""

for provider, schedule in DAYS.items():
    conn_id, doc = f"{provider}_default", f"{HELD_AGAINST[provider]}{RECONCILED}"
    with account_dag(f"{provider}_reconcile", conn_id=conn_id, schedule=schedule, doc_md=doc):
        ReconcileOperator(task_id="reconcile", conn_id=conn_id, path=LAKE, repair=True, priority_weight=1)
