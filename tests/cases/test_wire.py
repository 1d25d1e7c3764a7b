"""What servers, gateways and proxies do on the wire: every call ends, in bounded memory, with an error of ours or the rows."""

from __future__ import annotations

import gzip
import html
import itertools
import json
import logging
import re
import resource
import socket
import subprocess
import sys
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime
from typing import Any
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from airflow_betproviders.exceptions import (
    AnswerTooLarge,
    BetProviderError,
    FinalError,
    IncompleteWindow,
    InvalidArgument,
    ProviderAuthError,
    ProviderOverloaded,
    ProviderRequestError,
    ProviderUnavailable,
)
from airflow_betproviders.extraction.fetch.source import AnswerPermit
from airflow_betproviders.hooks.base import BetProviderHook
from airflow_betproviders.hooks.http import deadline
from airflow_betproviders.hooks.http.request import ApiRequest
from airflow_betproviders.hooks.http.transport import Transport
from tests import raw_server
from tests.accounts import ACCOUNTS, ENDPOINT, PROVIDERS, SUCCESS
from tests.conftest import MakeHook
from tests.examples import examples
from tests.raw_server import RawServer, Say, answer, dripping, endless, saying
from tests.recorder import Recorder, Reply, Request

HEAD = b"HTTP/1.1 200 OK\r\n"
GOOD = json.dumps(SUCCESS["aig"]).encode()


def ask(hook: BetProviderHook) -> Any:
    return hook.call("test", ENDPOINT[hook.conn_type], {})


# ------------------------------------------------------------------ W1, W2


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize("status", [404, 403, 302, 409, 423, 425])
def test_w1_a_gateway_that_is_being_deployed_is_got_past(
    make: MakeHook, server: Recorder, provider: str, status: int
) -> None:
    passing = Reply(b"", status=status, headers={"Location": "/login"})
    server.answer(passing, passing, SUCCESS[provider])
    assert ask(make(provider)) == SUCCESS[provider]
    assert len(server.requests) == 3


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize("form", ["date", "seconds"])
def test_w2_retry_after_is_waited_for_in_both_forms(
    make: MakeHook, server: Recorder, waited: list[float], status: int, form: str
) -> None:
    until = datetime.now(timezone.utc) + timedelta(seconds=800)
    text = format_datetime(until, usegmt=True) if form == "date" else "800"
    server.answer(Reply(b"", status=status, headers={"Retry-After": text}), SUCCESS["aig"])
    ask(make("aig"))
    assert len(server.requests) == 2
    (seconds,) = waited
    assert 700 < seconds <= 801


def test_w2_a_date_counts_from_the_servers_own_clock(make: MakeHook, waited: list[float]) -> None:
    later = "Retry-After: Wed, 01 Jan 2020 00:00:08 GMT"
    busy = answer(b"", "503 Busy", "Date: Wed, 01 Jan 2020 00:00:00 GMT", later)
    with RawServer(busy, answer(GOOD)) as server:
        ask(make("aig", host=server.url))
    assert waited == [8.0]


@pytest.mark.parametrize("status", [429, 503])
def test_w2_a_wait_longer_than_a_worker_should_be_held_ends_at_once_and_says_how_long(
    make: MakeHook, server: Recorder, waited: list[float], status: int
) -> None:
    server.answer(Reply(b"", status=status, headers={"Retry-After": "3600"}))
    with pytest.raises(ProviderUnavailable) as caught:
        ask(make("aig"))
    assert caught.value.retry_after == 3600
    assert caught.value.retry_at is not None
    assert f"asks for no call before {caught.value.retry_at:%Y-%m-%dT%H:%M:%SZ}" in str(caught.value)
    assert len(server.requests) == 1
    assert waited == []


def test_a_code_in_the_body_says_more_than_the_http_status(
    make: MakeHook, server: Recorder, waited: list[float]
) -> None:
    server.answer(Reply({"code": 408004, "message": "API Frequency Limit"}, status=400), SUCCESS["aig"])
    assert ask(make("aig")) == SUCCESS["aig"]
    server.answer(Reply({"code": 600100, "message": "Invalid Signature"}, status=500))
    with pytest.raises(ProviderAuthError, match="600100 'Invalid Signature'"):
        ask(make("aig"))
    server.answer(Reply({"detail": "no route"}, status=500))
    with pytest.raises(ProviderUnavailable, match="HTTP 500"):
        ask(make("aig"))


# ------------------------------------------------------------------ W3


class CallClock:
    """The time of a call. It passes only while a server pauses, so that a pause of the machine uses up none of it."""

    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        time.sleep(0.001)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> CallClock:
    made = CallClock()
    monkeypatch.setattr(deadline, "time", made)
    monkeypatch.setattr(raw_server, "time", made)
    return made


