"""What the sample DAGs share: schedules, retries, connections, pools, the lake's path, and how to use them."""

from __future__ import annotations

import inspect
import os
from datetime import datetime, timedelta, timezone
from typing import Any

from airflow.sdk import DAG
from airflow.timetables.interval import CronDataIntervalTimetable

# A plain "@hourly" gives intervals of zero width in Airflow 3; these give [05:00, 06:00) and so on.
HOURLY = CronDataIntervalTimetable("0 * * * *", timezone="UTC")
EVERY_QUARTER = CronDataIntervalTimetable("*/15 * * * *", timezone="UTC")
DAILY = CronDataIntervalTimetable("0 0 * * *", timezone="UTC")
EVERY_NIGHT = CronDataIntervalTimetable("0 3 * * *", timezone="UTC")
EVERY_WEEK = CronDataIntervalTimetable("0 6 * * 1", timezone="UTC")
JDB_REPORT_DAY = CronDataIntervalTimetable("0 4 * * *", timezone="UTC")

_LAKE = os.environ.get("BETPROVIDERS_PATH", "file:///tmp/betproviders-lake")
# Read when a task runs: change the Variable in the UI, and the next task writes there.
LAKE = f"{{{{ var.value.get('betproviders_path', '{_LAKE}') }}}}"

RETRIES = {
    "retries": 5,
    "retry_delay": timedelta(seconds=float(os.environ.get("BETPROVIDERS_RETRY_SECONDS", "60"))),
    "retry_exponential_backoff": True,
    "max_retry_delay": timedelta(minutes=30),
    # A task that hangs would keep the account's only pool slot.
    "execution_timeout": timedelta(hours=2),
}

# Who goes first when tasks of one account wait for its pool: what the provider soon forgets, the hourly load, the rest.
FIRST, NORMAL, LAST = 100, 10, 1

# A run by hand without a logical date has no interval to load; Airflow before 3.2 cannot refuse it here, the operator does.
_CAN_REFUSE = "allowed_run_types" in inspect.signature(DAG).parameters

HOW_TO = """
### Load a past interval again

Trigger ▸ **Backfill** (or `airflow backfill create --dag-id {dag_id} --from-date ... --to-date ...`). Both ends are
inclusive and name the *starts* of intervals: `2026-11-20T02:00` to `2026-11-20T06:00` of an hourly DAG loads 02:00 to
07:00. Take reprocessing behaviour *All runs* (`completed`) for intervals that were loaded before: the objects are
replaced in place, nothing doubles. Clearing a task does the same for one interval.

### Pool and concurrency

Tasks run in the pool **`{pool}`**, one slot wide, since the provider limits calls by account: the hourly load, its
re-reads and a backfill take turns. A backfill's *max active runs* may be larger; the pool decides. Give an account more
slots only if its provider allows calls side by side. Tasks whose pool does not exist never start, so create it once:

    airflow pools set {pool} 1 "calls to one account, one task at a time"

### Settings

| what | where | default |
|---|---|---|
| folder of the lake | Variable `betproviders_path`, else environment `BETPROVIDERS_PATH` | `{lake}` |
| connection, and pool of the same name | environment `{env}` | `{pool}` |
"""

# What every reconciliation does, for the DAG's description.
RECONCILED = """
A run waits, deferred, until the report is final. What was found is in the task's log, and in the lake under
`_reconciliation` as Parquet and Markdown. A difference that reading again does not mend makes the task red. Only a day
that agrees updates the asset `betproviders/<connection>/reconciliation`: schedule on it what finance relies on.
""".strip()


def connection(provider: str) -> str:
    """The id of a provider's connection, and the name of its pool."""
    return os.environ.get(_env(provider), f"{provider}_default")


def bets_dag(
    provider: str, dag_id: str, schedule: CronDataIntervalTimetable, doc: str, *, backfill: bool = True
) -> DAG:
    """A DAG that loads from one account.

    Args:
        provider: which of the connections.
        dag_id: its id.
        schedule: its intervals.
        doc: what it loads, in Markdown; how to use it is put below.
        backfill: whether the past can be loaded again; if not, only the scheduler starts runs.
    """
    conn_id = connection(provider)
    how_to = HOW_TO.format(dag_id=dag_id, pool=conn_id, env=_env(provider), lake=_LAKE)
    run_types = ["scheduled", "backfill"] if backfill else ["scheduled"]
    options: dict[str, Any] = {"allowed_run_types": run_types} if _CAN_REFUSE else {}
    return DAG(
        dag_id=dag_id,
        schedule=schedule,
        start_date=datetime(2025, 1, 1, tzinfo=timezone.utc),
        catchup=False,
        default_args={**RETRIES, "pool": conn_id, "priority_weight": NORMAL, "weight_rule": "absolute"},
        doc_md=f"{doc.strip()}\n{how_to}",
        tags=["betproviders", provider],
        **options,
    )


def _env(provider: str) -> str:
    return f"BETPROVIDERS_{provider.upper()}_CONN_ID"
