"""Each documented code and each broken exchange raises the error of the design, with a cure. No secret shows."""

from __future__ import annotations

import gzip
import json
import logging
import pickle
import re
import ssl
import traceback
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError, ThreadPoolExecutor
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from airflow_betproviders.exceptions import (
    BetProviderError,
    ProviderAuthError,
    ProviderRateLimited,
    ProviderRequestError,
    ProviderUnavailable,
)
from airflow_betproviders.extraction.fetch.source import AnswerPermit
from tests.accounts import ACCOUNTS, ENDPOINT, PROVIDERS, SUCCESS, refusal
from tests.conftest import MakeHook
from tests.recorder import Recorder, Reply

CODES = [
    ("pv", "400", "Parameter Error", ProviderRequestError, "check"),
    ("pv", "400", "sign error", ProviderAuthError, "merchant key"),
    ("pv", "400", "merchant not found", ProviderAuthError, "mch_id"),
    ("pv", "400", "ip not in whitelist", ProviderAuthError, "whitelist"),
    ("pv", "500", "Internal Error", ProviderUnavailable, "its side"),
    ("aig", "408000", "Request Parameter Error", ProviderRequestError, "parameter"),
    ("aig", "408003", "Whitelist Restriction", ProviderAuthError, "whitelist"),
    ("aig", "408004", "API Frequency Limit", ProviderRateLimited, "five seconds"),
    ("aig", "600100", "Invalid Signature", ProviderAuthError, "secret key"),
    ("aig", "600101", "Invalid Parameter", ProviderRequestError, "parameter"),
    ("aig", "700101", "Merchant Does Not Exist", ProviderAuthError, "agent_id"),
    ("aig", "700401", "Query Time Error", ProviderRequestError, "time range"),
    ("jdb", "9001", "No authorized to access.", ProviderAuthError, "whitelist"),
    ("jdb", "9002", "Domain name is null.", ProviderAuthError, "dc"),
    ("jdb", "9003", "Failed to validate.", ProviderAuthError, "dc"),
    ("jdb", "9004", "No x.", ProviderAuthError, "AES key"),
    ("jdb", "9005", "Assertion(SAML) didn't pass the timestamp validation.", ProviderUnavailable, "clock"),
    ("jdb", "9006", "Failed to decrypt.", ProviderAuthError, "AES key"),
    ("jdb", "9007", "Action not found.", ProviderRequestError, "action"),
    ("jdb", "9009", "Timeout", ProviderUnavailable, "its side"),
    ("jdb", "9012", "Try later", ProviderUnavailable, "busy"),
    ("jdb", "9013", "Maintenance", ProviderUnavailable, "maintenance"),
    ("jdb", "9015", "Data does not exist", ProviderRequestError, "not the same as no bets"),
    ("jdb", "9017", "Processing", ProviderUnavailable, "busy"),
    ("jdb", "9019", "Too often", ProviderRateLimited, "min_interval"),
    ("jdb", "7001", "Parent not found", ProviderAuthError, "parent"),
    ("jdb", "7002", "Parent suspended", ProviderAuthError, "ask JDB"),
    ("jdb", "8006", "Time unacceptable", ProviderRequestError, "utc_offset"),
    *(
        ("jdb", code, "Parameter", ProviderRequestError, "parameter")
        for code in ("8000", "8001", "8002", "8003", "8005", "8007", "8008", "8009", "8010", "8013", "8014")
    ),
    ("gmag", "P_02", "Invalid hash", ProviderAuthError, "secretKey"),
    ("gmag", "P_00", "Server error", ProviderUnavailable, "its side"),
    ("gmag", "P_03", "Parameter error", ProviderRequestError, "parameter"),
    ("gmag", "50001", "No data", ProviderRequestError, "not the same as no rounds"),
]


