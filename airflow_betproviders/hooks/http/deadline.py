"""Bound a complete HTTP exchange by one deadline, however slowly a server sends.

A socket's timeout starts over with each byte. So a server that sends a header or a body byte by byte, or ``100 Continue``
for ever, holds a worker without end. Here every read of the socket gets what is left of the call's time. A connection is
made in a thread that is given up when that time is over, since nothing else interrupts the look-up of a host's name.

Imported with the first call only: a DAG file must not import requests.
"""

from __future__ import annotations

import http.client
import io
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from typing import TYPE_CHECKING, Any

import requests.adapters  # noqa: TID253 - see above
import urllib3

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

_calls = threading.local()
_CHUNK_SIZE = re.compile(rb"([0-9A-Fa-f]{1,16})[ \t]*(?:;[^\n]*)?\r?\n")
_LONGEST_SIZE = 8192


class Deadline:
    """The time that one part of an exchange may take: first the head of the answer, then its body.

    Attributes:
        seconds: the time.
    """

    def __init__(self, seconds: float) -> None:
        """Begin now."""
        self.seconds = seconds
        self.restart()

    def restart(self) -> None:
        """Begin the next part now."""
        self._ends = time.monotonic() + self.seconds

    def remaining(self) -> float:
        """Return the seconds that are left.

        Raises:
            TimeoutError: there are none.
        """
        left = self._ends - time.monotonic()
        if left <= 0:
            raise TimeoutError("the call's deadline has passed")
        return left

    @contextmanager
    def applied(self) -> Iterator[None]:
        """Hold the answers that this thread receives in the context to the deadline, their bodies included."""
        _calls.deadline = self
        try:
            yield
        finally:
            _calls.deadline = None


class DeadlineAdapter(requests.adapters.HTTPAdapter):
    """Connections, by proxy too, whose answers keep to the `Deadline` of their call."""

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """See its base class."""
        super().init_poolmanager(*args, **kwargs)
        _keep_deadlines(self.poolmanager)

    def proxy_manager_for(self, *args: Any, **kwargs: Any) -> Any:
        """See its base class."""
        manager = super().proxy_manager_for(*args, **kwargs)
        _keep_deadlines(manager)
        return manager


class _Connecting(threading.Thread):
    """Connect in the background. A connection that comes too late is closed."""

    def __init__(self, connect: Callable[[], socket.socket]) -> None:
        super().__init__(daemon=True, name="betproviders-connect")
        self._connect = connect
        self._lock = threading.Lock()
        self._abandoned = False
        self._made: socket.socket | None = None
        self._error: Exception | None = None

    def run(self) -> None:
        try:
            connection = self._connect()
        except Exception as error:  # noqa: BLE001 - `within` raises it
            self._error = error
            return
        with self._lock:
            if self._abandoned:
                connection.close()
            else:
                self._made = connection

    def within(self, seconds: float) -> socket.socket | None:
        """Return the connection, or None if it is not there in time."""
        self.start()
        self.join(seconds)
        with self._lock:
            self._abandoned = True
        if self._error:
            raise self._error
        return self._made


class _TimedConnection:
    """A connection whose look-up, connect, TLS handshake and answers keep to the deadline of the call."""

    def connect(self) -> None:
        """Take a TLS handshake or a tunnel that does not end in time for no connection: a smaller request would not help."""
        try:
            super().connect()  # type: ignore[misc]
        except TimeoutError:
            raise urllib3.exceptions.ConnectTimeoutError(self, "no connection within the call's deadline") from None

    def _new_conn(self) -> socket.socket:
        deadline: Deadline | None = getattr(_calls, "deadline", None)
        connect: Callable[[], socket.socket] = super()._new_conn  # type: ignore[misc]
        if deadline is None:
            return connect()
        connection = _Connecting(connect).within(deadline.remaining())
        if connection is not None:
            try:
                connection.settimeout(deadline.remaining())  # of the TLS handshake
            except TimeoutError:
                connection.close()
            else:
                return connection
        raise urllib3.exceptions.ConnectTimeoutError(self, "no connection within the call's deadline")


class _TimedReader(io.RawIOBase):
    """Read a socket, each time no longer than the rest of the call's deadline.

    Attributes:
        at_once: whether to read only what is there already.
    """

    def __init__(self, raw: Any, sock: Any, deadline: Deadline) -> None:
        self._raw, self._sock, self._deadline = raw, sock, deadline
        self.at_once = False

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        self._sock.settimeout(0 if self.at_once else self._deadline.remaining())
        received: int | None = self._raw.readinto(buffer)
        return received

    def fileno(self) -> int:
        return int(self._raw.fileno())

    def close(self) -> None:
        if not self.closed:
            self._raw.close()
        super().close()


class _TimedResponse(http.client.HTTPResponse):
    """An answer that is read, from its first byte to its last, within the deadline of its call.

    It is stricter than the standard library where an answer that is cut off would pass for a complete one.
    """

    def __init__(self, sock: Any, *args: Any, **kwargs: Any) -> None:
        super().__init__(sock, *args, **kwargs)
        deadline = getattr(_calls, "deadline", None)
        self._sock, self._reader = sock, None
        if deadline is not None:
            self._reader = _TimedReader(self.fp.detach(), sock, deadline)
            self.fp = io.BufferedReader(self._reader)

    def _close_conn(self) -> None:
        """Refuse an answer that continues after its ``Content-Length``; a line break there means nothing."""
        more = self._more() if self.length == 0 and not self.chunked else b""
        super()._close_conn()  # type: ignore[misc]
        if more.strip():
            raise http.client.HTTPException("the answer continues after its Content-Length")

    def _more(self) -> bytes:
        """Return bytes that came after the answer, without waiting for any."""
        if self._reader is None or self.fp is None:
            return b""
        waits = self._sock.gettimeout()
        self._reader.at_once = True
        try:
            return bytes(self.fp.peek(1))
        except (OSError, ValueError):
            return b""
        finally:
            with suppress(OSError):
                self._sock.settimeout(waits)

    def _read_next_chunk_size(self) -> int:
        """Refuse a size without its line break: the last chunk's, or that of a chunk that was cut off inside it."""
        size = _CHUNK_SIZE.fullmatch(self.fp.readline(_LONGEST_SIZE))
        if not size:
            raise ValueError("no size of a chunk")
        return int(size[1], 16)

    def _read_status(self) -> tuple[str, int, str]:
        """Skip informational answers, such as 103 Early Hints; the standard library knows only 100."""
        while True:
            version, status, reason = super()._read_status()  # type: ignore[misc]
            if not 102 <= status < 200:
                return version, status, reason
            http.client.parse_headers(self.fp)


def _keep_deadlines(manager: Any) -> None:
    pools = manager.pool_classes_by_scheme
    manager.pool_classes_by_scheme = {scheme: _timed(pool) for scheme, pool in pools.items()}


@cache
def _timed(pool: type[urllib3.HTTPConnectionPool]) -> type[urllib3.HTTPConnectionPool]:
    connection = pool.ConnectionCls
    if issubclass(connection, _TimedConnection):
        return pool
    timed = type(connection.__name__, (_TimedConnection, connection), {"response_class": _TimedResponse})
    return type(pool.__name__, (pool,), {"ConnectionCls": timed})
