"""Arbitrary bytes from a server raise only errors of this package."""

from __future__ import annotations

import socket
from functools import cache

from airflow_betproviders.exceptions import BetProviderError
from airflow_betproviders.hooks.http.answer import read_body
from airflow_betproviders.hooks.http.request import ApiRequest
from airflow_betproviders.hooks.http.transport import Transport
from tests.raw_server import RawServer

_MOST = 100_000
_HEADS = (
    b"",
    b"HTTP/1.1 ",
    b"HTTP/1.1 200 OK\r\n",
    b"HTTP/1.1 200 OK\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Length: ",
    b"HTTP/1.1 302 Found\r\nLocation: ",
    b"HTTP/1.1 503 Busy\r\nRetry-After: ",
    b"HTTP/1.1 103 Early Hints\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nSet-Cookie: ",
)
_ENCODINGS = ("gzip", "deflate", "", "br")


class _Wire:
    """A server that sends given bytes, and the way to it."""

    def __init__(self) -> None:
        self.said = b""
        self.server = RawServer(self._say)
        self.server.__enter__()
        self.transport = Transport(2.0, _MOST)

    def _say(self, connection: socket.socket) -> None:
        connection.sendall(self.said)


@cache
def _wire() -> _Wire:
    return _Wire()


def http_answer(data: bytes) -> None:
    """Receive an answer: the first byte chooses how it begins, the rest follows; then the connection is closed."""
    if not data:
        return
    wire = _wire()
    wire.said = _HEADS[data[0] % len(_HEADS)] + data[1:]
    try:
        body = wire.transport.send(ApiRequest("GET", f"{wire.server.url}/a", {})).body
    except BetProviderError as error:
        if error.__context__ is not None:
            raise
        return
    assert len(body) <= _MOST


def compressed_body(data: bytes) -> None:
    """Inflate a body: the first byte chooses the compression and how the rest arrives."""
    if not data:
        return
    step = 1 + data[0] // 16 * 8
    pieces = iter([data[at : at + step] for at in range(1, len(data), step)])

    class Raw:
        length_remaining = None

        def read(self, _size: int | None, *, decode_content: bool) -> bytes:
            assert not decode_content
            return next(pieces, b"")

    try:
        body = read_body(Raw(), _ENCODINGS[data[0] % len(_ENCODINGS)], _MOST)
    except BetProviderError:
        return
    assert len(body) <= _MOST
