"""AIG live casino: bets by the hour in which they last changed, and a re-read every night."""

from airflow_betproviders.dags import incremental_dag

CONN_ID = "aig_default"
# Read when a task runs: change the Variable in the UI, and the next task writes there.
LAKE = "{{ var.value.get('betproviders_path', 'file:///tmp/betproviders-lake') }}"

incremental_dag(
    "aig_transactions",
    conn_id=CONN_ID,
    path=LAKE,
    doc_md="""
Every bet that was placed, settled, cancelled or made invalid in the hour. AIG filters by `update_time`. Assumed, since the
document does not say it: a bet that changes again comes again in a later hour, and an hour that is extracted again no
longer has it. Read the bets by newest `update_time`. A run waits, deferred, until five minutes after the hour.
""",
)

incremental_dag(
    "aig_transactions_reread",
    conn_id=CONN_ID,
    path=LAKE,
    schedule="0 3 * * *",
    lookback="24h",
    extract={"priority_weight": 1},
    doc_md="""
Extracts the last 48 hours again, into the same hourly objects as `aig_transactions`, to find changes that AIG published
later than five minutes after the hour. An hour that shrinks has probably lost no bet: by the assumption of `aig_transactions` its bets
have moved to a later hour, where the merge finds them.
""",
)