@pytest.mark.parametrize(("provider", "code", "text", "error", "cure"), CODES)
def test_a_documented_code_is_its_error_with_a_cure(
    make: MakeHook, provider: str, code: str, text: str, error: type[BetProviderError], cure: str
) -> None:
    with pytest.raises(error) as caught:
        make(provider).check(refusal(provider, code, text))
    assert isinstance(caught.value, error)
    message = str(caught.value)
    assert code in message
    assert text.split("'", maxsplit=1)[0] in message
    assert cure in message.rsplit(":", 1)[1]


@pytest.mark.parametrize("provider", PROVIDERS)
def test_success_is_no_error_and_a_missing_or_unknown_code_is(make: MakeHook, provider: str) -> None:
    hook = make(provider)
    hook.check(SUCCESS[provider])
    with pytest.raises(ProviderUnavailable, match="not documented"):
        hook.check({})
    with pytest.raises(ProviderUnavailable, match="not documented"):
        hook.check(refusal(provider, "777", "?"))


def test_pv_http_status_says_nothing_and_gmag_success_is_the_text_zero(make: MakeHook) -> None:
    with pytest.raises(ProviderRequestError):
        make("pv").check({"code": 400, "msg": "", "data": {}})
    make("gmag").check({"error": "0"})


@pytest.mark.parametrize("provider", PROVIDERS)
def test_an_error_answer_names_connection_and_look_up(make: MakeHook, server: Recorder, provider: str) -> None:
    code = {"pv": "400", "aig": "408000", "jdb": "8000", "gmag": "P_03"}[provider]
    server.answer(refusal(provider, code, "no"))
    with pytest.raises(ProviderRequestError, match=rf"^connection {provider}_default, stream test: .*{code}"):
        make(provider).call("test", ENDPOINT[provider], {})
    assert len(server.requests) == 1


@pytest.mark.parametrize("provider", ["aig", "jdb"])
def test_a_rate_answer_is_waited_out_for_five_seconds_at_least(
    make: MakeHook, server: Recorder, provider: str, waited: list[float]
) -> None:
    server.answer(refusal(provider, {"aig": "408004", "jdb": "9019"}[provider], "slower"), SUCCESS[provider])
    make(provider).call("test", ENDPOINT[provider], {})
    assert len(server.requests) == 2
    assert waited[0] >= 5


# ------------------------------------------------------------------ broken exchanges


def html(text: str = "") -> bytes:
    return f"<html><body><h1>502 Bad Gateway</h1>{text}</body></html>".encode()


TRANSIENT = {
    "reset": Reply(reset=True),
    "cut body": Reply(b'{"code":200', missing=50),
    "cut JSON": Reply(b'{"code":200,"mess'),
    "HTML with 200": Reply(html()),
    "nothing": Reply(b""),
    "a bare null": Reply(b"null"),
    "an array": Reply(b"[]"),
    "500": Reply(html(), status=500),
    "502": Reply(html(), status=502),
    "503": Reply(b"", status=503),
    "504": Reply(b"", status=504),
    "408": Reply(b"", status=408),
    "not gzip": Reply(b"plain", headers={"Content-Encoding": "gzip"}),
    "cut gzip": Reply(gzip.compress(b'{"code":200}' * 50)[:40], headers={"Content-Encoding": "gzip"}),
}


@pytest.mark.parametrize("name", TRANSIENT)
def test_an_exchange_that_breaks_is_repeated_and_then_unavailable(
    make: MakeHook, server: Recorder, waited: list[float], name: str
) -> None:
    server.answer(TRANSIENT[name])
    hook = make("aig")
    with pytest.raises(ProviderUnavailable, match=r"^connection aig_default, stream test: "):
        hook.call("test", ENDPOINT["aig"], {})
    assert len(server.requests) == 5
    assert len(waited) == 4


@pytest.mark.parametrize("name", TRANSIENT)
def test_an_exchange_that_breaks_once_is_repeated(make: MakeHook, server: Recorder, name: str) -> None:
    server.answer(TRANSIENT[name], SUCCESS["aig"])
    assert make("aig").call("test", ENDPOINT["aig"], {}) == SUCCESS["aig"]


