"""A provider that says how far its answers reach: the task defers until the rest is there, and keeps what it has stored."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from airflow_betproviders.declare.fields import Epoch
from airflow_betproviders.declare.stream import PageSize, Reaches, Rows, Total
from airflow_betproviders.exceptions import WindowNotReady
from airflow_betproviders.operators.gaps import FillGapsOperator
from airflow_betproviders.providers.aig.hook import AigHook
from airflow_betproviders.providers.aig.streams import TRANSACTIONS
from tests.airflow_versions import TaskDeferred
from tests.conftest import MakeHook
from tests.operator_runs import FIVE, HOUR, bets, context, operator
from tests.recorder import Recorder, Reply, Request

pytestmark = pytest.mark.usefixtures("quick")

SAYS_HOW_FAR = replace(
    TRANSACTIONS,
    envelope={
        **TRANSACTIONS.envelope,
        "data": {"start_index": Reaches(Epoch("ms")), "page_size": PageSize, "total": Total, "transactions": Rows},
    },
)


class Behind:
    """A provider whose answers reach to an instant, and say so."""

    def __init__(self, reaches: datetime) -> None:
        self.reaches = reaches
        self.asked: list[int] = []

    def __call__(self, request: Request) -> Reply:
        self.asked.append(int(request.query["start_time"]))
        reply = bets(request)
        assert isinstance(reply.body, dict)
        reply.body["data"]["start_index"] = round(self.reaches.timestamp() * 1000)
        return reply


def run(tmp_path: Path, **kwargs: Any) -> dict[str, Any]:
    made = operator(tmp_path, "aig", start=FIVE, end=FIVE + 2 * HOUR)
    summary: dict[str, Any] = type(made).execute.__wrapped__(made, context(), **kwargs)  # type: ignore[attr-defined]
    return summary


def test_the_task_defers_until_the_provider_has_the_rest_and_keeps_the_slots_before(
    make: MakeHook, server: Recorder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(AigHook, "stream", lambda self, name=None: SAYS_HOW_FAR)
    make("aig")
    server.replies = behind = Behind(FIVE + HOUR + HOUR / 2)
    now = datetime.now(timezone.utc)
    with pytest.raises(TaskDeferred) as deferred:
        run(tmp_path)
    # Half an hour of the window is missing, so it is there in half an hour.
    assert HOUR / 2 <= deferred.value.trigger.moment - now < HOUR / 2 + timedelta(minutes=5)
    assert [path.name[:16] for path in tmp_path.rglob("*.parquet")] == [f"{FIVE:%Y%m%dT%H%M%SZ}"]
    behind.reaches, behind.asked = FIVE + 2 * HOUR, []
    summary = run(tmp_path, **(deferred.value.kwargs or {}))
    assert (summary["slots"], summary["rows"]) == (2, 6)
    assert {*behind.asked} == {round((FIVE + HOUR).timestamp() * 1000)}


def test_a_provider_that_never_gets_there_fails_the_task_after_some_deferrals(
    make: MakeHook, server: Recorder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(AigHook, "stream", lambda self, name=None: SAYS_HOW_FAR)
    make("aig")
    server.replies = Behind(FIVE + HOUR / 2)
    kwargs: dict[str, Any] = {}
    for _ in range(5):
        with pytest.raises(TaskDeferred) as deferred:
            run(tmp_path, **kwargs)
        kwargs = deferred.value.kwargs or {}
    with pytest.raises(
        WindowNotReady, match=r"stream transactions, window .* has rows until 2026-11-20T05:30:00Z so far"
    ):
        run(tmp_path, **kwargs)
    assert not [*tmp_path.rglob("*.parquet")]


@pytest.mark.usefixtures("days_later")
def test_filling_gaps_ends_likewise_where_the_provider_never_gets_there(
    make: MakeHook, server: Recorder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(AigHook, "stream", lambda self, name=None: SAYS_HOW_FAR)
    make("aig")
    server.replies = Behind(FIVE + HOUR / 2)
    kwargs: dict[str, Any] = {}
    span = {"start": FIVE, "end": FIVE + 2 * HOUR}
    made = FillGapsOperator(task_id="gaps", conn_id="aig_default", path=f"file://{tmp_path}/lake", **span)
    for _ in range(5):
        with pytest.raises(TaskDeferred) as deferred:
            type(made).execute.__wrapped__(made, context(), **kwargs)  # type: ignore[attr-defined]
        kwargs = deferred.value.kwargs or {}
    with pytest.raises(WindowNotReady, match="so far"):
        type(made).execute.__wrapped__(made, context(), **kwargs)  # type: ignore[attr-defined]
