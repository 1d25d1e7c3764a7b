"""The client of Airflow's API that the tests and the demo use."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from demo.airflow_client import AirflowApiError, AirflowClient
from tests.recorder import Recorder, Reply

BUSY = Reply(status=500, body={"detail": {"reason": "Database error", "message": "hidden"}})


@pytest.fixture
def server() -> Iterator[Recorder]:
    with Recorder() as running:
        yield running


def test_a_state_is_set_again_where_the_database_was_busy(server: Recorder) -> None:
    server.answer(BUSY, BUSY, Reply(body={"is_paused": False}))

    assert AirflowClient(server.url).api("PATCH", "dags/one", {"is_paused": False}) == {"is_paused": False}
    assert [request.method for request in server.requests] == ["PATCH"] * 3


def test_a_run_that_an_earlier_call_has_made_is_not_made_twice(server: Recorder) -> None:
    server.answer(BUSY, Reply(status=409, body={"detail": "there is one"}))

    run_id = AirflowClient(server.url).trigger("one", conf={})

    assert {json.loads(request.body)["dag_run_id"] for request in server.requests} == {run_id}
    assert len(server.requests) == 2


def test_a_request_that_creates_something_is_not_repeated(server: Recorder) -> None:
    server.answer(BUSY, Reply(body={}))

    with pytest.raises(AirflowApiError):
        AirflowClient(server.url).api("POST", "backfills", {})
    assert len(server.requests) == 1
