"""Build complete DAGs in one call: data intervals with a width, one pool per account, retries, instructions.

    from airflow_betproviders.dags import incremental_dag

    incremental_dag("aig_bets", conn_id="aig_default", path="s3://aws_default@lake/raw")

For a DAG with other tasks, use `account_dag` and put operators in it. Both take every argument of Airflow's ``DAG``.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from typing import Any

from airflow.sdk import DAG
from airflow.timetables.interval import CronDataIntervalTimetable

from airflow_betproviders.exceptions import InvalidArgument
from airflow_betproviders.notifications.freshness import deadline_alert
from airflow_betproviders.operators.extract import ExtractToParquetOperator
from airflow_betproviders.operators.merge import MergeBetsOperator
from airflow_betproviders.task.airflow_exceptions import AirflowException
from airflow_betproviders.task.arguments import (
    flag,
    is_template,
    mapping,
    optional_duration,
    optional_text,
    require_text,
)

DEFAULT_ARGS: Mapping[str, Any] = {
    # The first delay is the deployment's own, [core] default_task_retry_delay.
    "retries": 5,
    "retry_exponential_backoff": True,
    "max_retry_delay": timedelta(minutes=30),
    # A task that hangs would keep the account's only pool slot.
    "execution_timeout": timedelta(hours=2),
    # Priorities compare between DAGs: they decide which task of an account gets its pool slot first.
    "priority_weight": 10,
    "weight_rule": "absolute",
}
"""Arguments of every task of these DAGs, unless ``default_args`` or the operator sets them."""

# Airflow before 3.2 cannot limit the types of run.
_CAN_LIMIT_RUN_TYPES = "allowed_run_types" in inspect.signature(DAG).parameters

_BACKFILL = """
### Backfill

Trigger ▸ **Backfill** (or `airflow backfill create --dag-id {dag_id} --from-date ... --to-date ...`). Both ends are
inclusive and name the *starts* of intervals: `2026-11-20T02:00` to `2026-11-20T06:00` of an hourly DAG loads 02:00 to
07:00. Choose reprocessing behaviour *All runs* (`completed`) to load intervals again that have a run already: the files are
replaced, and no row is stored twice. Clearing a task does the same for one interval.
"""

_POOL = """
### Pool

Tasks run in the pool **`{pool}`** with one slot, because the provider limits calls per account: all DAGs of the account and
their backfills take turns, whatever a backfill's *max active runs*. Give it more slots only if the provider allows
concurrent calls. Airflow never starts a task whose pool does not exist, so create it once:

    airflow pools set {pool} 1 "calls to one account, one task at a time"