def test_a_gzipped_answer_is_read(make: MakeHook, server: Recorder) -> None:
    body = gzip.compress(json.dumps(SUCCESS["aig"]).encode())
    server.answer(Reply(body, headers={"Content-Encoding": "gzip"}))
    assert make("aig").call("test", ENDPOINT["aig"], {}) == SUCCESS["aig"]


def test_the_body_is_read_by_the_thread_of_its_permit_and_the_connection_is_used_again(
    make: MakeHook, server: Recorder
) -> None:
    server.answer(SUCCESS["aig"])
    hook, readers = make("aig"), []

    class Noted(AnswerPermit):
        def run(self, step: Callable[[], Any]) -> Any:
            readers.append(step)
            return super().run(step)

    with ThreadPoolExecutor(1) as other:
        for _ in range(3):
            permit = Noted(other)
            permit.grant()
            assert json.loads(hook.exchange(ENDPOINT["aig"], {}, permit)) == SUCCESS["aig"]
    assert len(readers) == 3
    adapter: Any = hook.transport.session.get_adapter(hook.base_url)
    pools = adapter.poolmanager.pools
    assert [pools[key].num_connections for key in pools.keys()] == [1]  # noqa: SIM118 - it cannot be iterated


def test_an_answer_that_is_no_longer_wanted_leaves_no_connection_in_the_midst_of_it(
    make: MakeHook, server: Recorder
) -> None:
    server.answer(Reply(b"x" * 10_000_000), SUCCESS["aig"])
    hook = make("aig")
    with ThreadPoolExecutor(1) as receiver:
        permit = AnswerPermit(receiver)
        permit.revoke()
        with pytest.raises(CancelledError):
            hook.exchange(ENDPOINT["aig"], {}, permit)
    assert json.loads(hook.exchange(ENDPOINT["aig"], {})) == SUCCESS["aig"]


def test_a_slow_answer_is_a_timeout_that_says_how_long_it_waited(make: MakeHook, server: Recorder) -> None:
    server.answer(Reply(SUCCESS["aig"], stall=300))
    hook = make("aig", extra={"timeout": 0.1})

    def error() -> str:
        with pytest.raises(ProviderUnavailable) as caught:
            hook.exchange(ENDPOINT["aig"], {})
        return str(caught.value)

    # More than once: a machine that pauses while the hook connects leaves no time for an answer.
    assert any("no answer within 0.1 s" in error() for _ in range(3))


def test_nobody_listening_is_unavailable(make: MakeHook) -> None:
    with pytest.raises(ProviderUnavailable, match="the connection failed"):
        make("aig", host="http://127.0.0.1:9").exchange(ENDPOINT["aig"], {})


@pytest.mark.parametrize("host", ["http://a b.example", "http://[::1", "http://exa\nmple.com", "http://host:port"])
def test_a_host_that_is_no_host_is_reported_by_the_connection_test(make: MakeHook, host: str) -> None:
    works, message = make("aig", host=host).test_connection()
    assert not works
    assert message.startswith("host must be the provider's full URL")


@pytest.mark.parametrize("status", [301, 302, 307, 403, 404, 409, 423, 425])
def test_what_a_gateway_answers_while_it_is_deployed_is_tried_a_few_times_and_left_to_airflow(
    make: MakeHook, server: Recorder, status: int
) -> None:
    server.answer(Reply(b"", status=status, headers={"Location": f"{server.url}/elsewhere?sign=abc"}))
    with pytest.raises(ProviderUnavailable, match=f"HTTP {status}.*: if this goes on, ") as caught:
        make("aig").call("test", ENDPOINT["aig"], {})
    assert "sign=abc" not in str(caught.value)
    assert len(server.requests) == 5


