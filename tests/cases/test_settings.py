"""Settings of a connection and filters: typed, refused by name before the first call, masked where they are secret."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import requests
from airflow.sdk import BaseHook, Connection
from airflow.sdk._shared.secrets_masker import SecretsMasker

from airflow_betproviders.declare.interval import Interval
from airflow_betproviders.declare.settings import COMMON_SETTINGS, NumberSetting, TextSetting
from airflow_betproviders.exceptions import InvalidArgument, ProviderAuthError, WindowExpired
from airflow_betproviders.hooks.base import BetProviderHook
from airflow_betproviders.operators.stream_operator import hook_of
from airflow_betproviders.providers.aig.hook import AigHook
from airflow_betproviders.providers.gmag.hook import GmAgHook
from airflow_betproviders.providers.jdb.hook import JdbHook
from tests.accounts import ACCOUNTS, PROVIDERS, SUCCESS
from tests.conftest import MakeHook
from tests.jdb_cipher import decrypt
from tests.operator_runs import context, execute, operator
from tests.recorder import Recorder, Reply, Request

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
AGO = datetime.now(timezone.utc).replace(minute=0, second=0, microsecond=0) - 4 * HOUR
WINDOW = Interval(AGO, AGO + timedelta(minutes=1))


def read(hook: BetProviderHook, stream: str | None = None, **filters: Any) -> None:
    list(hook.extract(stream, WINDOW.start, WINDOW.end, **filters))


# ------------------------------------------------------------------ S1


@pytest.mark.parametrize("given", [False, "false", "False", "no", "0", 0])
def test_s1_show_all_false_requests_this_accounts_own_rows(make: MakeHook, server: Recorder, given: Any) -> None:
    server.answer(SUCCESS["gmag"])
    read(make("gmag", extra={"show_all": given}), "game_history")
    assert "showAll" not in server.requests[0].json


@pytest.mark.parametrize("given", [True, "true", "TRUE", "yes", "1", 1])
def test_s1_show_all_true_requests_the_rows_of_sub_brands(make: MakeHook, server: Recorder, given: Any) -> None:
    server.answer(SUCCESS["gmag"])
    read(make("gmag", extra={"show_all": given}), "game_history")
    assert server.requests[0].json["showAll"] == 1


@pytest.mark.parametrize(("text", "show_all"), [("false", False), ("true", True)])
def test_s1_the_uri_form_says_the_same(monkeypatch: pytest.MonkeyPatch, text: str, show_all: bool) -> None:
    hook = from_uri(monkeypatch, f"gmag://https://9:key@api.example.com/data?show_all={text}&page_size=500")
    assert hook.extra["show_all"] is show_all
    assert hook.extra["page_size"] == 500


def from_uri(monkeypatch: pytest.MonkeyPatch, uri: str) -> GmAgHook:
    monkeypatch.setenv("AIRFLOW_CONN_GMAG_DEFAULT", uri)
    connection = Connection.from_uri(uri, "gmag_default")
    monkeypatch.setattr(BaseHook, "get_connection", classmethod(lambda cls, conn_id: connection))
    return GmAgHook()


@pytest.mark.parametrize("name", ["login", "password"])
def test_s3_a_number_in_a_connection_of_json_form_travels_and_is_masked_as_its_text(
    server: Recorder, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    number = 1234567890123456
    members = {"conn_type": "jdb", "host": server.url, **ACCOUNTS["jdb"], name: number}
    members["extra"] = {**members["extra"], "min_interval": 0}
    connection = Connection.from_json(json.dumps(members), "jdb_default")
    monkeypatch.setattr(BaseHook, "get_connection", classmethod(lambda cls, conn_id: connection))
    server.answer({"status": "9001", "err_text": f"no right for {number}"})
    hook = JdbHook()
    with pytest.raises(ProviderAuthError) as caught:
        read(hook, "transactions")
    key = str(number) if name == "password" else ACCOUNTS["jdb"]["password"]
    sent = json.loads(decrypt(server.requests[0].json["x"], key, ACCOUNTS["jdb"]["extra"]["iv_secret"]))
    assert sent["parent"] == (str(number) if name == "login" else ACCOUNTS["jdb"]["login"])
    assert (str(number) in str(caught.value)) == (name == "login")
    assert hook.secrets(hook.connection)[0] == key


@pytest.mark.parametrize("name", ["host", "login", "password"])
@pytest.mark.parametrize("value", [1.5, True, ["a"], {"a": "b"}], ids=str)
def test_s3_a_member_of_a_connection_of_json_form_that_is_no_text_is_refused_by_name(
    monkeypatch: pytest.MonkeyPatch, name: str, value: Any
) -> None:
    members = {"conn_type": "aig", "host": "https://api.example.com", **ACCOUNTS["aig"], name: value}
    connection = Connection.from_json(json.dumps(members), "aig_default")
    monkeypatch.setattr(BaseHook, "get_connection", classmethod(lambda cls, conn_id: connection))
    with pytest.raises(
        InvalidArgument, match=f"^connection aig_default: {name} must be text; in JSON form write it in quotes"
    ):
        read(AigHook())
    assert AigHook().test_connection() == (False, f"{name} must be text; in JSON form write it in quotes.")


# ------------------------------------------------------------------ S2

UNFIT = [
    (
        "min_intervall",
        2,
        "extra min_intervall=2 is unknown. Did you mean min_interval, a number of seconds from 0 to 86400?",
    ),
    ("timeout", "soon", "extra timeout='soon' must be a number of seconds from 0.001 to 3600"),
    ("timeout", 0, "extra timeout=0 must be a number of seconds"),
    ("timeout", True, "extra timeout=True must be a number of seconds"),
    ("verify", "maybe", "extra verify='maybe' must be true or false"),
    ("verify", [], "extra verify=[] must be true or false"),
    ("page_size", 2.5, "extra page_size=2.5 must be a whole number of rows of at least 1"),
    ("page_size", 0, "extra page_size=0 must be a whole number of rows of at least 1"),
    ("retention_days", "three months", "extra retention_days='three months' must be a number of days"),
    ("max_answer_mb", -1, "extra max_answer_mb=-1 must be a number of megabytes"),
    ("min_interval", "1e999", "extra min_interval='1e999' must be a number of seconds"),
    ("ca_bundle", "/nowhere/ca.pem", "extra ca_bundle='/nowhere/ca.pem' must be the path of a file on the worker"),
    ("client_cert", "/nowhere/a.pem,/nowhere/b.pem", "must be the path of a file on the worker"),
    ("MIN-INTERVAL", 2, "Did you mean min_interval"),
    ("extra__aig__timeout", 2, "Did you mean timeout"),
    ("ca_bundle", pytest.__file__, "that holds certificate authorities in PEM"),
    ("ca_bundle", "/dev/null", "extra ca_bundle='/dev/null' must be the path of a file on the worker"),
    ("proxy", "nonsense", "extra proxy='nonsense' must be a URL such as http://proxy:3128"),
    ("proxy", "http://[::1", "extra proxy='http://[::1' must be a URL such as http://proxy:3128"),
    ("rate_limit_storage", "redos://host", "extra rate_limit_storage='redos://host' must be a URL such as redis://"),
    ("colour", "red", "extra colour is unknown. It may have"),
]


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize(("name", "value", "message"), UNFIT)
def test_s2_an_unknown_or_unfit_extra_is_refused_before_the_first_call(
    make: MakeHook, server: Recorder, provider: str, name: str, value: Any, message: str
) -> None:
    with pytest.raises(InvalidArgument) as caught:
        read(make(provider, extra={name: value}))
    assert str(caught.value).startswith(f"connection {provider}_default: ")
    assert message in str(caught.value)
    works, text = make(provider, extra={name: value}).test_connection()
    assert not works
    assert message in text
    assert server.requests == []


def test_s2_a_pipe_in_place_of_a_file_is_refused_and_not_read(make: MakeHook, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "ca.pem")  # whoever opens it to read waits until another writes
    for name in ("ca_bundle", "client_cert"):
        with pytest.raises(InvalidArgument, match=f"extra {name}=.* must be the path of a file on the worker"):
            make("aig", extra={name: str(tmp_path / "ca.pem")}).check_connection()


def test_s2_a_negative_number_is_refused_with_the_least_one() -> None:
    with pytest.raises(ValueError, match="a whole number of calls of at least 0"):
        NumberSetting(name="calls_an_hour", unit="calls", integer=True).parse(-1)


NO_NUMBER = [
    "1_000",
    "\uff11\uff12",
    "\u0663",
    "nan",
    "inf",
    "0x10",
    "1e400",
    [1],
    {"a": 1},
    "five",
    " ",
    "1" * 400,
    False,
    "1 2",
]


@pytest.mark.parametrize("name", ["min_interval", "timeout", "page_size", "retention_days", "max_answer_mb"])
def test_s2_what_is_no_number_is_refused_by_name(make: MakeHook, name: str) -> None:
    for value in NO_NUMBER:
        with pytest.raises(InvalidArgument, match=f"extra {name}=.* must be a (whole )?number of"):
            read(make("aig", extra={name: value}))


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"login": " 1001"}, "login begins or ends with a blank or a line break"),
        ({"login": "1001\n"}, "login begins or ends with a blank or a line break"),
        ({"password": "gm-test-secret\n"}, "password begins or ends with a blank or a line break"),
        ({"port": 99999, "host": "https://h.example"}, "port 99999 must be from 1 to 65535"),
        ({"port": -1, "host": "https://h.example"}, "port -1 must be from 1 to 65535"),
        ({"schema": "https"}, "schema 'https' would count as a path; leave schema empty"),
        *(({"host": host}, "host must be the provider's full URL") for host in (
            "h.example", "h.example:443", "http://", "ftp://h.example", "//h.example", "https://h.example:0", "https://h.example:99999",
            "https://h.example\\@evil.example", "https://*", "https://h..example", "https://" + "a" * 64 + ".example", "http://h.example;x",
            "http://::1/", "http://[::1", "https://h.example/a b", "https://h.example?x=1", "https://h.example#x", " https://h.example")),
    ],
)  # fmt: skip
def test_a_connection_that_cannot_work_is_refused_before_the_first_call(
    make: MakeHook, changes: dict[str, Any], named: str
) -> None:
    with pytest.raises(InvalidArgument) as caught:
        make("gmag", **changes).check_connection()
    assert named in str(caught.value)
    assert "gm-test-secret" not in str(caught.value)


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize("field", ["login", "password"])
def test_half_of_a_character_in_an_account_is_refused_before_the_first_call(
    make: MakeHook, server: Recorder, provider: str, field: str
) -> None:
    hook = make(provider, **{field: "0123\ud800"})
    with pytest.raises(InvalidArgument, match=f"{field} (has half of a character|must be the merchant id)"):
        read(hook)
    assert hook.test_connection()[0] is False
    assert server.requests == []


@pytest.mark.parametrize("login", ["\u00b2", "\uff11", "9" * 19, "9" * 5000, "1 2", "-1", "1.0"])
def test_pvs_merchant_id_is_a_number_of_plain_digits(make: MakeHook, login: str) -> None:
    with pytest.raises(InvalidArgument, match="login must be the merchant id, a whole number"):
        read(make("pv", login=login))


@pytest.mark.parametrize("dc", ["a\nb", "\x00", "a\u2028b", "\ud800"])
def test_a_text_extra_with_a_control_character_is_refused(make: MakeHook, dc: str) -> None:
    with pytest.raises(InvalidArgument, match=r"extra dc=.* must be text, without control characters"):
        read(make("jdb", extra={"dc": dc}))


@pytest.mark.parametrize(
    ("host", "asked"),
    [
        ("https://h.example/", "https://h.example/history/game"),
        ("https://h.example//", "https://h.example/history/game"),
        ("https://h.example/a/b/", "https://h.example/a/b/history/game"),
        ("http://[::1]:8080/x", "http://[::1]:8080/x/history/game"),
        ("https://b\u00fccher.example", "https://xn--bcher-kva.example/history/game"),
        ("HTTPS://H.example:443", "https://h.example:443/history/game"),
        ("https://h_x.example.", "https://h_x.example./history/game"),
    ],
)
def test_a_host_is_called_as_it_is_written(make: MakeHook, host: str, asked: str) -> None:
    hook = make("gmag", host=host)
    hook.check_connection()
    assert requests.Request("POST", hook.build("/history/game", {}).url).prepare().url == asked


@pytest.mark.parametrize("text", ["{not json", "[1]", '"text"'])
def test_an_extra_that_is_no_json_object_is_refused(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    connection = Connection(conn_id="gmag_default", conn_type="gmag", host="http://a.example", login="1", password="k")
    monkeypatch.setattr(connection, "extra", text)
    monkeypatch.setattr(BaseHook, "get_connection", classmethod(lambda cls, conn_id: connection))
    with pytest.raises(InvalidArgument, match="extra is not a JSON object"):
        GmAgHook().check_connection()


def test_numbers_as_text_are_numbers(make: MakeHook) -> None:
    given = {"timeout": "2.5", "min_interval": "0", "page_size": "500", "retention_days": "7", "max_answer_mb": "10"}
    hook = make("aig", extra=given)
    hook.check_connection()
    assert (hook.timeout, hook.min_interval) == (2.5, 0.0)
    assert [hook.extra[name] for name in ("page_size", "retention_days", "max_answer_mb")] == [500, 7.0, 10.0]


# ------------------------------------------------------------------ S3


def test_s3_a_number_travels_as_text_and_a_secret_one_is_masked_as_text(
    make: MakeHook, server: Recorder, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    masked: list[Any] = []
    monkeypatch.setattr("airflow_betproviders.hooks.account.mask_secret", masked.append)
    server.answer(SUCCESS["jdb"])
    read(make("jdb", extra={"dc": 71, "iv_secret": 9876543210987654}))
    assert server.requests[0].json["dc"] == "71"
    action = json.loads(decrypt(server.requests[0].json["x"], iv="9876543210987654"))
    assert action["parent"] == "testag"
    assert "9876543210987654" in masked
    masker = SecretsMasker()
    for secret in masked:
        masker.add_mask(secret)
    with caplog.at_level(logging.INFO):
        logging.getLogger("task").info("iv 9876543210987654")
    assert masker.redact(caplog.text) == caplog.text.replace("9876543210987654", "***")


@pytest.mark.parametrize("value", [987654, "short", ["0123456789abcdef"], {"a": "0123456789abcdef"}, 1.5])
def test_s3_an_unfit_secret_is_masked_and_not_quoted(
    make: MakeHook, monkeypatch: pytest.MonkeyPatch, value: Any
) -> None:
    masked: list[Any] = []
    monkeypatch.setattr("airflow_betproviders.hooks.account.mask_secret", masked.append)
    with pytest.raises(InvalidArgument, match="extra iv_secret must be 16 characters") as caught:
        make("jdb", extra={"iv_secret": value}).check_connection()
    text = {list: "0123456789abcdef", dict: "0123456789abcdef"}.get(type(value), str(value))
    assert text in masked
    assert text not in str(caught.value)


def test_a_secret_under_a_mistyped_name_is_not_quoted(make: MakeHook) -> None:
    with pytest.raises(InvalidArgument, match=r"extra iv_secrett is unknown\. Did you mean iv_secret") as caught:
        make("jdb", extra={"iv_secrett": "aaaabbbbccccdddd"}).check_connection()
    assert "aaaabbbbccccdddd" not in str(caught.value)


_PEM = "-----BEGIN PRIVATE KEY-----\naaaabbbbccccdddd"


@pytest.mark.parametrize(
    ("name", "value", "problem"),
    [
        ("own_key", "aaaabbbbccccdddd", "extra own_key must be true or false"),
        ("key", "aaaabbbbccccdddd", "extra key is unknown. Did you mean own_key, true or false?"),
        ("verify", "aaaabbbbccccdddd", "extra verify must be true or false"),
        ("client_cert", _PEM, "extra client_cert must be the path of a file"),
        ("client_key", _PEM, "extra client_key is unknown. Did you mean client_cert"),
        ("ca_bundle", [_PEM], "extra ca_bundle must be the path of a file"),
    ],
)
def test_a_key_in_the_wrong_field_is_not_quoted(make: MakeHook, name: str, value: Any, problem: str) -> None:
    with pytest.raises(InvalidArgument) as caught:
        make("jdb", extra={name: value}).check_connection()
    assert problem in str(caught.value)
    assert "aaaabbbb" not in str(caught.value)


@pytest.mark.parametrize("name", ["proxy", "rate_limit_storage", "timeout", "ca_bundle", "verify"])
def test_passwords_in_urls_are_masked_as_written_and_decoded(
    make: MakeHook, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    masked: list[Any] = []
    monkeypatch.setattr("airflow_betproviders.hooks.account.mask_secret", masked.append)
    scheme = {"rate_limit_storage": "redis"}.get(name, "http")
    assert make("aig", extra={name: f"{scheme}://somebody:p%40ss@host:1"}).connection
    assert {"p%40ss", "p@ss"} <= set(masked)


@pytest.mark.parametrize("name", [setting.name for setting in COMMON_SETTINGS])
@pytest.mark.parametrize("wrap", [str, lambda url: [url]], ids=["text", "list"])
def test_a_url_under_any_name_is_quoted_without_its_password(
    make: MakeHook, name: str, wrap: Callable[[str], Any]
) -> None:
    with pytest.raises(InvalidArgument, match=f"extra {name}=.*h.example:0.* must be") as caught:
        make("aig", extra={name: wrap("ftp://somebody:p%40ss@h.example:0")}).check_connection()
    assert "p%40ss" not in str(caught.value)


@pytest.mark.parametrize("value", [" salt", "salt\n", "\tsalt", "   "])
def test_a_secret_with_blanks_around_it_is_refused_and_not_quoted(value: str) -> None:
    setting = TextSetting(name="salt_secret", secret=True)
    with pytest.raises(ValueError, match=r"^text, without blanks around it$"):
        setting.parse(value)
    assert setting.quote(value) == ""
    assert setting.parse("with blank") == "with blank"


# ------------------------------------------------------------------ S4


@pytest.mark.parametrize(
    ("uri", "url"),
    [
        ("gmag://http://id:key@127.0.0.1:8400/data", "http://127.0.0.1:8400/data"),
        ("gmag://http://id:key@127.0.0.1:8400/data/", "http://127.0.0.1:8400/data"),
        ("gmag://https://id:key@api.example.com/data/v2?show_all=false", "https://api.example.com/data/v2"),
        ("gmag://id:key@https%3A%2F%2Fapi.example.com%2Fdata/", "https://api.example.com/data"),
        ("gmag://https://id:key@api.example.com", "https://api.example.com"),
    ],
)
def test_s4_the_uri_form_keeps_its_path(monkeypatch: pytest.MonkeyPatch, uri: str, url: str) -> None:
    hook = from_uri(monkeypatch, uri)
    hook.check_connection()
    assert hook.build("/history/game", {}).url == f"{url}/history/game"


@pytest.mark.parametrize(
    ("uri", "cure"),
    [
        ("gmag://id:key@127.0.0.1:8400/data", "in URI form write gmag://https://login:password@api.example.com/data"),
        (
            "gmag://id:key@https%3A%2F%2Fapi.example.com%2Fdata/more",
            "leave schema empty, and give the full URL in host",
        ),
        ("gmag://id:key@https%3A%2F%2Fapi.example.com%2F%3Fa%3D1/", "host must be the provider's full URL"),
    ],
)
def test_s4_another_form_is_refused_with_the_one_that_works(
    monkeypatch: pytest.MonkeyPatch, uri: str, cure: str
) -> None:
    with pytest.raises(InvalidArgument) as caught:
        from_uri(monkeypatch, uri).check_connection()
    assert cure in str(caught.value)


@pytest.mark.parametrize("uri", ["gmag://id:se/cret@h.example", "gmag://https://id:k@h.example:70000", "{bad json"])
def test_s4_a_malformed_uri_is_refused_with_the_cure(monkeypatch: pytest.MonkeyPatch, uri: str) -> None:
    """Airflow counts such a connection as missing, and takes what stands before a bare slash for a port."""
    monkeypatch.setenv("AIRFLOW_CONN_VENDOR", uri)
    with pytest.raises(
        InvalidArgument,
        match=r"If AIRFLOW_CONN_VENDOR is set, it is malformed: quote special .* JSON with login and password as text",
    ) as caught:
        hook_of("vendor")
    assert uri not in str(caught.value)


# ------------------------------------------------------------------ S5 to S7


@pytest.mark.parametrize(
    ("provider", "stream", "filters"),
    [
        ("gmag", "game_history", {"playerId": ""}),
        ("gmag", "game_history", {"playerId": "  "}),
        ("gmag", "game_history", {"playerId": "None"}),
        ("gmag", "game_history", {"playerId": "p1\n"}),
        ("gmag", "game_history", {"currency": " CNY"}),
        ("gmag", "game_history", {"roundId": "\ud800"}),
        ("pv", "slots_user_history", {"op_id": "a\x00"}),
        ("gmag", "games", {"providerCode": ""}),
        ("pv", "games_user_history", {"op_id": ""}),
        ("jdb", "transactions", {"gTypes": []}),
        ("jdb", "transactions", {"gTypes": ""}),
    ],
)
def test_s5_an_empty_filter_is_refused_before_the_first_call(
    make: MakeHook, server: Recorder, provider: str, stream: str, filters: dict[str, Any]
) -> None:
    (name,) = filters
    with pytest.raises(InvalidArgument, match=f"filter {name}=.* of stream {stream} must be .*not empty"):
        read(make(provider), stream, **filters)
    assert server.requests == []


def test_s6_integers_of_numpy_as_a_frame_gives_them_select_the_same(make: MakeHook) -> None:
    hook = make("pv")
    history, one_game = hook.stream("history"), hook.stream("games_game_history")
    found = (
        history.check_filters({"game_ids": list(np.array([2, 1, 1]))}),
        one_game.check_filters({"game_id": np.int32(7)}),
    )
    assert json.dumps(found) == '[{"game_ids": [1, 2]}, {"game_id": 7}]'
    for unfit in (np.uint64(2**63), np.float64(7), np.bool_(True), np.array([7, 8]), "7"):
        with pytest.raises(InvalidArgument, match=r"filter game_id=.* must be an integer"):
            one_game.check_filters({"game_id": unfit})
    for name, text in (("game_id", "2011"), ("game_ids", "[2011]")):
        with pytest.raises(InvalidArgument, match=r"If a template makes it, set render_template_as_native_obj=True"):
            (one_game if name == "game_id" else history).check_filters({name: text})


def test_s6_a_list_is_a_set_and_empty_means_all_where_the_document_says_so(make: MakeHook, server: Recorder) -> None:
    hook = make("pv")
    history, bonus = hook.stream("history"), hook.stream("bonus_summary")
    assert history.check_filters({"game_ids": [2, 1, 1]}) == history.check_filters({"game_ids": [1, 2]})
    assert history.check_filters({"game_ids": [2, 1, 1]}) == {"game_ids": [1, 2]}
    assert history.check_filters({"game_ids": []}) == {}
    lists = {"game_ids": [], "create_type_list": [], "state_list": []}
    assert bonus.check_filters(lists) == {}
    server.answer({"code": 200, "msg": "", "data": {"items": [], "total": 0, "page": 1, "page_size": 2000}})
    read(hook, "history", game_ids=(2, 1, 1))
    read(hook, "history", game_ids=[])
    assert server.requests[0].json["data"]["game_ids"] == [1, 2]
    assert "game_ids" not in server.requests[1].json["data"]


# ------------------------------------------------------------------ page_size, retention_days, filter_column


def test_page_size_lowers_the_requested_size_and_never_raises_it(make: MakeHook) -> None:
    small = make("aig", extra={"page_size": 1000}).stream()
    assert small.paging.params(2) == {"start_index": "2000", "page_size": "1000"}
    assert make("aig", extra={"page_size": 9000}).stream().paging.params(2) == {
        "start_index": "10000",
        "page_size": "5000",
    }
    assert make("pv", extra={"page_size": 100}).stream("games_game_history").paging.limit == 100
    assert make("jdb", extra={"page_size": 100}).stream() == make("jdb").stream()


def test_retention_days_is_what_the_connection_says_but_for_feeds_of_the_last_hours(make: MakeHook) -> None:
    for provider in PROVIDERS:
        hook = make(provider, extra={"retention_days": "7"})
        hook.check_time(hook.stream(), Interval(AGO - 6 * DAY, AGO))
        with pytest.raises(WindowExpired, match="the provider keeps 7 days, by extra retention_days"):
            hook.check_time(hook.stream(), Interval(AGO - 8 * DAY, AGO))
    jdb = make("jdb", extra={"retention_days": 7})
    assert jdb.stream("recent_transactions").retention == timedelta(minutes=118)


@pytest.mark.parametrize(
    ("provider", "stream", "days", "stated"),
    [
        ("aig", "transactions", 100, "the last three months"),
        ("jdb", "transactions", 61, "60 days"),
        ("jdb", "recent_transactions", 1, "two hours"),
        ("gmag", "game_history", 31, "30 days"),
        ("gmag", "game_report", 200, "six months"),
    ],
)
def test_retention_is_named_in_the_vendors_words(
    make: MakeHook, provider: str, stream: str, days: int, stated: str
) -> None:
    hook = make(provider)
    with pytest.raises(WindowExpired, match=f"the provider keeps {stated}\\."):
        hook.check_time(hook.stream(stream), Interval(AGO - days * DAY, AGO))


def test_jdb_filters_the_column_that_the_connection_names(make: MakeHook) -> None:
    hook = make("jdb", extra={"filter_column": "lastModifyTime"})
    assert isinstance(hook, JdbHook)
    assert hook.stream().time_column == "lastModifyTime"
    assert make("jdb").stream().time_column == "gameDate"
    assert hook.stream("daily_by_player") == make("jdb").stream("daily_by_player")
    with pytest.raises(InvalidArgument, match="extra filter_column='createTime' must be one of gameDate, lastModify"):
        make("jdb", extra={"filter_column": "createTime"}).check_connection()


def test_a_client_certificate_and_authorities_are_given_to_the_session(make: MakeHook, tmp_path: Path) -> None:
    files = {name: tmp_path / name for name in ("ca.pem", "cert.pem", "key.pem")}
    for file in files.values():
        file.write_text("-----BEGIN CERTIFICATE-----")
    extra = {"ca_bundle": str(files["ca.pem"]), "client_cert": f"{files['cert.pem']}, {files['key.pem']}"}
    hook = make("aig", extra=extra)
    hook.check_connection()
    assert hook.transport.session.verify == str(files["ca.pem"])
    assert hook.transport.cert == (str(files["cert.pem"]), str(files["key.pem"]))
    assert make("aig", extra={**extra, "verify": "false"}).transport.session.verify is False


def nothing(request: Request) -> Reply:
    return Reply({"code": 200, "msg": "", "data": {"items": [], "total": 0, "page": 1, "page_size": 2000}})


def folders(lake: Path) -> set[Path]:
    return {path.parent for path in lake.rglob("*.parquet")}


def test_s6_lists_of_the_same_games_are_stored_in_one_folder(make: MakeHook, server: Recorder, tmp_path: Path) -> None:
    server.replies = nothing
    make("pv")
    for filters in ({"game_ids": [2, 1, 1]}, {"game_ids": [1, 2]}, {"game_ids": []}, {}):
        execute(operator(tmp_path, "pv", start=AGO, end=AGO + HOUR, filters=filters), context())
    narrowed, whole = sorted(folders(tmp_path / "lake"), key=lambda folder: "filter" not in str(folder))
    assert "filter" in str(narrowed.relative_to(tmp_path / "lake"))
    assert "filter" not in str(whole.relative_to(tmp_path / "lake"))
    assert ["game_ids" in request.json["data"] for request in server.requests] == [True, True, False, False]


def test_s7_two_hundred_games_are_stored_on_a_file_system(make: MakeHook, server: Recorder, tmp_path: Path) -> None:
    server.replies = nothing
    make("pv")
    games = list(range(100_000, 100_200))
    execute(operator(tmp_path, "pv", start=AGO, end=AGO + HOUR, filters={"game_ids": games}), context())
    (folder,) = folders(tmp_path / "lake")
    assert max(len(part.encode()) for part in folder.parts) <= 200
    assert server.requests[0].json["data"]["game_ids"] == games