PAUSE = 2.0
SLOW = {
    "body": dripping(HEAD + b"Content-Length: 60000\r\n\r\n", b"[", PAUSE),
    "chunks": dripping(HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\n[\r\n", PAUSE),
    "trailers": dripping(HEAD + b"Transfer-Encoding: chunked\r\n\r\n0\r\n", b"a: b\r\n", PAUSE),
    "headers": dripping(HEAD, b"X-Slow: 1\r\n", PAUSE),
    "status line": dripping(b"", b"HTTP/1.1 ", PAUSE),
    "100 Continue": dripping(b"", b"HTTP/1.1 100 Continue\r\n\r\n", PAUSE),
    "100 Continue at once": dripping(b"", b"HTTP/1.1 100 Continue\r\n\r\n", PAUSE, 25),
    "error body": dripping(b"HTTP/1.1 500 No\r\nContent-Length: 60000\r\n\r\n", b"x", PAUSE),
}


@pytest.mark.parametrize("kind", SLOW)
def test_w3_a_call_ends_by_its_deadline_however_slowly_a_server_sends(
    make: MakeHook, waited: list[float], clock: CallClock, kind: str
) -> None:
    with RawServer(SLOW[kind]) as server:
        with pytest.raises(ProviderUnavailable) as caught:
            ask(make("aig", host=server.url, extra={"timeout": 60}))
        assert len(server.requested_at) == 5
    assert clock.now < 5 * 2 * 60 + 100
    expected = "HTTP 500" if kind == "error body" else "no answer within 60 s"
    assert expected in str(caught.value)
    assert isinstance(caught.value, ProviderOverloaded) or kind == "error body"


def test_w3_a_call_ends_by_its_deadline_where_a_server_says_nothing(make: MakeHook, waited: list[float]) -> None:
    def silent(connection: socket.socket) -> None:
        connection.recv(1)

    def error(hook: BetProviderHook) -> BetProviderError:
        with pytest.raises(ProviderUnavailable) as caught:
            ask(hook)
        return caught.value

    with RawServer(silent) as server:
        hook = make("aig", host=server.url, extra={"timeout": 0.4})
        # More than once: a machine that pauses while the hook connects leaves no time for an answer.
        errors = (error(hook) for _ in range(3))
        assert any(isinstance(each, ProviderOverloaded) and "no answer within 0.4 s" in str(each) for each in errors)
    assert len(waited) % 4 == 0


def test_w3_a_tls_handshake_without_an_end_is_no_connection(make: MakeHook, waited: list[float]) -> None:
    """A smaller request would not help, so none is made."""
    with RawServer(saying(b"")) as server:  # which waits for the end of a request that is not encrypted
        hook = make("aig", host=server.url.replace("http", "https"), extra={"timeout": 0.4})
        with pytest.raises(ProviderUnavailable, match=r"no connection within 0.4 s") as caught:
            ask(hook)
    assert not isinstance(caught.value, ProviderOverloaded)
    assert len(waited) == 4


@pytest.mark.parametrize("scheme", ["http", "https", "proxy"])
def test_w3_a_name_that_is_looked_up_for_ever_ends_by_the_deadline_too(
    make: MakeHook, monkeypatch: pytest.MonkeyPatch, waited: list[float], clock: CallClock, scheme: str
) -> None:
    answered, asked, ended = threading.Event(), [], []

    def never(host: str, *_args: Any, **_kwargs: Any) -> Any:
        asked.append(host)
        answered.wait(60)
        ended.append(host)
        raise socket.gaierror("no such host")

    monkeypatch.setattr(socket, "getaddrinfo", never)
    where = {"host": "https://x.example", "extra": {"timeout": 0.2}}
    if scheme == "proxy":
        where["extra"] = {"timeout": 0.2, "proxy": "http://slow.example:3128"}
    else:
        where["host"] = f"{scheme}://slow.example"
    expected = (
        "the proxy slow.example:3128 could not be reached" if scheme == "proxy" else r"no connection within 0.2 s"
    )
    with pytest.raises(ProviderUnavailable, match=expected) as caught:
        ask(make("aig", **where))
    assert not isinstance(caught.value, ProviderOverloaded)
    assert asked == ["slow.example"] * 5
    assert ended == []
    answered.set()


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_w3_an_address_that_never_answers_leaves_no_time_for_further_ones(
    make: MakeHook, monkeypatch: pytest.MonkeyPatch, scheme: str
) -> None:
    """Four hundred addresses, of which none completes a TLS handshake or a connection."""
    full = socket.create_server(("127.0.0.1", 0), backlog=0)
    port, fillers = full.getsockname()[1], []
    for _ in range(4):
        fillers.append(filler := socket.socket())
        filler.setblocking(False)
        with suppress(BlockingIOError):
            filler.connect(("127.0.0.1", port))
    found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))] * 400
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_args, **_kwargs: found)
    wire = Transport(0.3, 1_000)
    began = time.monotonic()
    with pytest.raises(ProviderUnavailable):
        wire.send(ApiRequest("GET", f"{scheme}://full.example:{port}/a", {}))
    assert time.monotonic() - began < 60  # with 0.3 s for each address it takes two minutes
    for filler in (*fillers, full):
        filler.close()


def test_w3_after_a_slow_answer_the_next_call_gets_there(make: MakeHook, clock: CallClock) -> None:
    with RawServer(SLOW["body"], answer(GOOD)) as server:
        assert ask(make("aig", host=server.url, extra={"timeout": 60})) == SUCCESS["aig"]


def test_w3_an_answer_that_waits_for_its_permit_does_not_use_up_the_time_for_its_body(
    make: MakeHook, server: Recorder, clock: CallClock
) -> None:
    class Late(AnswerPermit):
        def run(self, step: Callable[[], Any]) -> Any:
            clock.sleep(90)
            return step()

    server.answer(SUCCESS["aig"])
    hook = make("aig", extra={"timeout": 60})
    assert json.loads(hook.exchange(ENDPOINT["aig"], {}, Late())) == SUCCESS["aig"]


# ------------------------------------------------------------------ W4


