"""PV (2J): every bet by the hour, a re-read, the day's sums and game list, and one stream a game."""

from typing import Any

from airflow.sdk import Variable, task

from airflow_betproviders.dags import account_dag, incremental_dag
from airflow_betproviders.operators.extract import ExtractToParquetOperator, stream_asset

CONN_ID = "pv_default"
GAMES = "2000, 2011, 3011, 3015"
# Read when a task runs: change the Variable in the UI, and the next task writes there.
LAKE = "{{ var.value.get('betproviders_path', 'file:///tmp/betproviders-lake') }}"

incremental_dag(
    "pv_history",
    conn_id=CONN_ID,
    path=LAKE,
    doc_md="""
Every bet of every game in the hour. PV's document does not say by which of `start_at` and `end_at` it selects. A run waits,
deferred, until ten minutes after the hour; the document states no delay, so these are a guess.
""",
)

incremental_dag(
    "pv_history_reread",
    conn_id=CONN_ID,
    path=LAKE,
    schedule="0 3 * * *",
    lookback="24h",
    extract={"priority_weight": 1},
    doc_md="""
Extracts the last 48 hours again, into the same hourly objects as `pv_history`. The document does not say how soon a round
appears in the history; this DAG finds rounds that came later than ten minutes after the hour.
""",
)

with account_dag(
    "pv_daily",
    conn_id=CONN_ID,
    schedule="0 0 * * *",
    doc_md="""
The day's counts and sums as PV reports them, to reconcile the bets with, and the game list. The list is always that of
the day on which the task runs, whatever the run's interval.
""",
):
    for stream in ("stage_summary", "slots_game_stage_summary", "games"):
        ExtractToParquetOperator(task_id=stream, conn_id=CONN_ID, stream=stream, path=LAKE)

with account_dag(
    "pv_by_game",
    conn_id=CONN_ID,
    doc_md=f"""
The bets of chosen games with their results and odds, which `pv_history` lacks; a mapped task and a folder a game. The
Variable `betproviders_pv_games` lists the games, `{GAMES}` by default. For single players, map `games_user_history` or
`slots_user_history` over `{{"user_id": ...}}` in the same way.
""",
):

    @task(pool="default_pool")
    def filters() -> list[dict[str, Any]]:
        """Return one filter a game."""
        games = Variable.get("betproviders_pv_games", default=GAMES)
        return [{"game_id": int(game)} for game in games.split(",")]

    ExtractToParquetOperator.partial(
        task_id="extract",
        conn_id=CONN_ID,
        stream="games_game_history",
        path=LAKE,
        outlets=[stream_asset(CONN_ID, "games_game_history")],
        map_index_template="game {{ task.filters.game_id }}",
        priority_weight=1,
    ).expand(filters=filters())
