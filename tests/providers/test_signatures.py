"""Signatures against vectors made from the vendors' documents, by themselves and on the wire."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from airflow_betproviders.declare.interval import Interval
from airflow_betproviders.exceptions import InvalidArgument
from airflow_betproviders.providers.aig import hook as aig
from airflow_betproviders.providers.gmag import hook as gmag
from airflow_betproviders.providers.jdb import hook as jdb
from airflow_betproviders.providers.jdb import streams as jdb_streams
from airflow_betproviders.providers.pv import hook as pv
from tests.accounts import ACCOUNTS, ENDPOINT, PROVIDERS, SUCCESS
from tests.conftest import MakeHook
from tests.jdb_cipher import decrypt
from tests.recorder import Recorder, Request

Vectors = dict[str, Any]
PV = ["seed_example", "empty_data", "history_nested_list", "unicode_text", "nested_objects_and_types"]
AIG = [
    "seed_curl_transaction_query",
    "vendor_doc_guest_login",
    "vendor_doc_member_create_string",
    "empty_values_excluded",
]
GMAG = [
    "vendor_csharp_sample",
    "history_game_page1",
    "history_game_all_filters",
    "array_with_slash_and_bmp_unicode",
    "hash_key_ignored",
]
JDB = ["action64_space_padded", "action29_space_padded", "exact_multiple_no_extra_block", "utf8_parent"]


def named(vectors: Vectors, provider: str, name: str) -> Vectors:
    return next(vector for vector in vectors[provider]["vectors"] if vector["name"] == name)


def at(seconds: float) -> datetime:
    return datetime(1970, 1, 1, tzinfo=timezone.utc) + timedelta(seconds=seconds)


def test_no_vector_is_forgotten(vectors: Vectors) -> None:
    assert [vector["name"] for vector in vectors["pv_2j"]["vectors"]] == PV
    assert [vector["name"] for vector in vectors["aig"]["vectors"]] == AIG
    assert [vector["name"] for vector in vectors["gmag"]["vectors"]] == GMAG
    others = {"action64_nul_padded", "exact_multiple_extra_block"}  # how other clients pad
    assert {*JDB, *others} == {vector["name"] for vector in vectors["jdb"]["vectors"]}


# ------------------------------------------------------------------ PV


@pytest.mark.parametrize("name", PV)
def test_pv_sign(vectors: Vectors, name: str) -> None:
    vector = named(vectors, "pv_2j", name)
    assert pv.sign(vector["data"], vector["ts"], vector["key"]) == vector["sign"]


@pytest.mark.parametrize("name", PV)
def test_pv_on_the_wire(
    vectors: Vectors, name: str, make: MakeHook, server: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    vector = named(vectors, "pv_2j", name)
    hook = make("pv", login=str(vector["mch_id"]), password=vector["key"], host=server.url + "/summary/v1/")
    monkeypatch.setattr(hook, "now", lambda: at(vector["ts"] + 0.999))
    hook.exchange("/api/all/history", vector["data"])
    (request,) = server.requests
    assert (request.method, request.raw_path) == ("POST", "/summary/v1/api/all/history")
    assert request.json == vector["body"]
    assert request.headers["content-type"] == "application/json"
    assert "gzip" in request.headers["accept-encoding"]


def test_pv_known_mistakes_do_not_match(vectors: Vectors) -> None:
    right = {vector["name"]: vector for vector in vectors["pv_2j"]["vectors"]}
    for mistake in vectors["pv_2j"]["must_not_match"]:
        vector = right[mistake["of"]]
        assert pv.sign(vector["data"], vector["ts"], vector["key"]) != mistake["sign"], mistake["mistake"]


# ------------------------------------------------------------------ AIG


@pytest.mark.parametrize("name", AIG)
def test_aig_sign(vectors: Vectors, name: str) -> None:
    vector = named(vectors, "aig", name)
    assert aig.sign(vector["params"], vector["key"]) == vector["sign"]
    assert aig.sign({**vector["params"], "sign": "whatever"}, vector["key"]) == vector["sign"]


@pytest.mark.parametrize("name", AIG[:3])
def test_aig_on_the_wire(
    vectors: Vectors, name: str, make: MakeHook, server: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    vector = named(vectors, "aig", name)
    params = dict(vector["params"])
    timestamp = params.pop("timestamp")
    hook = make("aig", login=params.pop("agent_id"), password=vector["key"], host=server.url + "/proxy")
    monkeypatch.setattr(hook, "now", lambda: at(int(timestamp) / 1000))
    hook.exchange("/api/game/transaction/query", params)
    (request,) = server.requests
    assert (request.method, request.path) == ("GET", "/proxy/api/game/transaction/query")
    sent = {name: str(value) for name, value in vector["params"].items()}
    assert request.query == {**sent, "sign": vector["sign"]}
    assert request.headers["content-type"] == "application/json"
    assert "gzip" in request.headers["accept-encoding"]
    assert request.body == b""


def test_aig_known_mistakes_are_what_other_styles_are_for(vectors: Vectors) -> None:
    vector = named(vectors, "aig", "seed_curl_transaction_query")
    digests = {mistake["mistake"]: mistake["sign"] for mistake in vectors["aig"]["must_not_match"]}
    assert aig.sign(vector["params"], vector["key"]) not in digests.values()
    assert aig.sign(vector["params"], vector["key"], "key-last-param") == digests["key appended as &key="]
    assert aig.sign(vector["params"], vector["key"], "key-last") == digests["key appended without separator"]


@pytest.mark.parametrize("style", ["key-first", "key-last-param", "key-last", "values-concatenated"])
def test_aig_sign_style_of_the_connection_is_what_is_sent(make: MakeHook, server: Recorder, style: str) -> None:
    hook = make("aig", extra={"sign_style": style})
    hook.exchange("/api/game/transaction/query", {"start_index": "0"})
    query = dict(server.requests[0].query)
    assert query.pop("sign") == aig.sign(query, ACCOUNTS["aig"]["password"], style)


# ------------------------------------------------------------------ JDB


@pytest.mark.parametrize("name", JDB)
def test_jdb_encrypt(vectors: Vectors, name: str) -> None:
    vector = named(vectors, "jdb", name)
    x = jdb.encrypt(json.loads(vector["plaintext"]), vectors["jdb"]["key"], vectors["jdb"]["iv"])
    assert x == vector["x"]
    assert "=" not in x


@pytest.mark.parametrize("style", ["json", "form", "query"])
@pytest.mark.parametrize("own_key", [None, True])
def test_jdb_on_the_wire(make: MakeHook, server: Recorder, style: str, own_key: bool | None) -> None:
    hook = make("jdb", extra={"request_style": style, "own_key": own_key}, host=server.url + "/gw/")
    before = datetime.now(timezone.utc).timestamp() * 1000
    hook.exchange(64, {"starttime": "08-12-2016 17:45:00", "endtime": "08-12-2016 17:46:00", "gTypes": [0, 7]})
    (request,) = server.requests
    assert (request.method, request.path) == ("POST", "/gw/apiRequest.do")
    assert "gzip" in request.headers["accept-encoding"]
    fields = sent_by_jdb(request, style)
    assert set(fields) == {"dc", "x"} | ({"parent"} if own_key else set())
    assert fields["dc"] == "jb"
    assert fields.get("parent", "testag") == "testag"
    action = json.loads(decrypt(fields["x"]))
    ts = action.pop("ts")
    assert before - 1 <= ts <= datetime.now(timezone.utc).timestamp() * 1000 + 1
    assert isinstance(ts, int)
    assert action == {
        "action": 64,
        "parent": "testag",
        "starttime": "08-12-2016 17:45:00",
        "endtime": "08-12-2016 17:46:00",
        "gTypes": [0, 7],
    }


def sent_by_jdb(request: Request, style: str) -> dict[str, str]:
    if style == "json":
        assert request.headers["content-type"] == "application/json"
        return request.json
    if style == "form":
        assert request.headers["content-type"] == "application/x-www-form-urlencoded"
        return request.form
    assert request.body == b""
    return request.query


@pytest.mark.parametrize("row", range(3))
@pytest.mark.parametrize(
    ("offset", "column"), [("-04:00", "jdb_gmt_minus_4"), ("+08:00", "jdb_if_account_is_utc_plus_8")]
)
def test_jdb_times_travel_in_the_accounts_fixed_offset(
    vectors: Vectors, make: MakeHook, row: int, offset: str, column: str
) -> None:
    rendering = vectors["jdb"]["time_rendering"][row]
    start = datetime.fromisoformat(rendering["utc"].replace("Z", "+00:00"))
    hook = make("jdb", extra={"utc_offset": offset})
    params = hook.params(jdb_streams.TRANSACTIONS, Interval(start, start + timedelta(minutes=5)), {})
    assert params["starttime"] == rendering[column]
    assert set(params) == {"starttime", "endtime"}
    if row != 1:
        assert params["starttime"] != rendering["wrong_america_new_york"]


# ------------------------------------------------------------------ GM-Ag


@pytest.mark.parametrize("name", GMAG)
def test_gmag_hash(vectors: Vectors, name: str) -> None:
    vector = named(vectors, "gmag", name)
    assert gmag.sign(vector["params"], vector["secretKey"]) == vector["hash"]


@pytest.mark.parametrize("name", GMAG[1:3])
def test_gmag_on_the_wire(vectors: Vectors, name: str, make: MakeHook, server: Recorder) -> None:
    vector = named(vectors, "gmag", name)
    hook = make("gmag", login=vector["params"]["brandId"], password=vector["secretKey"], host=server.url + "/data")
    hook.exchange("/history/game", vector["params"])
    (request,) = server.requests
    assert (request.method, request.path) == ("POST", "/data/history/game")
    assert request.query == {"hash": vector["hash"]}
    assert request.json == vector["params"]
    assert request.headers["content-type"] == "application/json"
    assert "gzip" in request.headers["accept-encoding"]


@pytest.mark.parametrize("value", [True, False, None, 1.0, 0.1, {"a": 1}])
def test_gmag_refuses_what_the_vendors_own_samples_hash_differently(
    make: MakeHook, server: Recorder, value: object
) -> None:
    hook = make("gmag")
    with pytest.raises(InvalidArgument, match="only text and integers"):
        hook.exchange("/history/game", {"showAll": value})
    assert server.requests == []


# ------------------------------------------------------------------ anew for each attempt


@pytest.mark.parametrize("provider", ["pv", "aig", "jdb", "gmag"])
def test_every_attempt_is_signed_anew(
    make: MakeHook, server: Recorder, provider: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tests.recorder import Reply

    server.answer(Reply(status=502), Reply(status=502), SUCCESS[provider])
    hook = make(provider)
    clock = iter(range(1_800_000_000, 1_800_100_000, 7))
    monkeypatch.setattr(hook, "now", lambda: at(next(clock)))
    hook.call("test", "/any" if provider != "jdb" else 49, {"a": "b"})
    assert len(server.requests) == 3
    match provider:
        case "pv":
            marks = [request.json["ts"] for request in server.requests]
            signs = [request.json["sign"] for request in server.requests]
        case "aig":
            marks = [int(request.query["timestamp"]) for request in server.requests]
            signs = [request.query["sign"] for request in server.requests]
        case "jdb":
            signs = [request.json["x"] for request in server.requests]
            marks = [json.loads(decrypt(x))["ts"] for x in signs]
        case _:
            marks = [request.json["requestId"] for request in server.requests]
            signs = [request.query["hash"] for request in server.requests]
    assert len(set(marks)) == 3
    assert len(set(signs)) == 3


@pytest.mark.parametrize("provider", PROVIDERS)
def test_what_netrc_says_of_the_host_is_not_sent(
    make: MakeHook, server: Recorder, provider: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login somebody password else\n")
    monkeypatch.setenv("NETRC", str(netrc))
    make(provider).exchange(ENDPOINT[provider], {})
    (request,) = server.requests
    assert "authorization" not in request.headers
