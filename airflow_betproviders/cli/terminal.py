"""What the commands share: times as arguments, complaints, and rows as a table, JSON or YAML."""

from __future__ import annotations

import sys
from datetime import datetime, timezone
from typing import Any

from airflow.cli.simple_table import AirflowConsole

from airflow_betproviders.exceptions import InvalidArgument


def complain(text: str) -> None:
    """Say what is wrong, beside the output."""
    sys.stderr.write(f"{text}\n")


def instant(text: str) -> datetime:
    """An argument that is a time, in UTC unless it has a zone.

    Raises:
        InvalidArgument: it is none.
    """
    try:
        found = datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError:
        raise InvalidArgument(f"{text!r} is not a time. Write ISO 8601: 2026-11-20 or 2026-11-20T05:00.") from None
    return found if found.tzinfo else found.replace(tzinfo=timezone.utc)


def show(rows: list[dict[str, Any]], output: str) -> None:
    """Print rows, as a table where a person reads them."""
    console: Any = AirflowConsole()
    if output == "json":
        console.print_as_json(rows)
    elif output == "yaml":
        console.print_as_yaml(rows)
    else:
        brief = [{name: _brief(value) for name, value in row.items()} for row in rows]
        told = {name for row in brief for name, text in row.items() if text}
        console.print_as([{name: text for name, text in row.items() if name in told} for row in brief], output)


def _brief(value: Any) -> str:
    """A value that fits into a terminal: nothing as nothing, instants without seconds."""
    text = "" if value is None else str(value)
    return f"{text[:16]}Z" if text.endswith("+00:00") else text