@pytest.mark.parametrize("status", [400, 405, 410, 414, 422])
def test_a_request_that_can_never_work_is_final_and_points_at_the_host(
    make: MakeHook, server: Recorder, status: int
) -> None:
    server.answer(Reply(b"", status=status, headers={"Location": f"{server.url}/elsewhere"}))
    with pytest.raises(
        ProviderRequestError, match=f"HTTP {status}.*: check the connection's host, path prefix included"
    ):
        make("aig").call("test", ENDPOINT["aig"], {})
    assert len(server.requests) == 1


def test_http_401_is_the_accounts_fault(make: MakeHook, server: Recorder) -> None:
    server.answer(Reply(b"", status=401))
    with pytest.raises(ProviderAuthError, match="whitelist"):
        make("aig").call("test", ENDPOINT["aig"], {})
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("7", 7.0),
        ("0", 0.0),
        ("0.5", 0.5),
        ("Wed, 21 Oct 2026 07:28:00 GMT", 5.0),
        ("-3", 5.0),
        ("nan", 5.0),
        ("3, 7", 7.0),
    ],
)
def test_http_429_waits_as_long_as_the_provider_asks(
    make: MakeHook, server: Recorder, waited: list[float], header: str, seconds: float
) -> None:
    server.answer(Reply(b"", status=429, headers={"Retry-After": header}), SUCCESS["aig"])
    make("aig").call("test", ENDPOINT["aig"], {})
    assert waited == [seconds]


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "nobody.example")])
    now = datetime.now(timezone.utc)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "self-signed.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(made.public_bytes(serialization.Encoding.PEM) + private)
    return path


@pytest.fixture
def tls_server(certificate: Path) -> Iterator[Recorder]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with Recorder(context) as recorder:
        yield recorder


def test_a_certificate_that_nobody_knows_is_refused_with_the_cure(make: MakeHook, tls_server: Recorder) -> None:
    with pytest.raises(ProviderUnavailable, match="the TLS certificate was not accepted"):
        make("aig", host=tls_server.url).exchange(ENDPOINT["aig"], {})
    assert tls_server.requests == []


@pytest.mark.filterwarnings("ignore:Unverified HTTPS request")
@pytest.mark.parametrize("bundle", [None, "own"])
def test_verify_false_takes_it_whatever_the_environment_trusts(
    make: MakeHook, tls_server: Recorder, certificate: Path, monkeypatch: pytest.MonkeyPatch, bundle: str | None
) -> None:
    monkeypatch.delenv("REQUESTS_CA_BUNDLE", raising=False)
    monkeypatch.delenv("CURL_CA_BUNDLE", raising=False)
    if bundle:
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", ssl.get_default_verify_paths().cafile or str(certificate))
    make("aig", host=tls_server.url, extra={"verify": False}).exchange(ENDPOINT["aig"], {})
    assert len(tls_server.requests) == 1


def test_a_proxy_that_is_not_there_is_reported(make: MakeHook) -> None:
    hook = make("aig", host="http://nowhere.example", extra={"proxy": "http://127.0.0.1:9"})
    with pytest.raises(ProviderUnavailable, match=r"the proxy 127\.0\.0\.1:9 could not be reached; check extra proxy"):
        hook.exchange(ENDPOINT["aig"], {})