def bomb(size: int) -> bytes:
    """Return the beginning of a gzip, so many bytes that inflate to a thousand times as many."""
    packer, zeros = zlib.compressobj(9, zlib.DEFLATED, 16 + zlib.MAX_WBITS), bytes(1_000_000)
    first, block = (packer.compress(zeros) + packer.flush(zlib.Z_FULL_FLUSH) for _ in range(2))
    return first + block * (size // len(block))


def peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


@pytest.mark.parametrize("provider", PROVIDERS)
def test_w4_a_small_answer_that_inflates_without_end_is_refused_at_the_limit(
    make: MakeHook, server: Recorder, provider: str
) -> None:
    server.answer(Reply(bomb(3_000_000), headers={"Content-Encoding": "gzip"}))
    before = peak_mb()
    with pytest.raises(AnswerTooLarge, match=r"larger than 10 MB; .*page_size.*max_answer_mb"):
        ask(make(provider, extra={"max_answer_mb": 10}))
    assert peak_mb() - before < 60
    assert len(server.requests) == 1


@pytest.mark.slow
def test_w4_several_bombs_at_once_are_refused_in_the_memory_of_one() -> None:
    """Four connections, each with an answer that inflates to three gigabytes, under the default limit."""
    program = """
import sys
from concurrent.futures import ThreadPoolExecutor
from airflow_betproviders.exceptions import AnswerTooLarge
from airflow_betproviders.hooks.http.request import ApiRequest
from airflow_betproviders.hooks.http.transport import Transport

transport = Transport(120.0, 256_000_000)

def ask(_number):
    try:
        transport.send(ApiRequest("GET", sys.argv[1], {}))
    except AnswerTooLarge:
        return 1
    return 0

with ThreadPoolExecutor(4) as pool:
    assert sum(pool.map(ask, range(4))) == 4
# Not ru_maxrss: a child begins with the peak of the process that forked it.
print(next(int(line.split()[1]) // 1024 for line in open("/proc/self/status") if line.startswith("VmHWM")))
"""
    with RawServer(answer(bomb(3_000_000), "200 OK", "Content-Encoding: gzip")) as server:
        done = subprocess.run(
            [sys.executable, "-c", program, server.url], capture_output=True, text=True, timeout=200, check=True
        )
    assert int(done.stdout) < 600


@pytest.mark.parametrize("encoding", ["gzip, gzip", "br", "zstd", "compress", "gzip;q=1"])
def test_w4_a_compression_that_was_not_requested_is_refused(make: MakeHook, server: Recorder, encoding: str) -> None:
    server.answer(Reply(bomb(100_000), headers={"Content-Encoding": encoding}))
    with pytest.raises(ProviderUnavailable, match="which was not requested"):
        ask(make("aig"))
    assert server.requests[0].headers["accept-encoding"] == "gzip, deflate"


@pytest.mark.parametrize("size", ["Content-Length: 99999999999999", "Transfer-Encoding: chunked", "X-No: length"])
@pytest.mark.parametrize("status", ["200 OK", "500 No"])
def test_w4_a_body_without_end_is_refused_at_the_limit(make: MakeHook, size: str, status: str) -> None:
    piece = b"10000\r\n" + b"x" * 65536 + b"\r\n"
    with RawServer(endless(f"HTTP/1.1 {status}\r\n{size}\r\n\r\n".encode(), piece)) as server:
        before = peak_mb()
        with pytest.raises(ProviderUnavailable, match="HTTP 500" if status == "500 No" else "larger than 10 MB"):
            ask(make("aig", host=server.url, extra={"max_answer_mb": 10}))
        assert peak_mb() - before < 60


PLAIN = b'{"code":200,"message":"success","data":{}}'


@pytest.mark.parametrize(
    ("packed", "encoding"),
    [
        (gzip.compress(PLAIN), "gzip"),
        (gzip.compress(PLAIN), "X-GZIP"),
        (gzip.compress(PLAIN), ""),
        (gzip.compress(PLAIN[:10]) + gzip.compress(PLAIN[10:]), "gzip"),
        (gzip.compress(PLAIN) + b"\0" * 300_000, "gzip"),
        (zlib.compress(PLAIN), "deflate"),
        (zlib.compress(PLAIN)[2:-4], "deflate"),
        (PLAIN, "identity"),
        (PLAIN, ""),
    ],
    # Not by their bytes, which hold the time: two workers have to collect the same tests.
    ids=[
        "gzip",
        "x-gzip",
        "gzip, not named",
        "two members",
        "zeros after it",
        "zlib",
        "raw deflate",
        "identity",
        "plain, not named",
    ],
)
def test_a_compression_that_was_requested_is_read(
    make: MakeHook, server: Recorder, packed: bytes, encoding: str
) -> None:
    server.answer(Reply(packed, headers={"Content-Encoding": encoding}))
    assert make("aig").exchange(ENDPOINT["aig"], {}) == PLAIN


@pytest.mark.slow
@given(
    text=st.binary(max_size=400_000) | st.integers(0, 3_000_000).map(bytes),
    kind=st.sampled_from([gzip.compress, zlib.compress, bytes]),
    most=st.integers(1, 4_000_000),
    cuts=st.integers(1, 70_000),
)
@settings(deadline=None, max_examples=examples(60))
def test_a_body_is_read_exactly_or_refused_at_the_limit(
    text: bytes, kind: Callable[[bytes], bytes], most: int, cuts: int
) -> None:
    from airflow_betproviders.hooks.http.answer import read_body

    packed = kind(text)
    pieces = iter([packed[at : at + cuts] for at in range(0, len(packed), cuts)])

    class Raw:
        length_remaining = None

        def read(self, _size: int | None, *, decode_content: bool) -> bytes:
            return next(pieces, b"")

    encoding = {gzip.compress: "gzip", zlib.compress: "deflate"}.get(kind, "")  # type: ignore[call-overload]
    if len(text) > most:
        with pytest.raises(AnswerTooLarge):
            read_body(Raw(), encoding, most)
    else:
        assert read_body(Raw(), encoding, most) == text


# ------------------------------------------------------------------ W5, W6


@pytest.mark.parametrize("location", ["http://[::1", "//", "http://a b/", "http://x:99999999/", "\x00", "a" * 50_000])
def test_w5_a_malformed_location_is_our_error(make: MakeHook, location: str) -> None:
    with RawServer(answer(b"", "302 Found", f"Location: {location}")) as server:
        with pytest.raises(ProviderUnavailable, match="HTTP 302"):
            ask(make("aig", host=server.url))
        assert len(server.requested_at) == 5


def test_w6_a_proxy_that_wants_a_login_is_named_with_the_extra(make: MakeHook, server: Recorder) -> None:
    server.answer(Reply(b"", status=407))
    proxy = server.url.replace("://", "://somebody:secret-of-proxy@")
    hook = make("aig", host="http://nowhere.example", extra={"proxy": proxy})
    with pytest.raises(ProviderAuthError) as caught:
        ask(hook)
    assert f"the proxy {server.url.removeprefix('http://')} refuses this client (HTTP 407)" in str(caught.value)
    assert "check user and password in extra proxy" in str(caught.value)
    assert "secret-of-proxy" not in str(caught.value)


def test_w6_likewise_before_a_tls_tunnel(make: MakeHook) -> None:
    with RawServer(answer(b"", "407 Proxy Authentication Required")) as server:
        hook = make("aig", host="https://nowhere.example", extra={"proxy": server.url})
        with pytest.raises(ProviderAuthError, match=r"refuses this client \(HTTP 407\); check .* extra proxy"):
            ask(hook)


@pytest.mark.parametrize("status", [301, 403, 429, 502, 504])
def test_w6_a_proxy_that_does_not_connect_says_so(make: MakeHook, status: int) -> None:
    with RawServer(answer(b"", f"{status} No", "Location: http://[::1", "Retry-After: 9999")) as server:
        hook = make("aig", host="https://nowhere.example", extra={"proxy": server.url.replace("://", "://a:secret@")})
        with pytest.raises(ProviderUnavailable) as caught:
            ask(hook)
        assert len(server.requested_at) == 5
    expected = f"the proxy {server.url.removeprefix('http://')} does not connect to nowhere.example (HTTP {status})"
    assert expected in str(caught.value)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("headers", [b"no colon\r\n", b"\xff\xfe: \x00\r\nX\r\n", b" folded\r\n"])
def test_no_log_of_urllib3_has_a_signature_or_what_a_server_sent(
    make: MakeHook, caplog: pytest.LogCaptureFixture, headers: bytes
) -> None:
    """urllib3 warns of odd headers with the whole URL."""
    caplog.set_level(logging.DEBUG)
    with RawServer(headed(headers + LENGTH + b"X-Sent: PLAYER97\r\n")) as server, suppress(BetProviderError):
        ask(make("aig", host=server.url))
    assert "urllib3" in caplog.text
    assert not re.search(r"sign=|PLAYER97|no colon", caplog.text)


def test_w6_a_proxy_that_drips_ends_by_the_deadline(make: MakeHook, clock: CallClock) -> None:
    with RawServer(dripping(b"HTTP/1.1 200 OK\r\n", b"a: b\r\n", PAUSE)) as server:
        hook = make("aig", host="https://nowhere.example", extra={"proxy": server.url, "timeout": 60})
        with pytest.raises(ProviderUnavailable):
            ask(hook)
    assert clock.now < 5 * 60 + 100


@pytest.mark.parametrize(
    ("proxy", "expected"),
    [
        ("nonsense", "extra proxy='nonsense' must be a URL such as http://proxy:3128"),
        ("socks5://user:hidden@socks.example:1080", "names a SOCKS proxy (socks.example), which needs a package"),
        ("ftp://user:hidden@proxy.example", "extra proxy='proxy.example' must be a URL"),
    ],
)
def test_w6_a_proxy_that_cannot_work_is_refused_with_its_name_and_the_extra(
    make: MakeHook, monkeypatch: pytest.MonkeyPatch, proxy: str, expected: str
) -> None:
    monkeypatch.setattr("airflow_betproviders.hooks.account.find_spec", lambda _name: None)
    with pytest.raises(InvalidArgument) as caught:
        ask(make("aig", extra={"proxy": proxy}))
    assert expected in str(caught.value)
    assert "hidden" not in str(caught.value)


@pytest.mark.parametrize("name", ["https_proxy", "HTTPS_PROXY", "all_proxy"])
@pytest.mark.parametrize(
    ("proxy", "said"),
    [
        ("nonsense", "the proxy nonsense could not be reached"),
        ("127.0.0.1:9", "the proxy 127.0.0.1:9 could not be reached"),
        ("nonsense://somebody:hidden@x", "the proxy x is not a URL such as http://proxy:3128; correct"),
        ("http://somebody:hidden@[::1", "the proxy [::1 is not a URL"),
        ("http://somebody:hidden@a b", "the proxy a b is not a URL"),
        ("http://somebody:hidden@", "the proxy without a host"),
        (
            "socks5://somebody:hidden@127.0.0.1:9",
            "the proxy 127.0.0.1:9 of the environment's http_proxy, https_proxy and all_proxy needs",
        ),
    ],
)
def test_w6_a_proxy_of_the_environment_is_named_with_its_setting(
    make: MakeHook, monkeypatch: pytest.MonkeyPatch, name: str, proxy: str, said: str
) -> None:
    monkeypatch.setenv(name, proxy)
    with pytest.raises(ProviderUnavailable) as caught:
        ask(make("aig", host="https://nowhere.example"))
    assert said in str(caught.value)
    assert "the environment's http_proxy, https_proxy and all_proxy" in str(caught.value)
    assert "hidden" not in str(caught.value)


@pytest.mark.parametrize("say", [saying(b""), saying(b"\0\xff\r\n"), saying(HEAD + b"\r\n"), saying(HEAD + b"\r\nSSH")])
def test_w6_a_proxy_between_is_named_where_a_connection_fails(make: MakeHook, say: Say) -> None:
    with RawServer(say) as server:
        proxy = server.url.replace("://", "://somebody:hidden@")
        with pytest.raises(ProviderUnavailable) as caught:
            ask(make("aig", host="https://nowhere.example", extra={"proxy": proxy, "timeout": 0.3}))
    assert f"by the proxy {server.url.removeprefix('http://')} of extra proxy" in str(caught.value)
    assert "hidden" not in str(caught.value)


def test_w6_the_environments_proxies_are_chosen_for_each_host(
    make: MakeHook, server: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", server.url)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    wire = make("aig").transport
    for url in ("http://nowhere.example/a", f"{server.url}/b", "http://nowhere.example/c"):
        wire.send(ApiRequest("GET", url, {}))
    assert [request.raw_path for request in server.requests] == [
        "http://nowhere.example/a",
        "/b",
        "http://nowhere.example/c",
    ]


# ------------------------------------------------------------------ more of each kind


def chunked(*pieces: bytes, end: bytes = b"0\r\n\r\n") -> Say:
    return saying(HEAD + b"Transfer-Encoding: chunked\r\n\r\n", *pieces, end)


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)


def headed(headers: bytes, body: bytes = GOOD, first: bytes = HEAD) -> Say:
    return saying(first + headers + b"Connection: close\r\n\r\n" + body)


LENGTH = b"Content-Length: %d\r\n" % len(GOOD)
PACKED = gzip.compress(GOOD)
UNAVAILABLE, OVERLOADED, REFUSED = ProviderUnavailable, ProviderOverloaded, ProviderRequestError
# What a server says, and what comes of it: the error after five tries, or after one where it is final; None: the rows.
SAID: dict[str, tuple[Say, type[BetProviderError] | None]] = {
    "a header's name, drop by drop": (dripping(HEAD + b"X-", b"a", PAUSE), OVERLOADED),
    "a chunk's size, drop by drop": (dripping(HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"0", PAUSE), OVERLOADED),
    "headers without end": (endless(HEAD, b"X-A: b\r\n"), UNAVAILABLE),
    "a header without end": (endless(HEAD + b"X-A: ", b"b" * 1000), UNAVAILABLE),
    "102 without end": (dripping(b"", b"HTTP/1.1 102 Processing\r\n\r\n", PAUSE, 27), OVERLOADED),
    "103 and the answer": (saying(b"HTTP/1.1 103 Early Hints\r\nLink: <a>\r\n\r\n" + HEAD + LENGTH + b"\r\n" + GOOD), None),
    "101": (saying(b"HTTP/1.1 101 Switching Protocols\r\n\r\n" + GOOD), UNAVAILABLE),
    "a length too long": (headed(b"Content-Length: 9999\r\n"), UNAVAILABLE),
    "a length too short": (headed(b"Content-Length: 9\r\n"), UNAVAILABLE),
    "a length below zero": (headed(b"Content-Length: -5\r\n"), None),
    "two lengths": (headed(b"Content-Length: 9\r\n" + LENGTH), UNAVAILABLE),
    "one length twice": (headed(LENGTH * 2), None),
    "a length of 23 digits": (headed(b"Content-Length: 99999999999999999999999\r\n"), UNAVAILABLE),
    "no last chunk": (chunked(chunk(GOOD), end=b""), UNAVAILABLE),
    "a chunk below zero": (chunked(b"-5\r\n", GOOD), UNAVAILABLE),
    "a chunk of 16 exabytes": (chunked(b"ffffffffffffffff\r\n", GOOD), UNAVAILABLE),
    "a chunk of no size": (chunked(b"\r\n", GOOD), UNAVAILABLE),
    "gzip of gzip": (answer(gzip.compress(PACKED), "200 OK", "Content-Encoding: gzip"), UNAVAILABLE),
    "gzip, untold": (answer(PACKED), None),
    "gzip, untold and cut": (answer(PACKED[:-4]), UNAVAILABLE),
    "labelled as gzip": (answer(GOOD, "200 OK", "Content-Encoding: gzip"), UNAVAILABLE),
    "gzip, cut": (answer(PACKED[:-4], "200 OK", "Content-Encoding: gzip"), UNAVAILABLE),
    "gzip with a wrong checksum": (answer(PACKED[:-8] + bytes(8), "200 OK", "Content-Encoding: gzip"), UNAVAILABLE),
    "a charset as encoding": (answer(GOOD, "200 OK", "Content-Encoding: UTF-8"), None),
    "an encoding in no ASCII": (answer(GOOD, "200 OK", "Content-Encoding: g\u00fczip"), UNAVAILABLE),
    "a redirect to itself": (answer(b"", "302 Found", "Location: ?"), UNAVAILABLE),
    "a redirect to a file": (answer(b"", "302 Found", "Location: file:///etc/passwd"), UNAVAILABLE),
    "a redirect to nowhere": (answer(b"", "301 Moved"), UNAVAILABLE),
    "304": (answer(b"", "304 Not Modified"), UNAVAILABLE),
    **{f"HTTP {status}": (answer(b"no", f"{status} No"), REFUSED) for status in (400, 402, 405, 410, 413, 414, 417, 418, 422, 451, 499)},
    **{f"HTTP {status}": (answer(b"no", f"{status} No"), UNAVAILABLE) for status in (408, 421, 500, 501, 520, 530, 599, 600, 999)},
    **{f"HTTP {status}": (answer(b"no", f"{status} No"), ProviderAuthError) for status in (401, 407)},
    "HTTP 524": (answer(b"no", "524 A Timeout Occurred"), OVERLOADED),
    **{f"status {status}": (headed(LENGTH, first=f"HTTP/1.1 {status}\r\n".encode()), UNAVAILABLE) for status in ("0 No", "1000 No", "-1", "OK")},
    "204": (answer(b"", "204 No Content"), UNAVAILABLE),
    "206": (answer(GOOD, "206 Partial Content", "Content-Range: bytes 0-99/200"), UNAVAILABLE),
    "206, cut": (answer(GOOD[:10], "206 Partial Content"), UNAVAILABLE),
    **{f"a body of {name}": (answer(body), UNAVAILABLE) for name, body in {
        "nothing": b"", "HTML": b"<html>", "null": b"null", "a number": b"12", "a text": b'"x"', "a list": b"[]", "two documents": GOOD * 2,
        "JSONP": b"cb(" + GOOD + b")", "open brackets": b"[" * 100_000, "latin-1": b'{"code":200,"message":"\xe9"}'}.items()},
    "a BOM": (answer(b"\xef\xbb\xbf" + GOOD), None),
    "a picture, as it says": (answer(GOOD, "200 OK", "Content-Type: image/png"), None),
    "HTTP/0.9": (saying(GOOD), UNAVAILABLE),
    "HTTP/2": (saying(b"\0\0\x12\4\0\0\0\0\0" + bytes(18)), UNAVAILABLE),
    "another protocol": (saying(b"SSH-2.0-OpenSSH_9\r\n"), UNAVAILABLE),
    "nothing": (saying(b""), UNAVAILABLE),
    "half a status": (saying(b"HTTP/1.1 2"), UNAVAILABLE),
    "too many headers": (headed(b"X: y\r\n" * 150 + LENGTH), UNAVAILABLE),
    "cookies": (headed(b"".join(b"Set-Cookie: c%d=%s\r\n" % (i, b"v" * 300) for i in range(80)) + LENGTH), None),
    "an error that inflates without end": (answer(bomb(3_000_000), "500 No", "Content-Encoding: gzip"), UNAVAILABLE),
    "success under HTTP 500": (answer(GOOD, "500 No"), UNAVAILABLE),
}  # fmt: skip


@pytest.mark.parametrize("name", SAID)
def test_whatever_a_server_says_comes_to_an_end_with_our_error_or_the_rows(
    make: MakeHook, waited: list[float], clock: CallClock, name: str
) -> None:
    say, error = SAID[name]
    with RawServer(say) as server:
        hook = make("aig", host=server.url, extra={"timeout": 60, "max_answer_mb": 10})
        if error is None:
            assert ask(hook) == SUCCESS["aig"]
        else:
            with pytest.raises(error) as caught:
                ask(hook)
            assert caught.value.__context__ is None
            assert "sign" not in str(caught.value)
            assert len(waited) == (0 if isinstance(caught.value, FinalError) else 4)
    assert clock.now < 5 * 2 * 60 + 100


TABLE = b"timepoint=1\nid,win\n1,2\n2,3\n3,4\n"
CUT = TABLE[:-4]  # behind a line: what is left is a table too


@pytest.mark.parametrize(
    "say",
    [
        headed(b"Content-Length: %d\r\n" % len(CUT), TABLE),
        saying(HEAD + b"Content-Length: %d\r\n\r\n" % len(CUT), CUT[:9], CUT[9:] + TABLE[len(CUT) :]),
        chunked(chunk(CUT), end=b""),
        chunked(chunk(CUT), end=b"0"),
        chunked(chunk(CUT), end=b"4"),
        chunked(chunk(CUT), end=b"0x0\r\n\r\n"),
        chunked(chunk(CUT), end=b"0_0\r\n\r\n"),
        answer(gzip.compress(CUT) + b"\x1e" + gzip.compress(TABLE[len(CUT) :])[1:], "200 OK", "Content-Encoding: gzip"),
        answer(gzip.compress(CUT) + gzip.compress(TABLE[len(CUT) :])[:-1], "200 OK", "Content-Encoding: gzip"),
        answer(zlib.compress(CUT) + TABLE[len(CUT) :], "200 OK", "Content-Encoding: deflate"),
    ],
    ids=["short length", "short length, in two packets", "no last chunk", "half a last chunk", "half a chunk size", "hexadecimal",
         "underscore", "a damaged member", "a cut member", "behind zlib's end"],
)  # fmt: skip
def test_an_answer_cut_off_where_its_format_does_not_show_it_is_refused(make: MakeHook, say: Say) -> None:
    with RawServer(say) as server, pytest.raises(ProviderUnavailable):
        make("aig", host=server.url).exchange(ENDPOINT["aig"], {})


@pytest.mark.parametrize("behind", [b"\r\n", b"\n", b"\r\n\r\n"])
def test_a_line_break_behind_an_answer_means_nothing(make: MakeHook, behind: bytes) -> None:
    with RawServer(headed(b"Content-Length: %d\r\n" % len(TABLE), TABLE + behind)) as server:
        assert make("aig", host=server.url).exchange(ENDPOINT["aig"], {}) == TABLE


def test_a_connection_is_kept_after_an_answer_was_looked_behind(make: MakeHook, server: Recorder) -> None:
    hook = make("aig")
    server.answer(Reply(TABLE))
    for _ in range(3):
        assert hook.exchange(ENDPOINT["aig"], {}) == TABLE
    (pool,) = hook.transport.session.adapters["http://"].poolmanager.pools._container.values()  # type: ignore[attr-defined]
    assert (pool.num_connections, pool.num_requests) == (1, 3)


@pytest.mark.parametrize(
    ("said", "calls"),
    [
        ([TABLE, TABLE], 2),
        ([CUT, TABLE, TABLE], 3),
        ([TABLE, CUT, TABLE, TABLE], 4),
        ([CUT, TABLE, CUT, TABLE, CUT], None),
    ],
)
def test_a_table_that_only_the_connections_end_ends_counts_once_two_are_equal(
    make: MakeHook, said: list[bytes], calls: int | None
) -> None:
    with RawServer(*(saying(HEAD + b"\r\n" + body) for body in said)) as server:
        hook, answered = make("aig", host=server.url), None
        for _ in said:
            with suppress(ProviderUnavailable):
                answered = hook.exchange(ENDPOINT["aig"], {"from": 1}, shows_its_end=False)
                break
        assert answered == (TABLE if calls else None)
        assert len(server.requested_at) == (calls or len(said))
        assert hook.exchange(ENDPOINT["aig"], {}) == said[-1]


@pytest.mark.parametrize("packed", [gzip.compress(TABLE), zlib.compress(TABLE)], ids=["gzip", "zlib"])
def test_a_compressed_table_shows_its_end(make: MakeHook, packed: bytes) -> None:
    kind = b"gzip" if packed[:1] == b"\x1f" else b"deflate"
    with RawServer(saying(HEAD + b"Content-Encoding: " + kind + b"\r\n\r\n" + packed)) as server:
        assert make("aig", host=server.url).exchange(ENDPOINT["aig"], {}, shows_its_end=False) == TABLE


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize(
    ("asked", "first"),
    [
        *((text, None) for text in ("-1", "soon", "1e3", "", "8, 9", "NaN", "2026-11-28T00:00:00Z", "Wed, 32 Jan 2020 99:00:00 GMT")),
        *((text, None) for text in ("Wed, 01 Jan 2020 00:00:00 GMT", "Wed, 01 Jan 99999 00:00:00 GMT")),
        *((text, least) for text, least in (("0", 0.0), ("0.25", 0.25), ("2", 2.0), (" 8 ", 8.0))),
    ],
)  # fmt: skip
def test_w2_whatever_retry_after_says_there_is_a_wait_and_an_end(
    make: MakeHook, waited: list[float], status: int, asked: str, first: float | None
) -> None:
    with RawServer(answer(b"", f"{status} Busy", f"Retry-After: {asked}")) as server:
        with pytest.raises(ProviderUnavailable):
            ask(make("aig", host=server.url))
        assert len(server.requested_at) == (20 if status == 429 else 5)
    assert min(waited[1:]) >= 0.5
    assert first is None or waited[0] == first


@pytest.mark.parametrize("asked", ["1" * 31, "9" * 100, "Fri, 31 Dec 9999 23:59:59 GMT"])
def test_w2_a_wait_without_end_ends_at_once_with_a_day_to_come_back(make: MakeHook, asked: str) -> None:
    with RawServer(answer(b"", "503 Busy", f"Retry-After: {asked}")) as server:
        with pytest.raises(ProviderUnavailable) as caught:
            ask(make("aig", host=server.url))
        assert len(server.requested_at) == 1
    assert caught.value.retry_at is not None
    assert caught.value.retry_at - datetime.now(timezone.utc) <= timedelta(days=1)


# ------------------------------------------------------------------ A18


BROKEN = {
    "HTML with 200": Reply(b"<html>502</html>"),
    "empty": Reply(b""),
    "code 500": Reply({"code": 500, "msg": "Internal Error", "data": {}}),
    "cut JSON": Reply(b'{"code":200,"data":{"items":['),
    "HTTP 502": Reply(b"", status=502),
    "null": Reply(b"null"),
    "no data": Reply({"code": 200, "msg": "", "data": None}),
}
MIDNIGHT = datetime(2026, 11, 20, tzinfo=timezone.utc)


@pytest.mark.parametrize("name", BROKEN)
@pytest.mark.parametrize("broken", ["/api/all/history", "/api/all/stage/summary"])
@pytest.mark.parametrize("refused", [400, "400", 400.0])
def test_a18_pvs_fallback_and_its_proof_are_repeated_like_any_other_call(
    make: MakeHook, server: Recorder, name: str, broken: str, refused: Any
) -> None:
    end, failed = int(MIDNIGHT.timestamp()), itertools.count()
    bet = {"event_id": "e1", "game_id": 1, "user_id": 1, "start_at": end - 60, "end_at": end - 50}
    row = {**bet, "bet_amount": 1000, "gain_amount": -1000}

    def reply(request: Request) -> Reply:
        data = request.json["data"]
        if request.path == "/api/all/history" and data["time_end"] == end:
            return Reply({"code": refused, "msg": "Parameter Error", "data": {}})
        if request.path == broken and next(failed) == 0:
            return BROKEN[name]
        if request.path == "/api/all/stage/summary":
            return Reply({"code": 200, "msg": "", "data": {"day_list": [], "summary": {"bet_count": 0}}})
        return Reply({"code": 200, "msg": "", "data": {"items": [row], "total": 1, "page": 1, "page_size": 2000}})

    server.replies = reply
    rows = [
        row for batch in make("pv").extract(None, MIDNIGHT - timedelta(hours=1), MIDNIGHT) for row in batch.to_pylist()
    ]
    assert [row["event_id"] for row in rows] == ["e1"]


def counting(count: Any) -> Callable[[Request], Reply]:
    """Return the replies of a vendor that refuses 24:00 and has no bets, with a count of the last second."""

    def reply(request: Request) -> Reply:
        if request.path == "/api/all/stage/summary":
            return Reply({"code": 200, "msg": "", "data": {"day_list": [], "summary": {"bet_count": count}}})
        if request.json["data"]["time_end"] % 86400 == 0:
            return Reply({"code": 400, "msg": "Parameter Error", "data": {}})
        return Reply({"code": 200, "msg": "", "data": {"items": [], "total": 0, "page": 1, "page_size": 2000}})

    return reply


@pytest.mark.parametrize("count", [0, 0.0, "0"])
def test_a18_a_count_of_zero_counts_however_it_is_written(make: MakeHook, server: Recorder, count: Any) -> None:
    server.replies = counting(count)
    assert not list(make("pv").extract(None, MIDNIGHT - timedelta(hours=1), MIDNIGHT))


@pytest.mark.parametrize("count", ["three", None, {"a": 1}, [], False, 1, "1", 0.5])
def test_a18_a_summary_without_a_count_of_zero_is_our_error(make: MakeHook, server: Recorder, count: Any) -> None:
    server.replies = counting(count)
    with pytest.raises((ProviderUnavailable, IncompleteWindow)):
        list(make("pv").extract(None, MIDNIGHT - timedelta(hours=1), MIDNIGHT))


# ------------------------------------------------------------------ whatever comes


FRAGMENTS = [
    *(
        b"HTTP/1.1 ",
        b"HTTP/1.0 200\r\n",
        b"HTTP/9 99999 \r\n",
        b"200 OK\r\n",
        b"302 Found\r\n",
        b"500 \r\n",
        b"429 \r\n",
    ),
    *(b"Content-Length: 10\r\n", b"Content-Length: -1\r\n", b"Content-Length: 9e9\r\n", b"Content-Encoding: gzip\r\n"),
    *(b"Transfer-Encoding: chunked\r\n", b"Location: http://[::1\r\n", b"Retry-After: soon\r\n", b"Retry-After: 0\r\n"),
    *(
        b"Set-Cookie: a=b; Expires=never; Domain=.\r\n",
        b"Connection: close\r\n",
        b": \r\n",
        b" folded\r\n",
        b"\xff\xfe: \x00\r\n",
    ),
    *(b"\r\n", b"\r\n\r\n", b"5\r\nabcde\r\n", b"0\r\n\r\n", b"ffffffffffffffffff\r\n", b"-5\r\n", b"zz\r\n"),
    *(
        gzip.compress(b"{}")[:15],
        b"\x1f\x8b",
        b'{"code":200}',
        b'{"code":',
        b"null",
        b"[]",
        b"NaN",
        b"\x00" * 9,
        b"{" * 2000,
    ),
    *(b'{"code":200,"data":', b"1e999999999", b'"\\ud800"', b"}", b"9" * 5000),
]


@pytest.fixture(scope="module")
def transport() -> Iterator[tuple[RawServer, Transport, list[Say]]]:
    said: list[Say] = []

    def say(connection: socket.socket) -> None:
        said[-1](connection)

    with RawServer(say) as server:
        yield server, Transport(0.5, 1_000_000), said


@given(st.lists(st.sampled_from(FRAGMENTS) | st.binary(max_size=40), max_size=12).map(b"".join), st.booleans())
@settings(deadline=None, max_examples=examples(300))
def test_whatever_bytes_a_server_sends_the_error_is_ours(
    transport: tuple[RawServer, Transport, list[Say]], sent: bytes, proper: bool
) -> None:
    server, wire, said = transport
    said.append(saying(b"HTTP/1.1 200 OK\r\nConnection: close\r\n" + sent if proper else sent))
    try:
        answered: Any = wire.send(ApiRequest("GET", f"{server.url}/a", {}, query={"sign": "abc"}))
    except BetProviderError as error:
        answered = error
    if isinstance(answered, BetProviderError):
        assert answered.__context__ is None
        assert "/a?sign=" not in str(answered)
    else:
        assert len(answered.body) <= 1_000_000


@pytest.mark.parametrize("provider", PROVIDERS)
@given(body=st.lists(st.sampled_from(FRAGMENTS[-20:]) | st.binary(max_size=40), max_size=6).map(b"".join))
@settings(deadline=None, max_examples=examples(40))
def test_any_body_makes_an_error_of_this_package_of_a_look_up(provider: str, body: bytes) -> None:
    from airflow_betproviders.hooks.protocol import parse_json_object
    from tests.accounts import HOOKS

    hook = HOOKS[provider]("nobody")
    hook._secret_forms = ()  # type: ignore[misc]
    with suppress(BetProviderError):
        parse_json_object(body, hook.check)


# ------------------------------------------------------------------ W8


@pytest.mark.parametrize("text", ["user PLAYER97 has no right", {"PLAYER97": 1}])
def test_w8_words_of_the_provider_that_may_name_a_player_are_not_quoted(
    make: MakeHook, server: Recorder, caplog: pytest.LogCaptureFixture, text: Any
) -> None:
    from airflow_betproviders.declare.interval import Interval
    from airflow_betproviders.extraction.privacy import PiiPolicy
    from airflow_betproviders.extraction.slots import Extraction

    server.answer({"code": 400, "msg": text})
    hook = make("pv")
    stream = hook.stream()
    slot = Interval(MIDNIGHT, MIDNIGHT + timedelta(hours=1))
    extraction = Extraction(hook, stream, pii_policy=PiiPolicy(stream, {"user_id": "drop"}, b"", {}))
    caplog.set_level(logging.DEBUG)
    with pytest.raises(BetProviderError) as caught, extraction.read(slot):
        pass
    assert "answered 400: it refuses a parameter" in str(caught.value)
    assert "PLAYER97" not in str(caught.value) + caplog.text


@pytest.mark.usefixtures("days_later")
@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_provider_that_never_answers_in_time_costs_a_stated_number_of_calls(
    make: MakeHook, server: Recorder, waited: list[float], provider: str
) -> None:
    """Eight times less is asked for, then twice the same again, each in five tries; then the task fails."""
    server.answer(Reply(b"", status=504))
    with pytest.raises(ProviderOverloaded, match="HTTP 504"):
        list(make(provider).extract(None, MIDNIGHT - timedelta(hours=1), MIDNIGHT))
    # A window asked ahead may still be on its way.
    assert len(server.requests) <= 2 * 5 * (1 + 8 + 2)


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize("blanks", [100, 105, 110, 115])
def test_a_shortened_message_has_no_part_of_a_secret(
    make: MakeHook, server: Recorder, provider: str, blanks: int
) -> None:
    secret = ACCOUNTS[provider]["password"]
    words = ("no, " * 50)[: blanks - 1]
    code = {"pv": "code", "aig": "code", "jdb": "status", "gmag": "error"}[provider]
    for said in (f"{words} {secret}".encode(), {code: f"{words[:84]} {secret}"}, {code: f"{words[:-10]} {secret}"}):
        server.answer(said)
        with pytest.raises(BetProviderError) as caught:
            list(make(provider).extract(None, MIDNIGHT - timedelta(hours=1), MIDNIGHT))
        assert secret[:4] not in str(caught.value)


@pytest.mark.usefixtures("days_later")
@pytest.mark.parametrize(
    "echo",
    [
        json.dumps,
        lambda secret: json.dumps(secret).replace("/", r"\/"),
        html.escape,
        lambda secret: html.escape(secret).replace("&#x27;", "&#039;"),
        quote,
        quote_plus,
        lambda secret: quote(secret, safe=""),
    ],
)
def test_a_secret_that_a_page_repeats_in_an_encoding_is_hidden(
    make: MakeHook, server: Recorder, echo: Callable[[str], str]
) -> None:
    secret = "aa/b&b<c c>'d+d"
    server.answer(f"<p>No such key: {echo(secret)}</p>".encode())
    with pytest.raises(BetProviderError) as caught:
        list(make("aig", password=secret).extract(None, MIDNIGHT - timedelta(hours=1), MIDNIGHT))
    assert "No such key: " in str(caught.value)
    assert not re.search("aa|b&|c c|d.d", str(caught.value).partition("begins")[2])
