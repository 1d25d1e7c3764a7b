"""Hooks of strangers: form bodies, signers that see the final bytes, named secrets, success rules, several hosts.

The vectors are those of the documents of the example packages (Rowan, Quill, Finch).
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timezone
from typing import Any, ClassVar

import pytest
from airflow.sdk import BaseHook, Connection

from airflow_betproviders.declare.answer_formats import Csv
from airflow_betproviders.declare.pagination import NextLink
from airflow_betproviders.declare.settings import TextSetting
from airflow_betproviders.exceptions import (
    IncompleteWindow,
    ProviderAuthError,
    ProviderRequestError,
    ProviderUnavailable,
)
from airflow_betproviders.extraction.fetch.calls import Caller
from airflow_betproviders.extraction.fetch.source import AnswerPermit
from airflow_betproviders.hooks.base import BetProviderHook, Code
from airflow_betproviders.hooks.http.request import ApiRequest
from airflow_betproviders.hooks.success import BodyBegins, CodeEquals, MemberIsNull
from tests.extraction.vendor import BETS, SLOT
from tests.raw_server import RawServer, saying
from tests.recorder import Recorder, Reply


class RowanHook(BetProviderHook):
    """Form body with two secrets, HMAC of the body's digest in a header with a third."""

    default_conn_name = conn_type = "rowan"
    hook_name = "Rowan"
    default_min_interval = 0.0
    params_in = "form"
    success = MemberIsNull(member="error")
    codes: ClassVar[Mapping[str, Code]] = {
        "1204": Code(ProviderAuthError, "check the token"),
        "1034": Code(ProviderRequestError, "check the salt"),
    }
    settings = (TextSetting(name="salt", secret=True, required="the salt of header signatures"),)
    host = "api.rowan.example"

    def fields(self, endpoint: str | int, params: Mapping[str, Any]) -> Mapping[str, Any]:
        return {"operator_token": self.account, "secret_key": self.key, **params}

    def sign(self, request: ApiRequest) -> None:
        assert request.body is not None
        digest, day = hashlib.sha256(request.body).hexdigest(), f"{self.now():%Y%m%d}"
        text = f"{self.host}{digest}{day}"
        signature = hmac.new(self.extra["salt"].encode(), text.encode(), hashlib.sha256).hexdigest()
        request.headers |= {"x-date": day, "x-content-sha256": digest, "Authorization": f"RWN Signature={signature}"}
        request.query["trace_id"] = "t-1"

    def probe(self) -> str:
        return ""


class FinchHook(BetProviderHook):
    """Credentials in the query, CSV behind a first line, an account on several hosts."""

    default_conn_name = conn_type = "finch"
    hook_name = "Finch"
    default_min_interval = 0.0
    method = "GET"
    params_in = "query"
    success = BodyBegins(text="timepoint=", errors=CodeEquals(member="error", value="0", text="description"))
    codes: ClassVar[Mapping[str, Code]] = {"4": Code(ProviderAuthError, "check login and password")}

    def url(self, endpoint: str | int, params: Mapping[str, Any]) -> str:
        return f"http://{params['host']}{endpoint}"

    def fields(self, endpoint: str | int, params: Mapping[str, Any]) -> Mapping[str, Any]:
        sent = {name: value for name, value in params.items() if name != "host"}
        return {**sent, "login": self.account, "password": self.key}

    def probe(self) -> str:
        return ""


Make = Callable[..., Any]


@pytest.fixture
def made(server: Recorder, monkeypatch: pytest.MonkeyPatch) -> Make:
    def make(hook: type[BetProviderHook], login: str, password: str, **extra: Any) -> BetProviderHook:
        connection = Connection(
            conn_id="one",
            conn_type=hook.conn_type,
            host=f"{server.url}/data",
            login=login,
            password=password,
            extra=json.dumps(extra),
        )
        monkeypatch.setattr(BaseHook, "get_connection", classmethod(lambda cls, conn_id: connection))
        return hook("one")

    return make


@pytest.fixture
def rowan(made: Make, monkeypatch: pytest.MonkeyPatch) -> RowanHook:
    hook: RowanHook = made(RowanHook, "demo-operator-01", "demo-secret-01", salt="demo-salt-01")
    monkeypatch.setattr(hook, "now", lambda: datetime(2026, 1, 15, tzinfo=timezone.utc))
    return hook


