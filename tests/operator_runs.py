"""Run an operator as the task runner would, without the runner."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from airflow_betproviders.operators.extract import ExtractToParquetOperator

if TYPE_CHECKING:
    from airflow.sdk import BaseOperator

Run = Callable[..., tuple[dict[str, Any], dict[str, Any]]]


class OutletEvents(defaultdict[str, SimpleNamespace]):
    """The outlet events of a task, by the asset's name, since assets of Airflow 3.1 have no hash."""

    def __init__(self) -> None:
        super().__init__(SimpleNamespace)

    def __getitem__(self, asset: Any) -> SimpleNamespace:
        return super().__getitem__(asset.name)


def context(**members: Any) -> dict[str, Any]:
    """Return a task's context with the members that operators read."""
    return {
        "ti": SimpleNamespace(dag_id="bets", task_id="extract", run_id="manual__1", try_number=1),
        "outlet_events": OutletEvents(),
        **members,
    }


def operator(tmp_path: Path, provider: str, **arguments: Any) -> ExtractToParquetOperator:
    """Return an extraction that stores below a folder."""
    given = {"task_id": "extract", "conn_id": f"{provider}_default", "path": f"file://{tmp_path}/lake", **arguments}
    return ExtractToParquetOperator(**given)


def execute(made: BaseOperator, ctx: dict[str, Any]) -> dict[str, Any]:
    """Run an operator's ``execute`` and return the summary."""
    run: Any = type(made).execute
    summary: dict[str, Any] = run.__wrapped__(made, ctx)
    return summary
