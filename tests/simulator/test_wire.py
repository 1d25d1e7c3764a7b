"""Faults on the wire: each does what its name says, and ends when the caller closes the connection."""

import re
import socket
import time
import zlib
from datetime import datetime, timedelta, timezone
from email.utils import parsedate_to_datetime

import pytest
import requests

from airflow_betproviders.simulator.faults.kinds import STATUSES
from tests.simulator.clients import NOW

HOUR = timedelta(hours=1)
START = int((NOW - 3 * HOUR).timestamp())
WINDOW = {"time_start": START, "time_end": START + 3600, "page": 1, "page_size": 100}


@pytest.fixture
def vendors(serve):
    """Clients whose parsed answer is the response itself."""
    clients = serve(slow_seconds=0.2)
    clients.parsed = lambda response: response
    return clients


def ask(vendors, kind, **options):
    vendors.simulator.faults.replace({kind: options})
    return vendors.pv("all/history", WINDOW)


def bytes_of(vendors, until, seconds=60):
    """Return the bytes that arrive until a condition holds, or in ``seconds``, and whether the connection is then still open."""
    host, _, port = vendors.simulator.url.removeprefix("http://").partition(":")
    found = b""
    with socket.create_connection((host, int(port)), timeout=60) as line:
        line.sendall(f"POST /pv/api/all/list HTTP/1.1\r\nHost: {host}\r\nContent-Length: 2\r\n\r\n{{}}".encode())
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0 and not until(found):
            line.settimeout(left)
            try:
                got = line.recv(65_536)
            except TimeoutError:
                break
            if not got:
                return found, False
            found += got
    return found, True


@pytest.mark.parametrize(("kind", "status"), STATUSES.items())
def test_statuses(vendors, kind, status):
    assert ask(vendors, kind, times=1).status_code == status
    assert vendors.pv("all/history", WINDOW).status_code == 200
    assert [call["faults"] for call in vendors.simulator.calls] == [[kind], []]


@pytest.mark.parametrize(("kind", "status"), [("http_429", 429), ("http_503", 503)])
def test_retry_after(vendors, kind, status):
    answer = ask(vendors, kind, seconds=7)
    assert (answer.status_code, answer.headers["retry-after"]) == (status, "7")
    answer = ask(vendors, f"{kind}_date", seconds=3600)
    at = parsedate_to_datetime(answer.headers["retry-after"])
    assert answer.status_code == status
    assert timedelta(minutes=50) < at - datetime.now(timezone.utc) <= timedelta(hours=1)


def test_redirects(vendors):
    vendors.session.max_redirects = 1
    assert ask(vendors, "http_302").status_code == 404
    vendors.simulator.faults.replace({"bad_location": 1})
    found, _ = bytes_of(vendors, lambda found: b"\r\n\r\n" in found)
    assert found.startswith(b"HTTP/1.1 302")
    assert b"location: http://[::1\r\n" in found


def test_an_empty_body(vendors):
    answer = ask(vendors, "empty_body")
    assert (answer.status_code, answer.content) == (200, b"")


def test_a_body_that_drips(vendors):
    vendors.simulator.faults.set("drip_body", seconds=0.1)
    found, open_ = bytes_of(vendors, lambda found: len(found.partition(b"\r\n\r\n")[2]) >= 3)
    head, _, body = found.partition(b"\r\n\r\n")
    assert open_
    assert head.startswith(b"HTTP/1.1 200 OK")
    assert 3 <= len(body) < int(re.search(rb"content-length: (\d+)", head)[1])


def test_headers_that_drip(vendors):
    vendors.simulator.faults.set("drip_headers", seconds=0.02)
    found, open_ = bytes_of(vendors, lambda found: len(found) > 30)
    assert open_
    assert found.startswith(b"HTTP/1.1 200 OK\r\nxxxx")


def test_100_continue_for_ever(vendors):
    vendors.simulator.faults.set("endless_continue", seconds=0.02)
    found, open_ = bytes_of(vendors, lambda found: found.count(b"\r\n\r\n") >= 10)
    assert open_
    assert set(found.split(b"\r\n\r\n")) <= {b"HTTP/1.1 100 Continue", b""} | {found.split(b"\r\n\r\n")[-1]}


def test_silence(vendors):
    vendors.simulator.faults.set("silence")
    assert bytes_of(vendors, lambda found: False, seconds=0.5) == (b"", True)


def test_an_endless_500(vendors):
    vendors.simulator.faults.set("endless_500")
    found, open_ = bytes_of(vendors, lambda found: len(found) > 20_000_000)
    assert open_
    assert found.startswith(b"HTTP/1.1 500")
    assert len(found) > 20_000_000


def test_a_gzip_bomb(vendors):
    vendors.simulator.faults.set("gzip_bomb")
    connection = vendors.simulator.credentials["pv"]
    answer = requests.post(f"{connection['host']}/api/all/list", data=b"{}", timeout=30, stream=True)
    packed = answer.raw.read(decode_content=False)
    assert answer.headers["content-encoding"] == "gzip"
    assert 2_000_000 < len(packed) < 6_000_000
    unpacker = zlib.decompressobj(zlib.MAX_WBITS | 16)
    size, rest = 0, packed
    while rest and size < 200_000_000:
        plain = unpacker.decompress(rest, 1 << 20)
        assert not plain.strip()
        size, rest = size + len(plain), unpacker.unconsumed_tail
    assert size >= 200_000_000
    assert size / (len(packed) - len(rest)) * len(packed) > 2_900_000_000


def test_the_server_stops_while_a_call_is_unanswered(serve):
    clients = serve()
    clients.simulator.faults.set("silence")
    with pytest.raises(requests.exceptions.ReadTimeout):
        requests.post(f"{clients.simulator.url}/pv/api/all/list", data=b"{}", timeout=(60, 0.2))


def test_a_fault_can_be_limited_to_a_stream_and_skip_the_first_calls(vendors):
    vendors.simulator.faults.set("http_404", stream="history", after=1, times=1)
    statuses = [vendors.pv(path, data).status_code for path, data in 3 * [("all/list", {}), ("all/history", WINDOW)]]
    assert statuses == [200, 200, 200, 404, 200, 200]
    assert [call["stream"] for call in vendors.simulator.calls if call["faults"]] == ["history"]


@pytest.mark.parametrize("shape", ["list", "object", "null", "absent"])
def test_successes_without_rows(vendors, shape):
    simulator = vendors.simulator
    simulator.faults.replace({f"empty_{shape}": {"provider": "aig"}})
    assert len(vendors.pv("all/history", WINDOW).json()["data"]["items"]) == 100
    found = {"list": [], "object": {}, "null": None}
    window = {"start_time": START * 1000, "end_time": (START + 60) * 1000, "start_index": 0, "page_size": 9}
    answer = vendors.aig("query", **window).json()
    assert answer.get("data", "left out") == found.get(shape, "left out")
    assert answer["code"] == 200
    simulator.faults.replace({f"empty_{shape}": 1})
    answer = vendors.pv("all/history", WINDOW).json()
    assert (answer["code"], answer.get("data", "left out")) == (200, found.get(shape, "left out"))
    answer = vendors.jdb(54, uid="u").json()
    assert (answer["status"], answer.get("data", "left out")) == ("0000", found.get(shape, "left out"))
    answer = vendors.gmag("game/list").json()
    assert (answer["error"], answer.get("records", "left out")) == ("0", found.get(shape, "left out"))
