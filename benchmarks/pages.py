"""Serve pages of prepared records with little CPU: a simulated provider that checks no signature.

An answer has the rows of the window ``[start, end)``, counted and paged as the provider does it.

    python benchmarks/pages.py gmag --rows 500000 --hours 1 [--latency 0.2] [--odd 0.01]
"""

from __future__ import annotations

import argparse
import base64
import json
import socketserver
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import numpy as np
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from records import JDB_OFFSET, KEY, PROVIDERS, START, rendered

_MOST_ROWS = {"gmag": 10_000, "pv": 2_000, "aig": 5_000}


@dataclass(frozen=True)
class PageRequest:
    """A page of a window: both ends in ms, the first row's number in the window, and at most so many rows."""

    start: int
    end: int
    first: int = 0
    size: int = 2**62


def _ms(text: str, form: str, offset: float = 0.0) -> int:
    return int((datetime.strptime(text, form).replace(tzinfo=timezone.utc).timestamp() - offset) * 1000)


def _gmag(_query: Mapping[str, str], body: Any) -> PageRequest:
    start, end = (_ms(body[name], "%Y-%m-%d %H:%M:%S") for name in ("startTime", "endTime"))
    size = min(body["size"], _MOST_ROWS["gmag"])
    return PageRequest(start, end, (body["page"] - 1) * size, size)


def _pv(_query: Mapping[str, str], body: Any) -> PageRequest:
    data = body["data"]
    size = min(data["page_size"], _MOST_ROWS["pv"])
    return PageRequest(data["time_start"] * 1000, data["time_end"] * 1000, (data["page"] - 1) * size, size)


def _aig(query: Mapping[str, str], _body: Any) -> PageRequest:
    size = min(int(query["page_size"]), _MOST_ROWS["aig"])
    return PageRequest(int(query["start_time"]), int(query["end_time"]), int(query["start_index"]), size)


def _jdb(_query: Mapping[str, str], body: Any) -> PageRequest:
    cipher = Cipher(algorithms.AES(KEY.encode()), modes.CBC(KEY.encode())).decryptor()
    action = json.loads(cipher.update(base64.urlsafe_b64decode(body["x"] + "==")))
    form, offset = "%d-%m-%Y %H:%M:%S", JDB_OFFSET.total_seconds()
    return PageRequest(_ms(action["starttime"], form, offset), _ms(action["endtime"], form, offset))


_READ: Mapping[str, Callable[[Mapping[str, str], Any], PageRequest]] = {
    "gmag": _gmag,
    "pv": _pv,
    "aig": _aig,
    "jdb": _jdb,
}
# What goes before and after the records; {total} is the window's.
_AROUND = {
    "gmag": (
        '{{"requestId":"r","error":"0","message":"SUCCESS","total":{total},"current":1,"size":1,"pages":1,"records":[',
        "]}}",
    ),
    "pv": ('{{"code":200,"msg":"","data":{{"items":[', '],"total":{total},"page":1,"page_size":1}}}}'),
    "aig": (
        '{{"code":200,"message":"","data":{{"start_index":0,"page_size":1,"total":{total},"transactions":[',
        "]}}}}",
    ),
    "jdb": ('{{"status":"0000","data":[', '],"err_text":""}}'),
}


class Server(socketserver.ThreadingTCPServer):
    """Serves the records of one provider.

    Attributes:
        arrivals: when each request came, to measure the time between calls.
    """

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self, provider: str, rows: int, hours: int, latency: float = 0.0, odd: float = 0.0) -> None:
        super().__init__(("127.0.0.1", 0), _Connection)
        self.provider, self.latency, self.odd = provider, latency, odd
        records = rendered(provider, rows, hours)
        self.body = records.body.open("rb")
        self.body_map = np.memmap(records.body, np.uint8, "r")
        self.body_map[::4096].sum()  # into the page cache
        self.offsets = np.fromfile(records.offsets, np.int64)
        self.instants = np.fromfile(records.instants, np.int64)
        self.arrivals: list[float] = []

    def answer(self, asked: PageRequest, number: int) -> tuple[bytes, int, int, bytes]:
        """Return the bytes before the rows, the rows' place and length in the file, and the bytes after them."""
        low, high = np.searchsorted(self.instants, [asked.start, asked.end])
        first = min(low + asked.first, high)
        last = min(first + asked.size, high)
        before, after = (text.format(total=high - low).encode() for text in _AROUND[self.provider])
        start, length = int(self.offsets[first]), max(0, int(self.offsets[last] - self.offsets[first]) - 1)
        if length and self.odd and int(number * self.odd) != int((number - 1) * self.odd):
            # An unknown member in the first row makes the page one that cannot be decoded the fast way.
            before, start, length = before + b'{"seen_for_the_first_time":1,', start + 1, length - 1
        return before, start, length, after


class _Connection(socketserver.StreamRequestHandler):
    server: Server
    disable_nagle_algorithm = True

    def handle(self) -> None:
        while line := self.rfile.readline():
            length = 0
            while (header := self.rfile.readline()) not in {b"\r\n", b""}:
                if header[:15].lower() == b"content-length:":
                    length = int(header[15:])
            self._answer(line.split()[1].decode(), self.rfile.read(length))

    def _answer(self, target: str, sent: bytes) -> None:
        if target == "/arrivals":
            arrivals, self.server.arrivals = self.server.arrivals, []
            self._send(json.dumps(arrivals).encode(), 0, 0, b"")
            return
        self.server.arrivals.append(time.time())
        number = len(self.server.arrivals)
        asked = _READ[self.server.provider](dict(parse_qsl(urlsplit(target).query)), json.loads(sent) if sent else None)
        if self.server.latency:
            time.sleep(self.server.latency)
        self._send(*self.server.answer(asked, number))

    def _send(self, before: bytes, start: int, length: int, after: bytes) -> None:
        size = len(before) + length + len(after)
        head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {size}\r\n\r\n"
        self.connection.sendall(head.encode() + before)
        if length:
            self.connection.sendfile(self.server.body, start, length)
        self.connection.sendall(after)


def main() -> None:
    """Print the URL, and serve until killed."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("provider", choices=PROVIDERS)
    arguments.add_argument("--rows", type=int, required=True)
    arguments.add_argument("--hours", type=int, default=1, help=f"the rows lie in so many hours from {START}")
    arguments.add_argument("--latency", type=float, default=0.0, help="seconds before each answer")
    arguments.add_argument("--odd", type=float, default=0.0, help="share of pages that the fast way refuses")
    given = arguments.parse_args()
    with Server(given.provider, given.rows, given.hours, given.latency, given.odd) as server:
        print(f"http://127.0.0.1:{server.server_address[1]}", flush=True)
        server.serve_forever()


if __name__ == "__main__":
    main()