def test_a_form_body_is_signed_by_its_final_bytes(rowan: RowanHook, server: Recorder) -> None:
    server.answer({"data": [], "error": None})
    params = {"count": 1500, "bet_type": 1, "row_version": 1768435200000, "hands_status": 0}
    rowan.exchange("/Bet/v4/GetHistory", params)
    (request,) = server.requests
    assert request.body == (
        b"operator_token=demo-operator-01&secret_key=demo-secret-01&count=1500&bet_type=1&row_version=1768435200000"
        b"&hands_status=0"
    )
    assert (request.method, request.raw_path) == ("POST", "/data/Bet/v4/GetHistory?trace_id=t-1")
    assert request.headers["content-type"] == "application/x-www-form-urlencoded"
    assert request.headers["x-content-sha256"] == "cd7b9311a16d822942f783a8031dee7f038b5f7aec975616ffb1cc3177eb3fbe"
    assert request.headers["authorization"] == (
        "RWN Signature=9e4ba28e2e175a66fdb91001b6a6acd101215dc4b703245d7164d8dc0f685e4c"
    )


def test_a_secret_that_the_provider_echoes_is_not_repeated(rowan: RowanHook) -> None:
    echo = "secret_key demo-secret-01 and salt demo%2Dsalt-01 demo-salt-01 of demo-operator-01 are not known"
    with pytest.raises(ProviderAuthError) as caught:
        rowan.check({"data": None, "error": {"code": "1204", "message": echo}})
    assert "demo-secret-01" not in str(caught.value)
    assert "demo-salt-01" not in str(caught.value)
    assert "demo-operator-01 are not known" in str(caught.value)


@pytest.mark.parametrize("status", [200, 500])
def test_a_body_that_echoes_the_request_is_archived_and_quoted_without_its_secrets(
    rowan: RowanHook, server: Recorder, caplog: pytest.LogCaptureFixture, waited: list[float], status: int
) -> None:
    """Rowan's document, trap 3: the secret lies in the body."""
    server.replies = lambda request: Reply(b"<html>" + request.body + b" demo-salt-01", status=status)
    caller: Caller[Any] = Caller(rowan, BETS, quoting)
    kept: list[Any] = []
    caller.on_reply = lambda reply, _answer: kept.append(reply)
    with pytest.raises(ProviderUnavailable) as caught:
        caller(SLOT, {"count": 1500})
    assert len(server.requests) == 5
    shown = str(caught.value) + caplog.text + "".join(f"{reply.body}{reply.error}{reply.params}" for reply in kept)
    assert b"demo-secret-01" in server.requests[0].body
    assert "demo-secret-01" not in shown
    assert "demo-salt-01" not in shown


def quoting(body: bytes, check: Any) -> Any:
    raise ProviderUnavailable(f"the answer is no JSON. It begins: {body.decode()}")


@pytest.mark.parametrize(
    ("envelope", "error", "said"),
    [
        (
            {"data": None, "error": {"code": "1034", "message": "Invalid request"}},
            ProviderRequestError,
            "1034 'Invalid",
        ),
        ({"data": None, "error": {"code": 1034}}, ProviderRequestError, "1034"),
        ({"data": None, "error": "down"}, ProviderUnavailable, "down"),
        ({"data": []}, ProviderUnavailable, "the answer has no error"),
    ],
)
def test_success_is_a_member_that_is_null(
    rowan: RowanHook, envelope: dict[str, Any], error: type[Exception], said: str
) -> None:
    rowan.check({"data": [], "error": None})
    with pytest.raises(error, match=said):
        rowan.check(envelope)


def test_a_flag_with_the_code_beside_it_is_a_success_rule_too() -> None:
    rule = CodeEquals(member="ok", value="true", code="error", text="text")
    assert rule.status({"ok": True})[0] is None
    assert rule.status({"ok": False, "error": "SLOW_DOWN", "text": "too fast"}) == ("SLOW_DOWN", "too fast")
    assert rule.status({"ok": 1, "error": "X"})[0] == "X"


