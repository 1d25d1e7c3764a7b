"""``airflow betproviders coverage`` and ``airflow betproviders gaps``."""

from __future__ import annotations

import gc
import sys
from shlex import quote
from typing import TYPE_CHECKING, Any

from airflow.utils.cli import suppress_logs_and_warning

from airflow_betproviders.cli.terminal import (
    is_for_machines,
    parse_time,
    print_error,
    print_rows,
    use_stored_connections,
)
from airflow_betproviders.declare.interval import Interval, parse_duration
from airflow_betproviders.exceptions import BetProviderError
from airflow_betproviders.lake.survey.cells import STATES
from airflow_betproviders.lake.survey.coverage import Coverage, survey
from airflow_betproviders.notifications.backfill import backfill_command, backfill_dag
from airflow_betproviders.task.storage import open_path

if TYPE_CHECKING:
    from argparse import Namespace

_NOT_IN_A_TABLE = {"filters", "sums", "bytes", "calls", "command", "odd_values", "rounded"}


@suppress_logs_and_warning
def print_coverage(args: Namespace) -> None:
    """Print one row per stream, or per day of a stream."""
    rows = []
    for stream_coverage in _survey(args):
        if args.days:
            rows += [
                {**stream_coverage.label, "day": f"{day}", **total.to_json()}
                for day, total in stream_coverage.days.items()
            ]
        else:
            rows.append({**stream_coverage.label, **stream_coverage.span, **stream_coverage.total.to_json()})
    print_rows(rows if is_for_machines(args.output) else [_short(row) for row in rows], args.output)


@suppress_logs_and_warning
def print_gaps(args: Namespace) -> None:
    """Print one row per gap, then the commands that load them. Exit with 1 if there are gaps."""
    rows = [row for stream_coverage in _survey(args) for row in _gaps(stream_coverage)]
    print_rows(rows if is_for_machines(args.output) else [_short(row) for row in rows], args.output)
    if not is_for_machines(args.output):
        sys.stdout.writelines(f"{row['command']}\n" for row in rows if row["command"])
    if rows:
        sys.exit(1)


def _gaps(stream_coverage: Coverage) -> list[dict[str, Any]]:
    dag_id = backfill_dag(cell.receipt for cell in stream_coverage.cells if cell.receipt)
    return [
        {
            **stream_coverage.label,
            **gap.to_json(),
            "dag_id": dag_id,
            "command": backfill_command(dag_id, gap) if dag_id and gap.state != "expired" else None,
        }
        for gap in stream_coverage.gaps()
    ]


def _survey(args: Namespace) -> list[Coverage]:
    use_stored_connections()
    gc.disable()  # a short process without cycles, in which collections would take a quarter of the time
    try:
        start = parse_time("--start", args.start) if args.start else None
        end = parse_time("--end", args.end) if args.end else None
        if start and end:
            Interval(start, end)  # refuses an end that is not after the start
        place = open_path(args.path)
        coverages = list(
            survey(
                place.fs,
                place.path,
                provider=args.provider,
                stream=args.stream,
                account=args.account,
                start=start,
                end=end,
                margin=parse_duration("--margin", args.margin),
                warn=print_error,
            )
        )
    except BetProviderError as problem:
        print_error(str(problem))
        sys.exit(2)
    if not coverages:
        print_error(
            f"{args.path} has no stream that matches these arguments. Correct the path, or list every stream: "
            f"airflow betproviders coverage {quote(args.path)}"
        )
        sys.exit(2)
    return coverages


def _short(row: dict[str, Any]) -> dict[str, Any]:
    """Return a row for a table: filters beside the stream, no zero counts."""
    stream = "/".join([row["stream"], *row["filters"]])
    shown = {name: value for name, value in {**row, "stream": stream}.items() if name not in _NOT_IN_A_TABLE}
    return {name: None if name in STATES and not value else value for name, value in shown.items()}
