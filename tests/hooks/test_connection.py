"""Connections that cannot work are refused before the first call; the connection test says what is wrong."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from airflow_betproviders.exceptions import ConnectionNotFound, InvalidArgument
from airflow_betproviders.operators.stream_operator import hook_of
from airflow_betproviders.registry import hook_class
from tests.accounts import PROVIDERS, SUCCESS, refusal
from tests.airflow_versions import AirflowFailException, AirflowNotFoundException
from tests.conftest import NOON, MakeHook
from tests.recorder import Recorder, Reply

HOUR = timedelta(hours=1)

COMMON: list[tuple[dict[str, Any], str]] = [
    ({"host": None}, "host must be the provider's full URL"),
    ({"host": ""}, "host must be the provider's full URL"),
    ({"host": "api.example.com"}, "host must be the provider's full URL"),
    ({"host": "ftp://api.example.com"}, "host must be the provider's full URL"),
    ({"host": "https://"}, "host must be the provider's full URL"),
    ({"login": None}, "login is empty"),
    ({"password": None}, "password is empty"),
    ({"password": ""}, "password is empty"),
    ({"password": "***"}, "password is ***, which is what Airflow shows in place of it; enter the value itself"),
    ({"extra": {"proxy": "***"}}, "extra proxy is ***, which is what Airflow shows"),
    ({"host": "https://api.example.com:8443", "port": 443}, "port 443 is not the one in host; leave one of them out"),
    ({"extra": {"min_interval": "fast"}}, "extra min_interval='fast' must be a number of seconds"),
    ({"extra": {"min_interval": -1}}, "extra min_interval=-1 must be a number of seconds"),
    ({"extra": {"min_interval": "nan"}}, "extra min_interval='nan' must be a number of seconds"),
    ({"extra": {"min_interval": [5]}}, "extra min_interval=[5] must be a number of seconds"),
    ({"extra": {"timeout": "long"}}, "extra timeout='long' must be a number of seconds"),
]
OWN: list[tuple[str, dict[str, Any], str]] = [
    ("pv", {"login": "merchant"}, "login must be the merchant id, a whole number"),
    ("aig", {"extra": {"sign_style": "md5"}}, "extra sign_style='md5' must be one of key-first"),
    ("jdb", {"extra": {"dc": None}}, "extra dc is missing"),
    ("jdb", {"extra": {"dc": ""}}, "extra dc is missing"),
    ("jdb", {"extra": {"iv_secret": None}}, "extra iv_secret is missing; enter the 16 characters"),
    ("jdb", {"extra": {"iv_secret": "short"}}, "extra iv_secret must be 16 characters"),
    ("jdb", {"extra": {"iv_secret": "***"}}, "extra iv_secret is ***, which is what Airflow shows"),
    ("jdb", {"password": "0123456789abcdef0"}, "password (the AES key) must be 16 characters"),
    ("jdb", {"password": "é123456789abcdef"}, "password (the AES key) must be 16 characters"),
    ("jdb", {"extra": {"request_style": "xml"}}, "extra request_style='xml' must be one of json, form, query"),
    *(
        (
            "jdb",
            {"extra": {"utc_offset": zone}},
            "must be a fixed offset such as -04:00 or +08:00, not the name of a zone",
        )
        for zone in ("America/New_York", "EST", "-4", "-0400", "GMT-4", "04:00", -4)
    ),
]
EVERY = [(provider, *rest) for provider in PROVIDERS for rest in COMMON] + OWN


@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_connection_that_does_not_exist_is_named_as_ours_and_as_airflows_error(provider: str) -> None:
    cure = "connection 'gone' does not exist. Create it, or correct conn_id=."
    hook = hook_class(provider)("gone")
    for look_up in (lambda: hook.account, lambda: hook.get_df(start=NOON - HOUR, end=NOON), lambda: hook_of("gone")):
        with pytest.raises(AirflowNotFoundException) as caught:
            look_up()
        assert isinstance(caught.value, ConnectionNotFound)
        assert isinstance(caught.value, AirflowFailException)
        assert cure in str(caught.value)
    assert hook.test_connection()[0] is False
    assert cure in hook.test_connection()[1]


@pytest.mark.parametrize(("provider", "changes", "cure"), EVERY)
def test_a_connection_that_cannot_work_is_refused_before_the_first_call(
    make: MakeHook, server: Recorder, provider: str, changes: dict[str, Any], cure: str
) -> None:
    hook = make(provider, **changes)
    with pytest.raises(InvalidArgument) as caught:
        hook.check_connection()
    assert str(caught.value).startswith(f"connection {provider}_default: ")
    assert cure in str(caught.value)
    works, message = hook.test_connection()
    assert not works
    assert cure in message
    assert server.requests == []
    for secret in (changes.get("password"), (changes.get("extra") or {}).get("iv_secret")):
        assert secret in {None, "", "***"} or secret not in message


@pytest.mark.parametrize(
    ("host", "port", "url"),
    [
        ("https://api.example.com/v1/", None, "https://api.example.com/v1"),
        ("https://api.example.com/v1/", 0, "https://api.example.com/v1"),
        ("https://api.example.com/v1", 8443, "https://api.example.com:8443/v1"),
        ("https://api.example.com:8443/v1", 8443, "https://api.example.com:8443/v1"),
        ("https://[::1]", 8443, "https://[::1]:8443"),
    ],
)
def test_a_port_of_its_own_goes_into_the_url(make: MakeHook, host: str, port: int | None, url: str) -> None:
    hook = make("aig", host=host, port=port)
    hook.check_connection()
    assert hook.base_url == url


@pytest.mark.parametrize(
    ("offset", "hours"), [(None, -4), ("-04:00", -4), ("+08:00", 8), ("+05:30", 5.5), ("+00:00", 0)]
)
def test_jdb_offsets(make: MakeHook, offset: str | None, hours: float) -> None:
    assert make("jdb", extra={"utc_offset": offset}).utc_offset == timedelta(hours=hours)


@pytest.mark.parametrize("provider", ["pv", "aig", "gmag"])
def test_the_others_have_no_local_times(make: MakeHook, provider: str) -> None:
    assert make(provider).utc_offset == timedelta(0)


@pytest.mark.parametrize(("provider", "seconds"), [("pv", 1.0), ("aig", 5.0), ("jdb", 5.0), ("gmag", 1.0)])
def test_the_rate_limit_unless_the_connection_names_another(make: MakeHook, provider: str, seconds: float) -> None:
    assert make(provider, extra={"min_interval": None}).min_interval == seconds
    assert make(provider, extra={"min_interval": ""}).min_interval == seconds
    assert make(provider, extra={"min_interval": "2.5"}).min_interval == 2.5


@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_connection_that_works_says_so_after_one_call(make: MakeHook, server: Recorder, provider: str) -> None:
    server.answer(SUCCESS[provider])
    works, message = make(provider).test_connection()
    assert works, message
    assert "answered and accepted account" in message
    assert len(server.requests) == 1


def test_jdb_says_that_no_bets_in_a_minute_may_mean_a_wrong_offset(make: MakeHook, server: Recorder) -> None:
    server.answer(SUCCESS["jdb"])
    _, message = make("jdb").test_connection()
    assert "utc_offset (now -04:00)" in message


@pytest.mark.parametrize(
    ("provider", "code", "text", "cure"),
    [
        ("pv", "400", "sign error", "check mch_id (login), the merchant key (password)"),
        ("aig", "600100", "Invalid Signature", "check the secret key (password)"),
        ("aig", "408003", "Whitelist Restriction", "ask AIG to add it"),
        ("jdb", "9006", "Failed to decrypt", "check dc, the AES key (password) and iv_secret"),
        ("jdb", "7001", "Parent not found", "check parent (login)"),
        ("gmag", "P_02", "Invalid hash", "check brandId (login) and secretKey (password)"),
    ],
)
def test_the_connection_test_says_what_to_check(
    make: MakeHook, server: Recorder, provider: str, code: str, text: str, cure: str
) -> None:
    server.answer(refusal(provider, code, text))
    works, message = make(provider).test_connection()
    assert not works
    assert message.startswith("the provider answered")  # the UI tests under a made-up id, so there is none in front
    assert cure in message
    assert len(server.requests) == 1


@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_host_of_somebody_else_is_reported_by_the_connection_test(
    make: MakeHook, server: Recorder, provider: str
) -> None:
    server.answer(Reply(b"<html>404</html>", status=404))
    works, message = make(provider).test_connection()
    assert not works
    assert "check the connection's host, path prefix included" in message


def test_the_key_and_the_iv_are_masked_in_airflows_logs(make: MakeHook, monkeypatch: pytest.MonkeyPatch) -> None:
    masked: list[str] = []
    monkeypatch.setattr("airflow_betproviders.hooks.account.mask_secret", masked.append)
    assert make("jdb").connection is not None
    assert masked == ["0123456789abcdef", "fedcba9876543210"]


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize("reply", [Reply(b"", status=503), Reply(b"", status=429), Reply(b"", reset=True)])
def test_the_connection_test_does_not_keep_anybody_waiting(
    make: MakeHook, server: Recorder, waited: list[float], provider: str, reply: Reply
) -> None:
    server.answer(reply)
    works, _ = make(provider).test_connection()
    assert not works
    assert len(server.requests) == 1
    assert waited == []
