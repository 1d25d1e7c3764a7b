"""``airflow betproviders coverage`` and ``airflow betproviders gaps``."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from airflow.utils.cli import suppress_logs_and_warning

from airflow_betproviders.cli.terminal import complain, instant, show
from airflow_betproviders.declare.interval import parse_duration
from airflow_betproviders.exceptions import InvalidArgument
from airflow_betproviders.lake.coverage import STATES, Coverage, survey
from airflow_betproviders.task.storage import open_path

if TYPE_CHECKING:
    from argparse import Namespace

_NOT_IN_A_TABLE = {"filters", "sums", "odd_values", "rounded", "bytes", "calls"}


@suppress_logs_and_warning
def coverage(args: Namespace) -> None:
    """Print a line for each stream, or for each day of it."""
    rows = []
    for found in _survey(args):
        if args.days:
            rows += [{**found.label, "day": f"{day}", **each.to_json()} for day, each in found.days.items()]
        else:
            rows.append({**found.label, **found.span, **found.total.to_json()})
    show(rows if args.output in {"json", "yaml"} else [_short(row) for row in rows], args.output)


@suppress_logs_and_warning
def gaps(args: Namespace) -> None:
    """Print a line for each gap, and exit with 1 if there are any."""
    rows = [{**found.label, **gap.to_json()} for found in _survey(args) for gap in found.gaps()]
    show(rows if args.output in {"json", "yaml"} else [_short(row) for row in rows], args.output)
    if rows:
        sys.exit(1)


def _survey(args: Namespace) -> list[Coverage]:
    try:
        place = open_path(args.path)
        found = list(
            survey(
                place.fs,
                place.path,
                provider=args.provider,
                stream=args.stream,
                account=args.account,
                start=instant(args.start) if args.start else None,
                end=instant(args.end) if args.end else None,
                margin=parse_duration(args.margin),
                warn=complain,
            )
        )
    except InvalidArgument as problem:
        complain(str(problem))
        sys.exit(2)
    if not found:
        complain(f"{args.path} holds no stream of that description.")
        sys.exit(2)
    return found


def _short(row: dict[str, Any]) -> dict[str, Any]:
    """A row for a table: filters beside the stream, no zero counts."""
    stream = "/".join([row["stream"], *row["filters"]])
    shown = {name: value for name, value in {**row, "stream": stream}.items() if name not in _NOT_IN_A_TABLE}
    return {name: None if name in STATES and not value else value for name, value in shown.items()}