"""


def account_dag(
    dag_id: str,
    *,
    conn_id: str,
    schedule: Any = "@hourly",
    pool: str | None = None,
    backfill: bool = True,
    default_args: Mapping[str, Any] | None = None,
    doc_md: str | None = None,
    **dag_kwargs: Any,
) -> DAG:
    """Create an empty DAG for tasks that call one account. Use it as a context manager and create operators in it.

    Args:
        dag_id: the DAG's id.
        conn_id: connection to the provider.
        schedule: a cron expression, whose intervals are in UTC and have a width (Airflow's own reading of one gives
            intervals of zero width), or anything that ``DAG`` takes: a timetable, assets, None (then the tasks need
            their own ``start`` and ``end``).
        pool: pool of the tasks; default the one named like the connection.
        backfill: whether backfills and manual runs are allowed. With False only the schedule starts runs (needs a cron
            schedule and Airflow 3.2).
        default_args: arguments of every task; they replace those of `DEFAULT_ARGS`.
        doc_md: a description of the DAG. Instructions for backfills and the pool are appended.
        **dag_kwargs: any other argument of ``DAG``; they replace the values set here.

    Raises:
        InvalidArgument: the schedule has no interval to load, or an argument is of another type.
    """
    try:
        require_text("dag_id", dag_id, "aig_bets")
        require_text("conn_id", conn_id, "aig_default")
        pool = optional_text("pool", pool, conn_id) or conn_id
        backfill = flag("backfill", backfill)
        doc_md = optional_text("doc_md", doc_md, "Bets of the account, by the hour.")
        default_args = mapping("default_args", default_args)
    except InvalidArgument as problem:
        raise InvalidArgument(f"DAG {dag_id}: {problem}") from None
    how_to = (_BACKFILL if backfill and schedule is not None else "") + _POOL
    options: dict[str, Any] = {
        "start_date": datetime(2025, 1, 1, tzinfo=timezone.utc),
        "catchup": False,
        "tags": ["betproviders", conn_id],
    }
    if _CAN_LIMIT_RUN_TYPES and not backfill and isinstance(schedule, str | CronDataIntervalTimetable):
        # The UI hides the Backfill form where manual runs are not allowed.
        options["allowed_run_types"] = ["scheduled"]
    timetable = _timetable(dag_id, schedule)
    try:
        dag = DAG(
            dag_id,
            schedule=timetable,
            default_args={**DEFAULT_ARGS, "pool": pool, **default_args},
            doc_md=f"{(doc_md or '').strip()}\n{how_to.format(dag_id=dag_id, pool=pool)}",
            **{**options, **dag_kwargs},
        )
    except ValueError as problem:
        raise InvalidArgument(f"DAG {dag_id}: Airflow refuses an argument: {problem}") from None
    dag.fileloc = _caller()
    return dag


def incremental_dag(
    dag_id: str,
    *,
    conn_id: str,
    path: str,
    stream: str | None = None,
    schedule: Any = "@hourly",
    lookback: str | timedelta | None = None,
    lag: str | timedelta | None = None,
    table: str | None = None,
    extract: Mapping[str, Any] | None = None,
    merge: Mapping[str, Any] | None = None,
    fresh_within: str | timedelta | None = None,
    alert: Any = None,
    doc_md: str | None = None,
    **account: Any,
) -> DAG:
    """Create a DAG that loads a stream of an account: each run loads its interval once the provider has it complete.

    Its tasks are ``extract``, an `ExtractToParquetOperator`, and with ``table`` then ``merge``, a `MergeBetsOperator`. The
    DAG is registered with Airflow without being assigned to a name. It is returned for further tasks
    (``dag.get_task("extract") >> ...`` in ``with dag:``).

    Args:
        dag_id: the DAG's id.
        conn_id: connection to the provider; its type selects the hook.
        path: the lake, in any store that Airflow knows, e.g. ``s3://aws_default@lake/raw``.
        stream: stream name; default the provider's main bet stream.
        schedule: see `account_dag`. With None, runs have no interval: give
            ``extract={"start": "{{ dag_run.conf['start'] }}", "end": "{{ dag_run.conf['end'] }}"}`` and trigger the DAG with
            this conf. Only a stream that is a snapshot needs no interval.
        lookback: how far before its interval each run reads again, e.g. ``"24h"``, for late or changed rows.
        lag: minimum time between the end of the interval and its extraction; default the stream's own.
        table: folder of the bets table; default no merge.
        extract: further arguments of the extract task: ``filters``, ``slot``, ``pii``, ``archive``, ``priority_weight``, ... They
            replace the values set here.
        merge: further arguments of the merge task, in the same way.
        fresh_within: alert if a run has not ended this long after the end of its interval, e.g. ``"3h"``.
        alert: a notifier that can notify asynchronously, or Airflow's ``AsyncCallback`` or ``SyncCallback``.
        doc_md: a description of the DAG; default a sentence made from the arguments.
        **account: further arguments of `account_dag`, among them any of ``DAG``.

    Raises:
        InvalidArgument: an argument contradicts the others.
    """
    if (fresh_within is None) != (alert is None):
        raise InvalidArgument(f"DAG {dag_id}: fresh_within= and alert= belong together. Give both, or neither.")
    try:
        require_text("conn_id", conn_id, "aig_default")
        require_text("path", path, "s3://aws_default@lake/raw")
        stream = optional_text("stream", stream, "transactions")
        table = optional_text("table", table, "s3://aws_default@lake/bets")
        doc_md = optional_text("doc_md", doc_md, "Bets of the account, by the hour.")
        for name, duration in (("lookback", lookback), ("lag", lag)):
            if not is_template(duration):
                optional_duration(name, duration)
        extract, merge = mapping("extract", extract), mapping("merge", merge)
    except InvalidArgument as problem:
        raise InvalidArgument(f"DAG {dag_id}: {problem}") from None
    if merge and not table:
        raise InvalidArgument(f"DAG {dag_id}: merge= is given without table=. Name the folder of the bets table.")
    if fresh_within is not None:
        account["deadline"] = deadline_alert(fresh_within, alert)
    summary = doc_md or _description(conn_id, stream, path, lookback)
    with account_dag(dag_id, conn_id=conn_id, schedule=schedule, doc_md=summary, **account) as dag:
        arguments = {"conn_id": conn_id, "stream": stream, "path": path, "lookback": lookback, "lag": lag}
        extracted = ExtractToParquetOperator(**{"task_id": "extract", **arguments, **extract})
        if table:
            same = {name: getattr(extracted, name) for name in ("conn_id", "stream", "path", "filters")}
            read = {
                name: f"{{{{ ti.xcom_pull(task_ids='{extracted.task_id}')['{name}'] }}}}" for name in ("start", "end")
            }
            # A merge does not call the provider, so it does not need the account's pool.
            arguments = {**same, **read, "table": table, "pool": "default_pool"}
            extracted >> MergeBetsOperator(**{"task_id": "merge", **arguments, **merge})
    return dag


def _timetable(dag_id: str, schedule: Any) -> Any:
    if isinstance(schedule, str):
        timetable = CronDataIntervalTimetable(schedule, timezone="UTC")
        try:
            timetable.validate()
        except AirflowException as problem:
            raise InvalidArgument(
                f"DAG {dag_id}: schedule={schedule!r} is not a cron expression ({problem}). Write one such as '@hourly' or "
                "'*/15 * * * *', or give a timetable."
            ) from None
        return timetable
    if isinstance(schedule, timedelta):
        raise InvalidArgument(
            f"DAG {dag_id}: schedule={schedule!r} gives intervals of zero width in Airflow 3. Write a cron expression "
            "such as '*/15 * * * *', or a timetable."
        )
    return schedule


def _description(conn_id: str, stream: str | None, path: str, lookback: str | timedelta | None) -> str:
    what = f"stream `{stream}`" if stream else "main bet stream"
    again = f", and the {lookback} before it again" if lookback else ""
    return f"The {what} of `{conn_id}`: the interval of each run{again}, as Parquet under `{path}`."


def _caller() -> str:
    """Return the file that called this module: the UI shows its code as the DAG's."""
    frame = sys._getframe()  # noqa: SLF001 - as Airflow finds a DAG's file
    while frame.f_back and frame.f_globals is globals():
        frame = frame.f_back
    return frame.f_code.co_filename
