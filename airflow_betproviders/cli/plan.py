"""``airflow betproviders plan``."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from airflow.utils.cli import suppress_logs_and_warning

from airflow_betproviders.cli.backfill_plan import plan_backfill
from airflow_betproviders.cli.terminal import (
    is_for_machines,
    parse_time,
    print_error,
    print_rows,
    use_stored_connections,
)
from airflow_betproviders.declare.interval import parse_duration
from airflow_betproviders.exceptions import BetProviderError
from airflow_betproviders.lake.layout import Lake
from airflow_betproviders.lake.survey.coverage import coverage
from airflow_betproviders.operators.stream_operator import hook_of
from airflow_betproviders.task.airflow_exceptions import AirflowException
from airflow_betproviders.task.storage import open_path

if TYPE_CHECKING:
    from argparse import Namespace


@suppress_logs_and_warning
def print_plan(args: Namespace) -> None:
    """Print what a backfill of an interval would take. Calls no provider."""
    use_stored_connections()
    try:
        hook = hook_of(args.conn_id)
        stream = hook.stream(args.stream)
        place = open_path(args.path)
        lake = Lake(place.fs, place.path, stream.provider, stream.name, hook.account)
        stream_coverage = coverage(
            lake,
            stream,
            start=parse_time("--start", args.start),
            end=parse_time("--end", args.end),
            slot=parse_duration("--slot", args.slot) if args.slot else None,
            now=hook.now(),
            warn=print_error,
        )
        members = plan_backfill(stream_coverage, stream, call_interval=hook.min_interval).to_json()
    except (BetProviderError, AirflowException) as problem:
        print_error(str(problem))
        sys.exit(2)
    if is_for_machines(args.output):
        print_rows([members], args.output)
    else:
        rows = {name.replace("_", " "): "unknown" if value is None else str(value) for name, value in members.items()}
        print_rows([{"": name, "value": text} for name, text in rows.items()], args.output)
