"""What the week's extractions have left out, for each provider: looked for in the lake, read again, and told if it is gone."""

from airflow_betproviders.dags import account_dag
from airflow_betproviders.operators.gaps import FillGapsOperator

# Read when a task runs: change the Variable in the UI, and the next task looks there.
LAKE = "{{ var.value.get('betproviders_path', 'file:///tmp/betproviders-lake') }}"
# None is the provider's main bet stream.
STREAMS = {
    "pv": (None, "stage_summary", "slots_game_stage_summary"),
    "aig": (None,),
    "jdb": (None, "daily_by_game_type"),
    "gmag": (None, "game_transactions", "extra_transactions"),
}

GAPS = """
Looks at what the lake holds of the last week, from Monday to Monday, and reads the slots that are **missing** or
**damaged**, and no others; where there are none, the provider is not called. A task is red if the provider no longer has
what is missing, and names it. `airflow betproviders gaps <folder of the lake>` shows the same without reading anything.
Backfill an earlier week, or clear a run, to look again.
"""

for provider, streams in STREAMS.items():
    with account_dag(f"{provider}_gaps", conn_id=f"{provider}_default", schedule="0 6 * * 1", doc_md=GAPS):
        for stream in streams:
            FillGapsOperator(
                task_id=stream or "main",
                conn_id=f"{provider}_default",
                stream=stream,
                path=LAKE,
                start="{{ data_interval_start.start_of('day') }}",
                end="{{ data_interval_end.start_of('day') }}",
                priority_weight=1,
            )