def test_the_connections_proxy_comes_before_the_environments(
    make: MakeHook, server: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    make("aig", host="http://nowhere.example", extra={"proxy": server.url}).exchange(ENDPOINT["aig"], {})
    assert server.requests[0].raw_path.startswith("http://nowhere.example/api/game/transaction/query?")


def test_the_environments_proxy_and_authorities_are_used_where_the_connection_names_none(
    make: MakeHook, server: Recorder, tls_server: Recorder, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", server.url)
    make("aig", host="http://nowhere.example").exchange(ENDPOINT["aig"], {})
    assert len(server.requests) == 1
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
    with pytest.raises(ProviderUnavailable, match="TLS"):  # trusted now, but for another name
        make("aig", host=tls_server.url).exchange(ENDPOINT["aig"], {})


def test_messages_name_the_host_without_what_is_in_front_of_it(make: MakeHook, server: Recorder) -> None:
    server.answer(Reply(b"", status=503))
    with pytest.raises(ProviderUnavailable) as caught:
        make("aig", host=server.url.replace("://", "://user:gateway-password@")).exchange(ENDPOINT["aig"], {})
    assert "gateway-password" not in str(caught.value)
    assert server.url.removeprefix("http://") in str(caught.value)


# ------------------------------------------------------------------ no secret


def secrets_of(provider: str, server: Recorder) -> set[str]:
    """Return the account's keys, and whatever signed or encrypted thing arrived at the server."""
    account = ACCOUNTS[provider]
    found = {account["password"], account["extra"].get("iv_secret", account["password"])}
    for request in server.requests:
        for members in (request.query, request.json if request.body else {}):
            found |= {str(members[name]) for name in ("sign", "hash", "x") if name in members}
    return found


def everything(error: BaseException) -> str:
    """Message, repr, pickle and the whole traceback, suppressed contexts included."""
    seen: list[str] = []
    chain: list[BaseException | None] = [error]
    while chain:
        one = chain.pop()
        if one is None:
            continue
        seen += [str(one), repr(one), repr(one.args), repr(vars(one)), *traceback.format_exception(one)]
        chain += [one.__context__, one.__cause__]
    seen.append(pickle.dumps(error).decode("latin-1"))
    return "\n".join(seen)


def echoing(server: Recorder) -> Any:
    """Return an error page that repeats the whole request."""

    def reply(request: Any) -> Reply:
        return Reply(f"bad: {request.raw_path} {request.body.decode()}".encode())

    return reply


@pytest.mark.parametrize("host", ["http://127.0.0.1:9", "http://nowhere.invalid"])
@pytest.mark.parametrize("provider", PROVIDERS)
def test_what_the_transport_says_of_the_signed_url_is_not_in_the_context_either(
    make: MakeHook, provider: str, host: str
) -> None:
    with pytest.raises(ProviderUnavailable) as caught:
        make(provider, host=host, extra={"request_style": "query"} if provider == "jdb" else {}).exchange(
            ENDPOINT[provider], {}
        )
    shown = everything(caught.value)
    assert caught.value.__context__ is None
    assert not re.search(r"\b(sign|hash|x)=", shown)
    assert ACCOUNTS[provider]["password"] not in shown


@pytest.mark.parametrize("kind", [*TRANSIENT, "404", "429 long", "echo", "timeout", "refused"])
@pytest.mark.parametrize("provider", PROVIDERS)
def test_no_secret_in_any_message_log_or_traceback(
    make: MakeHook, server: Recorder, provider: str, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    code = {"pv": "400", "aig": "600100", "jdb": "9006", "gmag": "P_02"}[provider]
    match kind:
        case "echo":
            server.replies = echoing(server)
        case "404":
            server.answer(Reply(b"", status=404))
        case "429 long":
            server.answer(Reply(b"", status=429, headers={"Retry-After": "100000"}))
        case "timeout":
            server.answer(Reply(b"", stall=0.15))
        case "refused":
            server.replies = lambda request: Reply(
                refusal(provider, code, f"bad {request.raw_path} {request.body.decode()}")
            )
        case _:
            server.answer(TRANSIENT[kind])
    hook = make(provider, extra={"timeout": 0.02} if kind == "timeout" else {})
    caplog.set_level(logging.DEBUG)
    end = datetime.now(timezone.utc).replace(second=0, microsecond=0) - timedelta(hours=2)
    with pytest.raises(BetProviderError) as caught:
        list(hook.extract(None, end - timedelta(minutes=5), end))
    assert server.requests
    shown = everything(caught.value) + caplog.text + repr(hook)
    for secret in secrets_of(provider, server):
        assert secret not in shown
