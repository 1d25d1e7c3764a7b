"""For each provider: fill the gaps of its streams daily, and extract the last weeks again weekly (paused until you start it)."""

from airflow_betproviders.dags import account_dag
from airflow_betproviders.operators.extract import ExtractToParquetOperator, stream_asset
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
DAYS = range(3, 22)  # before the end of the run's interval; the nightly DAGs extract the last two again

GAPS = """
Compares what is stored with what should be, from the first stored slot to last midnight, and extracts the slots that are
**missing** or **damaged**. Calls the provider only for those. A task begins no slot after 30 minutes, so that the other tasks of
the account get the pool. Its log and its XCom `left` list the remaining slots, and the next run continues.

A task fails if the provider has dropped missing slots since the last run, and lists them.
`airflow betproviders gaps <folder of the lake>` lists all gaps without calling a provider.
"""

REREAD = """
Extracts days 3 to 21 before the run again, one day a task, into the same objects. Start it if your provider corrects bets later
than two days after they end; the nightly DAGs extract only the last 48 hours again. How late the providers correct bets is not
documented: three weeks are a guess. Compare the receipts of a run with those before it, and shorten or stop it.

It takes as many calls as the days took at first. JDB: 288 calls a day, some eight hours for all at one call in five seconds.
Other tasks of the account get their turn in the pool between the days.
"""

for provider, streams in STREAMS.items():
    conn_id = f"{provider}_default"
    with account_dag(f"{provider}_gaps", conn_id=conn_id, schedule="0 6 * * *", doc_md=GAPS):
        for stream in streams:
            FillGapsOperator(
                task_id=stream or "main",
                conn_id=conn_id,
                stream=stream,
                path=LAKE,
                start="first",
                end="{{ data_interval_end.start_of('day') }}",
                max_minutes=30,
                priority_weight=1,
            )

    with account_dag(
        f"{provider}_reread_weekly",
        conn_id=conn_id,
        schedule="0 4 * * 0",
        doc_md=REREAD,
        is_paused_upon_creation=True,
    ):
        ExtractToParquetOperator.partial(
            task_id="extract",
            conn_id=conn_id,
            path=LAKE,
            outlets=[stream_asset(conn_id)],
            priority_weight=1,
        ).expand_kwargs(
            [
                {
                    "start": f"{{{{ data_interval_end.start_of('day').subtract(days={day}) }}}}",
                    "end": f"{{{{ data_interval_end.start_of('day').subtract(days={day - 1}) }}}}",
                }
                for day in DAYS
            ]
        )
