"""A tiny HTTP server on loopback that records requests and sends the answers of a test."""

from __future__ import annotations

import json
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit


@dataclass(frozen=True)
class Request:
    """One request as it arrived."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes
    raw_path: str

    @property
    def json(self) -> Any:
        """Return the body as JSON."""
        return json.loads(self.body)

    @property
    def form(self) -> dict[str, str]:
        """Return the body as a form."""
        return dict(parse_qsl(self.body.decode()))


@dataclass
class Reply:
    """One answer.

    Attributes:
        status: HTTP status.
        body: bytes, or anything for JSON.
        headers: beside the length.
        missing: bytes of the announced length that are not sent.
        stall: seconds before the answer.
        reset: break the connection instead.
    """

    body: Any = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    missing: int = 0
    stall: float = 0.0
    reset: bool = False

    @property
    def bytes(self) -> bytes:
        """Return the body as sent."""
        return self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()


class Recorder:
    """Record requests and send `replies`: in order, the last one repeated, or by a function of the request. A context manager."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        """Listen on a free port."""
        self.requests: list[Request] = []
        self.replies: list[Reply] | Callable[[Request], Reply] = [Reply({})]
        recorder = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def do_POST(self) -> None:
                parts = urlsplit(self.path)
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                query = dict(parse_qsl(parts.query, keep_blank_values=True))
                headers = {name.lower(): value for name, value in self.headers.items()}
                request = Request(self.command, parts.path, query, headers, body, self.path)
                recorder.requests.append(request)
                self._send(recorder._reply(request))

            do_GET = do_PATCH = do_POST  # noqa: N815 - the base class's spelling

            def _send(self, reply: Reply) -> None:
                time.sleep(reply.stall)
                if reply.reset:
                    self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    self.close_connection = True
                    self.connection.close()
                    return
                with suppress(OSError):
                    self.send_response_only(reply.status)  # with no Date: tests' times lie anywhere
                    for name, value in reply.headers.items():
                        self.send_header(name, value)
                    self.send_header("Content-Length", str(len(reply.bytes) + reply.missing))
                    self.end_headers()
                    self.wfile.write(reply.bytes)
                self.close_connection = bool(reply.missing)

            def log_message(self, *args: Any) -> None:
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *args: Any) -> None:
                pass

        self.server = Server(("127.0.0.1", 0), Handler)
        if tls:
            self.server.socket = tls.wrap_socket(self.server.socket, server_side=True)
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self.server.server_address[1]}"
        self.thread = threading.Thread(target=self._serve, daemon=True)
        self.stopped = False

    def _serve(self) -> None:
        while not self.stopped:
            self.server.handle_request()

    def _reply(self, request: Request) -> Reply:
        if callable(self.replies):
            return self.replies(request)
        return self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]

    def answer(self, *replies: Any) -> None:
        """Set the answers: replies, or bodies of replies."""
        self.replies = [reply if isinstance(reply, Reply) else Reply(reply) for reply in replies]

    def __enter__(self) -> Recorder:
        """Start."""
        self.thread.start()
        return self

    def __exit__(self, *args: object) -> None:
        """Stop."""
        self.stopped = True
        with suppress(OSError), socket.socket() as caller:
            caller.settimeout(1)
            caller.connect(self.server.server_address)  # which wakes the thread
        self.thread.join()
        self.server.server_close()
