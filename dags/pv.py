"""PV (2J): every bet by the hour, the day's sums and game list, one stream a game, and the reconciliation."""

from __future__ import annotations

from typing import Any

from airflow.sdk import Variable, task
from betproviders_common import DAILY, EVERY_NIGHT, HOURLY, LAKE, LAST, RECONCILED, bets_dag, connection

from airflow_betproviders.operators.extract import ExtractToParquetOperator, stream_asset
from airflow_betproviders.operators.reconcile import ReconcileOperator

CONN_ID = connection("pv")
GAMES = "2000, 2011, 3011, 3015"

with bets_dag(
    "pv",
    "pv_history",
    HOURLY,
    """
Every bet of every game that started in the hour. A run waits, deferred, until ten minutes after the hour.
""",
):
    ExtractToParquetOperator(task_id="extract", conn_id=CONN_ID, path=LAKE)

with bets_dag(
    "pv",
    "pv_history_reread",
    EVERY_NIGHT,
    """
The last 48 hours of bets once more, in the same hourly objects as `pv_history`. PV does not say how soon a round
appears in its history; what came later than ten minutes after the hour is found here.
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
    "pv",
    "pv_daily",
    DAILY,
    """
The day's counts and sums as PV reports them, to reconcile the bets with, and the game list. The list is always that of
the day on which the task runs, whatever the run's interval.
""",
):
    for stream in ("stage_summary", "slots_game_stage_summary", "games"):
        ExtractToParquetOperator(task_id=stream, conn_id=CONN_ID, stream=stream, path=LAKE)

with bets_dag(
    "pv",
    "pv_by_game",
    HOURLY,
    f"""
The bets of chosen games with their results and odds, which `pv_history` lacks; a mapped task and a folder a game. The
Variable `betproviders_pv_games` lists the games, `{GAMES}` by default. For single players, map `games_user_history` or
`slots_user_history` over `{{"user_id": ...}}` in the same way.
""",
):

    @task(pool="default_pool")
    def filters() -> list[dict[str, Any]]:
        """One filter a game."""
        games = Variable.get("betproviders_pv_games", default=GAMES)
        return [{"game_id": int(game)} for game in games.split(",")]

    ExtractToParquetOperator.partial(
        task_id="extract",
        conn_id=CONN_ID,
        stream="games_game_history",
        path=LAKE,
        outlets=[stream_asset(CONN_ID, "games_game_history")],
        map_index_template="game {{ task.filters.game_id }}",
        priority_weight=LAST,
    ).expand(filters=filters())

with bets_dag(
    "pv",
    "pv_reconcile",
    DAILY,
    f"""
The day's bets in the lake against PV's own `stage_summary`, and its slots game by game, equal to the last li; the hours
that carry a difference are found by asking for the summary of halves of the day, and read again.
{RECONCILED}
""",
):
    ReconcileOperator(task_id="reconcile", conn_id=CONN_ID, path=LAKE, repair=True, priority_weight=LAST)
