"""Build messages: which run is late, what is missing in a lake, until when it can be loaded, and how."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from airflow_betproviders.notifications.backfill import backfill_command, backfill_dag
from airflow_betproviders.task.storage import open_path

if TYPE_CHECKING:
    from airflow_betproviders.lake.survey.coverage import Coverage

_MOST_GAPS = 10


def missing_data(
    path: str,
    *,
    provider: str | None = None,
    stream: str | None = None,
    account: str | None = None,
    now: datetime | None = None,
) -> str:
    """Return a message about the gaps of a lake, or an empty text if there are none. No provider is called.

    Args:
        path: the lake, as given to ``ExtractToParquetOperator``.
        provider: only streams of this provider.
        stream: only this stream.
        account: only this account.
        now: the present; default the machine's clock.

    Returns:
        One line per gap with stream, account, interval and slots, until when the provider has it, and the command that
        loads it; at most ten, and how many more there are.
    """
    from airflow_betproviders.lake.survey.coverage import survey

    place = open_path(path)
    now = now or datetime.now(timezone.utc)
    coverages = survey(place.fs, place.path, provider=provider, stream=stream, account=account, now=now)
    lines = [line for coverage in coverages for line in _lines(coverage)]
    if not lines:
        return ""
    more = [f"... and {len(lines) - _MOST_GAPS} more: airflow betproviders gaps {path}"] if lines[_MOST_GAPS:] else []
    return "\n".join([f"Bets are missing in {path}:", *lines[:_MOST_GAPS], *more])


def missed_deadline(context: Mapping[str, Any]) -> str:
    """Return a sentence about the run that missed its deadline, or an empty text outside a deadline's callback."""
    deadline, run = context.get("deadline"), context.get("dag_run")
    if not deadline or not run:
        return ""
    return f"Run {run['dag_run_id']} of DAG {run['dag_id']} has not ended by its deadline, {deadline['deadline_time']}."


def _lines(coverage: Coverage) -> list[str]:
    dag_id = backfill_dag(cell.receipt for cell in coverage.cells if cell.receipt)
    where = f"{coverage.label['provider']} {coverage.label['stream']}, account {coverage.label['account']}"
    lines = []
    for gap in coverage.gaps():
        line = f"- {where}: {gap.interval}, {gap.slots} slot{'s' if gap.slots > 1 else ''} {gap.state}"
        if gap.state == "expired":
            line += ". The provider no longer has them; rebuild them from an archive with ReplayOperator"
        elif gap.until:
            line += f". The provider has them until {gap.until:%Y-%m-%d %H:%M} UTC"
        if dag_id and gap.state != "expired":
            line += f". Load them: {backfill_command(dag_id, gap)}"
        lines.append(line)
    return lines