def test_success_is_how_the_answer_begins_and_the_host_is_a_parameter(made: Make, server: Recorder) -> None:
    hook = made(FinchHook, "demo_operator", "demoSecret01")
    host = server.url.removeprefix("http://")
    params = {"host": host, "timepoint": 1768435200000, "dataType": "RNG"}
    server.answer(Reply(b"timepoint=1768435800000\nplayerID\n"))
    assert hook.exchange("/feeds/v3/rounds/finished/", params).startswith(b"timepoint=")
    assert server.requests[0].raw_path == (
        "/feeds/v3/rounds/finished/?timepoint=1768435200000&dataType=RNG&login=demo_operator&password=demoSecret01"
    )
    server.answer({"error": "4", "description": "no demoSecret01"})
    with pytest.raises(ProviderAuthError, match=r"4 'no \*\*\*': check login"):
        hook.exchange("/feeds/v3/rounds/finished/", params)
    for body in (b"", b"null", b"<html>", b"[" * 100_000):
        server.answer(Reply(body))
        with pytest.raises(ProviderUnavailable, match="the answer does not begin with timepoint="):
            hook.exchange("/feeds/v3/rounds/finished/", params)


@pytest.mark.parametrize(
    ("link", "hosts", "refused"),
    [
        ("https://elsewhere.example/b?after=2", (), "leads to elsewhere.example, and the account is on 127.0.0.1"),
        ("//elsewhere.example:8443/b?after=2", (), "leads to elsewhere.example"),
        ("https://user:pass@elsewhere.example/?after=2", (), "leads to elsewhere.example"),
        ("https://elsewhere.example/b?after=2", ("elsewhere.example",), None),
        ("https://127.0.0.1:1/b?after=2", (), None),
        ("/b?after=2", (), None),
        ("?after=2", (), None),
        ("?after=2&operator_token=demo-operator-01", (), None),
        ("?after=2&operator_token=demo-operator-02", (), "changes operator_token, which names the account"),
        ("?after=2&operator_token=", (), "changes operator_token"),
    ],
)
def test_a_link_to_the_next_page_stays_at_the_account_and_its_host(
    rowan: RowanHook, server: Recorder, link: str, hosts: tuple[str, ...], refused: str | None
) -> None:
    server.answer({"data": [], "error": None})
    params = NextLink(hosts=hosts)._next(link, {})
    if refused:
        with pytest.raises(IncompleteWindow, match=refused):
            rowan.exchange("/b", params)
        assert server.requests == []
    else:
        rowan.exchange("/b", params)
        assert server.requests[0].form["operator_token"] == "demo-operator-01"
        assert server.requests[0].form["after"] == "2"


def test_the_end_of_the_connection_does_not_prove_a_stream_in_csv(made: Make) -> None:
    body = b"HTTP/1.1 200 OK\r\n\r\ntimepoint=1\nid\n1\n"
    stream = replace(BETS, format=Csv(preamble=("timepoint",)), endpoint="/feed")
    with RawServer(saying(body)) as feed:
        hook = made(FinchHook, "demo_operator", "demoSecret01")
        params = {"host": feed.url.removeprefix("http://")}
        with pytest.raises(ProviderUnavailable, match="neither Content-Length nor chunks"):
            hook.request(stream, SLOT, params, AnswerPermit())
        assert hook.request(stream, SLOT, params, AnswerPermit()).endswith(b"id\n1\n")


def test_parameters_travel_in_a_known_place() -> None:
    with pytest.raises(ValueError, match="parameters travel in one of query, json, form"):
        ApiRequest.of("POST", "http://a.example", {}, "headers")


def test_where_words_of_the_provider_are_withheld_only_a_documented_code_is_shown(rowan: RowanHook) -> None:
    rowan.quotes = False
    with pytest.raises(ProviderAuthError) as caught:
        rowan.check({"error": {"code": "1204", "message": "PLAYER97 has no right"}})
    assert "PLAYER97" not in str(caught.value)
    assert "1204" in str(caught.value)
    with pytest.raises(ProviderUnavailable) as unavailable:
        rowan.check({"error": {"code": "PLAYER97"}})
    assert "PLAYER97" not in str(unavailable.value)
