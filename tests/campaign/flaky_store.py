"""A proxy in front of an S3 server that answers with errors, loses answers, cuts connections and takes its time."""

from __future__ import annotations

import http.client
import random
import socket
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

SLOW_DOWN = b'<?xml version="1.0"?><Error><Code>SlowDown</Code><Message>Reduce your request rate.</Message></Error>'
INTERNAL = b'<?xml version="1.0"?><Error><Code>InternalError</Code><Message>Try again.</Message></Error>'
HOP_BY_HOP = {"connection", "expect", "transfer-encoding"}
SLOW_SECONDS = 0.5


class FlakyStore(ThreadingHTTPServer):
    """Hands requests on, and makes some of them fail.

    Attributes:
        endpoint: where clients reach it.
        target: host and port of the server.
        share: of requests that fail.
        faults: how many did, by kind: ``refused`` (503 before the server sees it), ``lost`` (done, but answered 500),
            ``cut`` (the connection ends in the middle of the request), ``slow``.
    """

    daemon_threads = True

    def __init__(self, target: str, share: float, seed: int) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.endpoint = f"http://127.0.0.1:{self.server_port}"
        self.target = target.removeprefix("http://")
        self.share = share
        self.faults: Counter[str] = Counter()
        self._rng = random.Random(seed)
        self._lock = threading.Lock()

    def draw(self) -> str | None:
        """Draw what happens to the next request."""
        with self._lock:
            if self._rng.random() >= self.share:
                return None
            kind = self._rng.choice(("refused", "refused", "lost", "cut", "slow"))
            self.faults[kind] += 1
            return kind

    @contextmanager
    def running(self) -> Iterator[FlakyStore]:
        """Serve for as long as the context lasts."""
        thread = threading.Thread(target=self.serve_forever, daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self.shutdown()
            self.server_close()
            thread.join(5)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: FlakyStore

    def handle_one_request(self) -> None:
        with suppress(ConnectionError, TimeoutError):
            super().handle_one_request()
            return
        self.close_connection = True

    def log_message(self, *_arguments: Any) -> None:
        """Say nothing."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("do_"):
            return self._serve
        raise AttributeError(name)

    def _serve(self) -> None:
        body = self._body()
        kind = self.server.draw()
        if kind == "refused":
            self._answer(503, [], SLOW_DOWN)
            return
        if kind == "slow":
            time.sleep(SLOW_SECONDS)
        with closing(http.client.HTTPConnection(self.server.target, timeout=60)) as upstream:
            self._hand_on(upstream, body[: len(body) // 2] if kind == "cut" else body, len(body))
            if kind == "cut":
                self.close_connection = True
                self.connection.shutdown(socket.SHUT_RDWR)
                return
            answer = upstream.getresponse()
            content = answer.read()
        if kind == "lost":
            self._answer(500, [], INTERNAL)
        else:
            self._answer(answer.status, answer.getheaders(), content)

    def _hand_on(self, upstream: http.client.HTTPConnection, body: bytes, length: int) -> None:
        """Pass the request on as it came: its signature covers these very headers."""
        upstream.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
        for name, value in self.headers.items():
            if name.lower() not in HOP_BY_HOP:
                upstream.putheader(name, value)
        if "Transfer-Encoding" in self.headers:
            upstream.putheader("Content-Length", str(length))
        upstream.endheaders()
        upstream.send(body)

    def _body(self) -> bytes:
        if "Transfer-Encoding" not in self.headers:
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        chunks = []
        while size := int(self.rfile.readline().split(b";")[0], 16):
            chunks.append(self.rfile.read(size))
            self.rfile.readline()
        while self.rfile.readline().strip():
            pass
        return b"".join(chunks)

    def _answer(self, status: int, headers: list[tuple[str, str]], content: bytes) -> None:
        self.send_response_only(status)
        for name, value in headers:
            if name.lower() not in HOP_BY_HOP:
                self.send_header(name, value)
        if status not in {204, 304} and not any(name.lower() == "content-length" for name, _ in headers):
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)
