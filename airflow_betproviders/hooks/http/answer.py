"""Read the body of an answer in bounded memory, however much it is or inflates to."""

from __future__ import annotations

import hashlib
import threading
import zlib
from collections import OrderedDict
from contextlib import ExitStack
from typing import Any

from airflow_betproviders.exceptions import AnswerTooLarge, ProviderUnavailable

_PIECE = 256 * 1024
_AT_ONCE = 64 * 1024 * 1024
# Inflated at once; a larger piece would be in memory twice while it grows.
_INFLATED_AT_ONCE = 8 * 1024 * 1024
# Of answers that are larger, a process receives one at a time.
_LARGE = 16 * 1024 * 1024
_one_large = threading.Lock()
# Calls whose last answer is remembered, where nothing shows that it was complete.
_MOST_UNPROVEN = 64
# Bytes that are read of the body of an error.
ERROR_BYTES = 64 * 1024
ENCODINGS = "gzip, deflate"
"""The compressions that are requested and understood."""

_GZIP, _ZLIB, _RAW = 16 + zlib.MAX_WBITS, zlib.MAX_WBITS, -zlib.MAX_WBITS
# No JSON, XML or CSV begins so: a proxy has removed the Content-Encoding.
_GZIP_BEGINS = b"\x1f\x8b\x08"


def read_body(raw: Any, encoding: str, max_bytes: int, *, cut: bool = False) -> bytes:
    """Read and decompress a body.

    Args:
        raw: urllib3's response, whose body is still to be read.
        encoding: its ``Content-Encoding``.
        max_bytes: the largest body, in decompressed bytes.
        cut: whether to return the beginning of a larger one.

    Raises:
        AnswerTooLarge: it is larger.
        ProviderUnavailable: it is compressed in a way that was not requested, or cut off.
    """
    inflate = _inflater(encoding)
    pieces: list[bytes] = []
    left = max_bytes
    with ExitStack() as turn:
        while chunk := _receive(raw, max_bytes):
            if not pieces and type(inflate) is _Plain and chunk.startswith(_GZIP_BEGINS):
                inflate = _Inflater(_GZIP)
            inflate.feed(chunk)
            while data := inflate.read(min(left + 1, _INFLATED_AT_ONCE)):
                pieces.append(data)
                if max_bytes - left <= _LARGE < max_bytes - left + len(data):
                    turn.enter_context(_one_large)
                left -= len(data)
                if left < 0:
                    if cut:
                        return b"".join(pieces)[:max_bytes]
                    raise AnswerTooLarge(
                        f"the answer is larger than {max_bytes / 1e6:g} MB; request less with extra page_size, or raise extra "
                        "max_answer_mb"
                    )
        if not inflate.complete:
            raise ProviderUnavailable("the answer's compressed data is cut off")
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)


def shows_end(raw: Any, encoding: str) -> bool:
    """Return whether HTTP or the compression shows where the body ends. Call it before the body is read.

    Args:
        raw: urllib3's response.
        encoding: its ``Content-Encoding``.
    """
    return raw.length_remaining is not None or bool(raw.chunked) or _inflater(encoding).finds_its_end


class UnprovenAnswers:
    """Check answers whose end nothing shows but the end of the connection: one counts if the answer before it is equal."""

    def __init__(self) -> None:
        """Begin without any."""
        self._last: OrderedDict[str, bytes] = OrderedDict()
        self._lock = threading.Lock()

    def check(self, call: str, body: bytes) -> None:
        """Compare an answer with the last one to the same call, and remember it.

        Raises:
            ProviderUnavailable: they differ, or there was none. The call is then repeated.
        """
        digest = hashlib.sha256(body).digest()
        with self._lock:
            equal = self._last.pop(call, None) == digest
            if not equal:
                self._last[call] = digest
                while len(self._last) > _MOST_UNPROVEN:
                    self._last.popitem(last=False)
        if not equal:
            raise ProviderUnavailable(
                "the answer has neither Content-Length nor chunks, so it may be cut off. It counts once two answers are equal"
            )


def _receive(raw: Any, max_bytes: int) -> bytes:
    """Receive the rest of a body at once where its length is known and small, which copies it least; else a piece."""
    length = raw.length_remaining
    known = length is not None and 0 < length <= min(max_bytes, _AT_ONCE)
    received: bytes = raw.read(None if known else _PIECE, decode_content=False)
    return received


def _inflater(encoding: str) -> _Plain:
    match encoding.strip().lower():
        case "" | "identity" | "none" | "utf-8":  # some servers name the charset here
            return _Plain()
        case "gzip" | "x-gzip":
            return _Inflater(_GZIP)
        case "deflate":
            return _Inflater(_ZLIB)
        case other:
            raise ProviderUnavailable(f"the answer is compressed as {other[:40]!r}, which was not requested")


class _Plain:
    """Pass data through unchanged."""

    complete = True
    finds_its_end = False

    def __init__(self) -> None:
        self._data = b""

    def feed(self, data: bytes) -> None:
        self._data = data

    def read(self, max_bytes: int) -> bytes:  # noqa: ARG002 - it is in memory already
        data, self._data = self._data, b""
        return data


class _Inflater(_Plain):
    """Inflate data in pieces of bounded size. Several gzip members make one body."""

    finds_its_end = True

    def __init__(self, kind: int) -> None:
        super().__init__()
        self._kind = kind
        self._zlib = zlib.decompressobj(kind)
        self._begun = False

    @property
    def complete(self) -> bool:  # type: ignore[override]
        """Return whether the compressed body is complete; an empty one is."""
        return self._zlib.eof or not self._begun

    def read(self, max_bytes: int) -> bytes:
        while self._data:
            if self._zlib.eof:  # zeros or line breaks, which mean nothing, or another member
                self._data = self._data.lstrip(b"\0\r\n")
                if not self._data:
                    return b""
                if self._kind != _GZIP:
                    raise ProviderUnavailable("the answer continues after its compressed data")
                self._zlib = zlib.decompressobj(self._kind)
            data = self._inflate(max_bytes)
            if data is None:
                if self._kind != _ZLIB or self._begun:
                    raise ProviderUnavailable("the answer's compressed data is damaged")
                self._kind, self._zlib = _RAW, zlib.decompressobj(_RAW)  # some servers leave zlib's header out
                continue
            self._begun = True
            self._data = self._zlib.unused_data if self._zlib.eof else self._zlib.unconsumed_tail
            if data:
                return data
        return b""

    def _inflate(self, max_bytes: int) -> bytes | None:
        try:
            return self._zlib.decompress(self._data, max_bytes)
        except zlib.error:
            return None
