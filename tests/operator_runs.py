"""Run an operator as the task runner would, without the runner; an hour of AIG to run it for."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from airflow_betproviders.exceptions import InvalidArgument
from airflow_betproviders.operators.extract import ExtractToParquetOperator
from tests.airflow_versions import AirflowFailException
from tests.recorder import Recorder, Reply, Request

if TYPE_CHECKING:
    from airflow.sdk import BaseOperator

HOUR = timedelta(hours=1)
FIVE = datetime(2026, 11, 20, 5, tzinfo=timezone.utc)
HOURLY = {"start": FIVE, "end": FIVE + HOUR}
DAILY = {"start": FIVE - 5 * HOUR, "end": FIVE + 19 * HOUR}
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


@contextmanager
def refused(server: Recorder, cure: str) -> Iterator[None]:
    """Assert that arguments are refused before the first call, for good, with the cure."""
    with pytest.raises(InvalidArgument) as caught:
        yield
    assert cure in str(caught.value)
    assert isinstance(caught.value, AirflowFailException)  # no retry can help
    assert server.requests == []


def bets(request: Request) -> Reply:
    """Answer as AIG does, with three bets an hour."""
    start, end = int(request.query["start_time"]), int(request.query["end_time"])
    rows = [
        {"id": f"{at}", "bet_amount": "0.10", "win_amount": "999999999999.9999", "update_time": at, "status": 1}
        for at in range(start, end, 1_200_000)
    ]
    data = {"start_index": 0, "page_size": 5000, "total": len(rows), "transactions": rows}
    return Reply({"code": 200, "message": "success", "data": data})
