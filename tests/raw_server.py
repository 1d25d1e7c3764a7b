"""A server on loopback that sends the bytes of a test as they are, as slowly as the test wants."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from itertools import chain, cycle, islice, repeat
from typing import TypeAlias

Say: TypeAlias = Callable[[socket.socket], None]
"""A function that answers one request on its connection."""


class RawServer:
    """Send raw answers, one per connection, in order; the last one repeats. A context manager.

    Attributes:
        url: where it listens.
        requested_at: when each request came, by the monotonic clock.
    """

    def __init__(self, *answers: Say) -> None:
        """Listen on a free port."""
        self.requested_at: list[float] = []
        self._answers = chain(answers, repeat(answers[-1]))
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            threading.Thread(target=self._answer, args=(connection, next(self._answers)), daemon=True).start()

    def _answer(self, connection: socket.socket, say: Say) -> None:
        with connection, suppress(OSError):
            received = b""
            while b"\r\n\r\n" not in received:
                if not (piece := connection.recv(65536)):
                    return
                received += piece
            self.requested_at.append(time.monotonic())
            say(connection)

    def __enter__(self) -> RawServer:
        """Start."""
        self._thread.start()
        return self

    def __exit__(self, *args: object) -> None:
        """Stop."""
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)  # which ends `accept`
        self._socket.close()
        self._thread.join(1)


def saying(*pieces: bytes) -> Say:
    """Send these bytes, and close."""

    def say(connection: socket.socket) -> None:
        for piece in pieces:
            connection.sendall(piece)

    return say


def dripping(first: bytes, drops: bytes, pause: float, size: int = 1) -> Say:
    """Send some bytes at once, then others over and over, ``size`` at a time; close after two thousand pauses."""
    pieces = [drops[at : at + size] for at in range(0, len(drops), size)]

    def say(connection: socket.socket) -> None:
        connection.sendall(first)
        for piece in islice(cycle(pieces), 2000):
            connection.sendall(piece)
            time.sleep(pause)

    return say


def endless(first: bytes, piece: bytes) -> Say:
    """Send some bytes, then others over and over."""

    def say(connection: socket.socket) -> None:
        connection.sendall(first)
        while True:
            connection.sendall(piece)

    return say


def answer(body: bytes, status: str = "200 OK", *headers: str) -> Say:
    """Send a proper answer, and close."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", "Connection: close", *headers]
    return saying("\r\n".join([*lines, "", ""]).encode() + body)
