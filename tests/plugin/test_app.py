"""Refusals of the page's application: permission is checked first, then the bounds, then the lake."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from fastapi import FastAPI, HTTPException
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from airflow_betproviders.plugin import app as application
from airflow_betproviders.plugin import places, reader
from airflow_betproviders.plugin.limits import rate
from airflow_betproviders.plugin.limits.rate import UserRateLimiter
from airflow_betproviders.plugin.limits.refusals import request_failed
from airflow_betproviders.plugin.limits.workers import Workers
from tests.examples import examples
from tests.plugin.showcase import HOUR, Showcase

NOW = datetime.now(timezone.utc)
ROUTES = ["api/coverage", "api/money", "api/reconciliations", "api/slot"]


class Somebody:
    """A user with a name, and with the DAGs that they may read; None among them: all."""

    def __init__(self, *dags: str | None) -> None:
        self.name = "somebody"
        self.dags = set(dags)

    @property
    def reads_any(self) -> bool:
        return bool(self.dags)

    @property
    def reads_all(self) -> bool:
        return None in self.dags

    def may_read(self, dag_id: str | None) -> bool:
        return self.reads_all or dag_id in self.dags


class SameProcess:
    """Calls functions here, where they can be replaced. `test_lake_process.py` tests the child."""

    def call(self, function: Callable[..., Any], *args: Any) -> Any:
        try:
            return function(*args)
        except Exception as problem:
            raise request_failed(type(problem).__name__) from problem


@pytest.fixture(scope="module")
def show(tmp_path_factory: pytest.TempPathFactory) -> Showcase:
    made = Showcase(tmp_path_factory.mktemp("lake"), NOW)
    made.fill(3)
    return made


@pytest.fixture(autouse=True)
def _lake(show: Showcase, monkeypatch: pytest.MonkeyPatch) -> None:
    application.clear_cache()
    monkeypatch.setattr(application, "lake_process", SameProcess())
    monkeypatch.setattr(reader, "rate", UserRateLimiter(per_second=1e6))
    monkeypatch.setattr(places, "configured_lakes", lambda: [show.path])
    monkeypatch.setattr(places, "configured_table", lambda: show.table)


@pytest.fixture(scope="module")
def app() -> FastAPI:
    return application.create_app()


@pytest.fixture
def made(app: FastAPI) -> Iterator[FastAPI]:
    yield app
    app.dependency_overrides.clear()


@pytest.fixture
def admin(made: FastAPI) -> Iterator[TestClient]:
    yield from client_of(made, Somebody(None))


def client_of(made: FastAPI, who: Somebody) -> Iterator[TestClient]:
    made.dependency_overrides[reader.logged_in] = lambda: who
    with TestClient(made) as client:
        yield client


def slot(show: Showcase, **members: Any) -> dict[str, Any]:
    start = show.midnight - timedelta(days=1)
    place = {"lake": 0, "provider": "pv", "stream": "history", "account": "1001", "filters": ""}
    return place | {"start": start.isoformat(), "end": (start + HOUR).isoformat()} | members


def refused(client: TestClient, path: str, status: int, **query: Any) -> str:
    """Return the one sentence of a refusal."""
    answer = client.get(path, params=query)
    assert answer.status_code == status, answer.text
    detail = answer.json()["detail"]
    assert isinstance(detail, str)
    assert detail.endswith(".")
    return detail


@pytest.mark.parametrize("path", ROUTES)
def test_who_may_read_no_dag_is_refused_before_anything_is_read(
    made: FastAPI, show: Showcase, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    monkeypatch.setattr(places, "configured_lakes", lambda: pytest.fail("the lake was looked at"))
    [client] = client_of(made, Somebody())

    assert "read permission" in refused(client, path, 403, **slot(show))
    # Whatever they ask for, they learn no more.
    assert "read permission" in refused(client, path, 403, start="0001-01-01T00:00Z", end="9999-12-31T00:00Z", days=-1)


@pytest.mark.parametrize("path", ROUTES)
@pytest.mark.parametrize("site", ["cross-site", "same-site", "odd"])
def test_pages_of_another_origin_get_nothing(admin: TestClient, path: str, site: str) -> None:
    assert admin.get(path, headers={"Sec-Fetch-Site": site}).status_code == 403


@pytest.mark.parametrize("path", ["", "assets/main.js", *ROUTES])
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_nothing_can_be_changed(admin: TestClient, path: str, method: str) -> None:
    assert admin.request(method, path).status_code == 405


@pytest.mark.parametrize("path", ["", "assets/main.js", "assets/none.js", "api/coverage", "api/coverage?days=0"])
def test_every_answer_has_a_strict_policy(admin: TestClient, path: str) -> None:
    headers = admin.get(path).headers

    assert headers["content-security-policy"].startswith("default-src 'none'; script-src 'self'; style-src 'self';")
    assert "unsafe" not in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("path", ["api/coverage", "api/money", "api/reconciliations"])
@pytest.mark.parametrize(
    "query",
    [
        {"days": 0},
        {"days": 401},
        {"days": 10**30},
        {"days": "-1"},
        {"days": "sixty"},
        {"last": "0001-01-01"},
        {"last": "9999-12-31"},
        {"last": "2026-02-30"},
        {"last": (NOW + timedelta(days=3)).date()},
        {"last": "1e400"},
        {"lake": -1},
        {"account": "x" * 251},
    ],
)
def test_what_lies_beyond_the_bounds_is_refused(admin: TestClient, path: str, query: dict[str, Any]) -> None:
    [name] = query
    assert refused(admin, path, 422, **query).startswith(f"{name}: ")


@pytest.mark.parametrize(
    "query",
    [
        {"start": "0001-01-01T00:00:00Z", "end": "9999-12-31T00:00:00Z"},
        {"start": "0001-01-01T00:00:00+23:59", "end": "9999-12-31T23:59:59-23:59"},
        {"end": "9999-12-31T23:59:59.999999-12:00"},
        {"start": "2026-11-20T05:00:00"},
        {"start": "2026-11-20T05:00:00Z", "end": "2026-11-20T05:00:00Z"},
        {"start": "2026-11-20T05:00:00Z", "end": "2026-11-21T05:00:01Z"},
        {"start": "yesterday"},
        {"start": "1e308", "end": "1e309"},
        {"account": None},
        {"lake": None},
    ],
)
def test_a_slot_is_at_most_a_day_of_a_named_stream(admin: TestClient, show: Showcase, query: dict[str, Any]) -> None:
    refused(admin, "api/slot", 422, **{name: value for name, value in slot(show, **query).items() if value is not None})


@pytest.mark.parametrize(
    "query", [{"account": "1002"}, {"provider": "../.."}, {"stream": "\x00"}, {"lake": 7}, {"filters": "a=b/../c"}]
)
def test_an_unknown_slot_is_none(admin: TestClient, show: Showcase, query: dict[str, Any]) -> None:
    assert "no such slot" in refused(admin, "api/slot", 404, **slot(show, **query))


def test_an_unknown_account_has_the_answer_of_a_forbidden_one(made: FastAPI, show: Showcase) -> None:
    [client] = client_of(made, Somebody("aig_transactions"))

    answer = {refused(client, "api/coverage", 404, account=account) for account in ("1001", "1002")}
    assert len(answer) == 1
    assert "no such slot" in refused(client, "api/slot", 404, **slot(show))


def test_a_dag_that_they_may_not_read_is_refused(made: FastAPI) -> None:
    [client] = client_of(made, Somebody("aig_transactions"))

    assert "DAG" in refused(client, "api/coverage", 403, dag="pv_history")
    assert client.get("api/coverage", params={"dag": "aig_transactions"}).json()["streams"]


def test_they_see_what_their_dags_wrote(made: FastAPI, show: Showcase) -> None:
    [client] = client_of(made, Somebody("pv_history"))
    query = {"days": 3}

    seen = client.get("api/coverage", params=query).json()
    assert {stream["provider"] for stream in seen["streams"]} == {"pv"}
    assert {day["provider"] for day in client.get("api/money", params=query).json()["days"]} == {"pv"}
    assert [each["provider"] for each in client.get("api/reconciliations", params=query).json()] == ["pv"]
    assert client.get("api/slot", params=slot(show)).json()["dag_id"] == "pv_history"
    assert client.get("api/slot", params=slot(show, provider="aig", stream="transactions", account="agent001")).is_error


def test_a_store_that_fails_is_named_without_its_message(
    admin: TestClient, show: Showcase, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any) -> None:
        raise OSError("https://store.example/?X-Amz-Signature=secret")

    monkeypatch.setattr(application, "find_receipt", fail)
    answer = refused(admin, "api/slot", 503, **slot(show))

    assert "OSError" in answer
    assert "secret" not in answer


ODD = """ |0|-1|60|400|1e400|nan|inf|٣|true|../../etc|%00|\x00|\ud7ff|0001-01-01|9999-12-31|2026-11-20|2026-02-30|20261120
|-262143-01-01|1764288000|0001-01-01T00:00:00+14:00|9999-12-31T23:59:59-14:00|2026-11-20T05:00:00Z|2026-11-20T05:00:00+99:99
|pv|aig|history|transactions|1001|game_id=1|a=b/c=d|=|/|[]|{}|<b>"""
TEXTS = st.text(max_size=40) | st.sampled_from([*ODD.split("|"), "9" * 400])
NAMES = [
    "days",
    "last",
    "dag",
    "lake",
    "provider",
    "stream",
    "account",
    "filters",
    "narrowed",
    "start",
    "end",
    "table",
    "path",
]


@pytest.mark.slow
@settings(max_examples=examples(100), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(path=st.sampled_from(ROUTES), query=st.lists(st.tuples(st.sampled_from(NAMES), TEXTS), max_size=8))
def test_no_query_breaks_it(admin: TestClient, path: str, query: list[tuple[str, str]]) -> None:
    answer = admin.get(path, params=query)

    assert answer.status_code in {200, 404, 422}, answer.text
    assert answer.status_code == 200 or isinstance(answer.json()["detail"], str)
    json.loads(answer.text)


def test_a_user_who_sends_too_many_requests_waits(made: FastAPI, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(application, "workers", Workers(per_user=0))
    [client] = client_of(made, Somebody(None))
    answer = client.get("api/coverage")

    assert (answer.status_code, answer.headers["retry-after"]) == (429, "2")


@pytest.mark.parametrize("path", ROUTES)
def test_a_user_who_never_pauses_is_slowed_down(made: FastAPI, monkeypatch: pytest.MonkeyPatch, path: str) -> None:
    """Whatever the answer is: here they may see nothing."""
    monkeypatch.setattr(reader, "rate", UserRateLimiter(per_second=0.001, burst=1, longest_wait=0.01))
    [client] = client_of(made, Somebody())

    assert [client.get(path).status_code for _ in range(4)] == [403, 403, 429, 429]


def test_the_first_requests_pass_on_a_machine_that_has_just_started(monkeypatch: pytest.MonkeyPatch) -> None:
    """A monotonic clock may begin at zero."""
    monkeypatch.setattr(rate, "time", SimpleNamespace(monotonic=lambda: 1.0))

    limiter = UserRateLimiter(per_second=0.001, burst=1, longest_wait=0.01)

    for _ in range(2):
        asyncio.run(limiter.wait("somebody"))


def test_an_error_of_airflow_stays_one(made: FastAPI) -> None:
    def nobody() -> None:
        raise HTTPException(401, "Not authenticated")

    made.dependency_overrides[reader.logged_in] = nobody
    with TestClient(made) as client:
        assert {client.get(path).status_code for path in ["", "assets/main.js", *ROUTES]} == {401}


def test_every_data_route_requires_permission(made: FastAPI) -> None:
    """The list above is whole: a new route belongs into it."""
    paths = {path.lstrip("/") for path in made.openapi()["paths"] if path.startswith("/api/")}

    assert paths == set(ROUTES)


def test_a_page_of_sixty_days_is_small(show: Showcase, admin: TestClient, tmp_path: Path) -> None:
    """The slots are four short numbers each."""
    text = admin.get("api/coverage", params={"days": 3}).text

    assert len(text) < 60 * sum(len(stream["slots"]) for stream in json.loads(text)["streams"])
