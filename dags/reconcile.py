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
COMPARISON = {
    "pv": """
Compares the day's bets in the lake with PV's own `stage_summary`, and its slots by game, to the last li. To find the hours that
differ, the task requests the summary of halves of the day. It extracts these hours again.
""",
    "aig": """
Compares the day's bets in the lake with AIG's own count of each hour, since AIG has no report. A bet that moved to a later
hour when it was settled or made void does not count in its earlier hour. The task extracts hours that differ again.
""",
    "jdb": """
Compares the report day's bets in the lake with JDB's own sums by game type (action 66) and by player (action 42), from 04:00
UTC to 04:00. JDB has no sums of parts of a day. If a sum differs although every hour matches its receipt, the task extracts the
complete day again with 288 calls.
""",
    "gmag": """
Compares the day's rounds in the lake with GM-Ag's own report by currency and by game. To find the hours that differ, the task
requests the report of halves of the day. It extracts these hours again.
""",
}
RESULT = """
A run waits, deferred, until the report is final. The result is in the task's log, and in the lake under
`_betproviders/reconciliation` as Parquet and Markdown. The task fails if a difference remains after the slots are extracted again. Only a day
that agrees updates the asset `betproviders/<connection>/reconciliation`: schedule on it what finance relies on.
"""

for provider, schedule in DAYS.items():
    conn_id, doc = f"{provider}_default", f"{COMPARISON[provider]}{RESULT}"
    with account_dag(f"{provider}_reconcile", conn_id=conn_id, schedule=schedule, doc_md=doc):
        ReconcileOperator(task_id="reconcile", conn_id=conn_id, path=LAKE, repair=True, priority_weight=1)
