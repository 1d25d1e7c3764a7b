"""Answers that misbehave on the wire: they never end, come a byte at a time, or inflate without bound."""

from __future__ import annotations

import asyncio
import zlib
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from starlette.responses import Response

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

INFLATED = 3 * 1024**3
_BLOCK = 64 * 1024**2
_CHUNK = b"x" * 65_536


class Torn(Response):
    """An answer whose connection closes before the announced length has been sent."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002
        """Send half, then return: the server closes the connection."""
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        body = bytes(self.body)
        await send({"type": "http.response.body", "body": body[: len(body) // 2], "more_body": True})


class _Trickle(Response):
    """An answer that goes on until the caller closes the connection."""

    def __init__(self, seconds: float, content: Any = None, status: int = 200, **more: Any) -> None:
        super().__init__(content, status, **more)
        self._seconds = seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002
        """Trickle, and stop when the caller is gone."""
        trickle = asyncio.ensure_future(self._trickle(receive, send))
        gone = asyncio.ensure_future(_gone(receive))
        try:
            await asyncio.wait({trickle, gone}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            trickle.cancel()
            gone.cancel()

    async def _trickle(self, receive: Receive, send: Send) -> None:
        raise NotImplementedError


class Dripping(_Trickle):
    """An answer whose body comes a byte at a time."""

    async def _trickle(self, receive: Receive, send: Send) -> None:  # noqa: ARG002
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        body = bytes(self.body)
        for at in range(len(body)):
            await send({"type": "http.response.body", "body": body[at : at + 1], "more_body": at + 1 < len(body)})
            await asyncio.sleep(self._seconds)


class Endless(_Trickle):
    """An answer whose body never ends."""

    async def _trickle(self, receive: Receive, send: Send) -> None:  # noqa: ARG002
        headers = [(b"content-type", b"text/plain")]
        await send({"type": "http.response.start", "status": self.status_code, "headers": headers})
        while True:
            await send({"type": "http.response.body", "body": _CHUNK, "more_body": True})
            await asyncio.sleep(0)


class Silent(_Trickle):
    """No answer at all."""

    async def _trickle(self, receive: Receive, send: Send) -> None:  # noqa: ARG002
        await asyncio.Event().wait()


class RawDrip(_Trickle):
    """Bytes that no HTTP server sends, straight to the socket: headers by the byte, or `100 Continue` for ever."""

    def __init__(self, seconds: float, begin: bytes, again: bytes) -> None:
        super().__init__(seconds)
        self._begin = begin
        self._again = again

    async def _trickle(self, receive: Receive, send: Send) -> None:  # noqa: ARG002
        # ASGI has no word for this; uvicorn's `receive` is a method of the object that holds the connection.
        transport = receive.__self__.transport  # type: ignore[attr-defined]
        for at in range(len(self._begin)):
            transport.write(self._begin[at : at + 1])
            await asyncio.sleep(self._seconds)
        while not transport.is_closing():
            transport.write(self._again)
            await asyncio.sleep(self._seconds)


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


@lru_cache(maxsize=1)
def gzip_bomb() -> bytes:
    """Return gzip that inflates to 3 GB of blanks."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    # After a full flush the packer remembers nothing, so the same block can follow again and again.
    block = packer.compress(b" " * _BLOCK) + packer.flush(zlib.Z_FULL_FLUSH)
    end = packer.flush(zlib.Z_FINISH)
    header = bytes((0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 2, 255))
    return header + block * (INFLATED // _BLOCK) + end + bytes(8)
