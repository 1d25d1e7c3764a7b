"""Parse times and print errors and rows, for every command."""

from __future__ import annotations

import os
import sys
from datetime import datetime, timezone
from typing import Any

from airflow.cli.simple_table import AirflowConsole

from airflow_betproviders.declare.interval import check_year
from airflow_betproviders.exceptions import InvalidArgument


def use_stored_connections() -> None:
    """Let a command read connections from Airflow's database, as Airflow's own processes do.

    Outside a task, Airflow's SDK reads connections from the environment only, unless this variable is set.
    """
    os.environ.setdefault("_AIRFLOW_PROCESS_CONTEXT", "server")


def print_error(text: str) -> None:
    """Print an error or a warning to stderr."""
    sys.stderr.write(f"{text}\n")


def parse_time(name: str, text: str) -> datetime:
    """Parse an ISO 8601 time; without a zone it is UTC.

    Args:
        name: the argument that has it, for messages: ``--start``.
        text: the time.

    Raises:
        InvalidArgument: the text is not an ISO 8601 time, or not one of the years 1970 to 9998.
    """
    try:
        time = datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError:
        raise InvalidArgument(
            f"{name}={text!r} is not a time. Write ISO 8601: 2026-11-20 or 2026-11-20T05:00."
        ) from None
    check_year(name, time)
    return time if time.tzinfo else time.replace(tzinfo=timezone.utc)


def is_for_machines(output: str) -> bool:
    """Return whether a program reads the output format: JSON or YAML."""
    return output in {"json", "yaml"}


def print_rows(rows: list[dict[str, Any]], output: str) -> None:
    """Print rows as a table, JSON or YAML. A table leaves out empty columns."""
    console: Any = AirflowConsole()
    if output == "json":
        console.print_as_json(rows)
    elif output == "yaml":
        console.print_as_yaml(rows)
    else:
        texts = [{name: _brief(value) for name, value in row.items()} for row in rows]
        filled = {name for row in texts for name, text in row.items() if text}
        console.print_as([{name: text for name, text in row.items() if name in filled} for row in texts], output)


def _brief(value: Any) -> str:
    """Format a value for a table cell: None as empty text, UTC times without seconds."""
    text = "" if value is None else str(value)
    return f"{text[:16]}Z" if text.endswith("+00:00") else text
