"""Rewrite an answer's bytes for `pyarrow.json`: numbers to text, objects with free names to lists of pairs."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection

from airflow_betproviders.declare.fields import DecimalMap, Field, Text
from airflow_betproviders.declare.fields.json_text import MAX_NUMBER, Number, dumps

# In a flat object without these a quote after a comma begins a name, and a colon after a quote ends one.
_ODD = (b"\\", b" ", b"\n", b"\r", b"\t", b'{":', b',":', b',",', b',"}')


class Rewrite:
    """Rewrite answers as a stream's fields need it.

    Attributes:
        needed: whether any may be.
    """

    def __init__(self, fields: tuple[Field, ...]) -> None:
        """Prepare to find them.

        A quote inside a JSON string is always escaped, so that ``"name":`` can only be a member's name.
        """
        number, flat = rb"(-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?)(?=\s*[,}])", rb"(\{[^{}]*\})"
        self._numbers = {f.name: _member(f.name, number) for f in fields if isinstance(f.kind, Text) and f.kind.numbers}
        free = [f.name for f in fields if isinstance(f.kind, DecimalMap)]
        self._objects = [_member(name, flat) for name in free]
        self._lists = [_member(name, rb"\[") for name in free]
        self.needed = bool(self._numbers or self._objects)

    def numbers(self, body: bytes, names: Collection[str] | None = None) -> tuple[bytes, set[str]]:
        """Quote bare numbers in columns of text. Return the body and the names of the columns that had any.

        Args:
            body: an answer.
            names: the columns to look at; default all that declare `Text.numbers`.
        """
        had = set()
        for name, pattern in self._numbers.items():
            if names is None or name in names:
                body, numbers = _rewritten(body, pattern, _quoted)
                had |= {name} if numbers else set()
        return body, had

    def lists(self, body: bytes) -> bool:
        """Return whether a list stands where an object with free names is due: it would look like a rewritten object."""
        return any(pattern.search(body) for pattern in self._lists)

    def objects(self, body: bytes) -> bytes:
        """Rewrite flat objects with free names to lists of pairs. Others are left, so that the parser refuses them."""
        for objects in self._objects:
            body, _ = _rewritten(body, objects, _as_pairs)
        return body


def _member(name: str, value: bytes) -> re.Pattern[bytes]:
    return re.compile(b"(" + re.escape(json.dumps(name).encode()) + rb"\s*:\s*)" + value)


def _rewritten(
    body: bytes, pattern: re.Pattern[bytes], rewrite: Callable[[list[bytes]], list[bytes]]
) -> tuple[bytes, list[bytes]]:
    """Return the body with every match rewritten at once, which is faster than a call for each, and the matches."""
    pieces = pattern.split(body)
    matches = pieces[2::3]
    if matches:
        pieces[2::3] = rewrite(matches)
        body = b"".join(pieces)
    return body, matches


def _quoted(numbers: list[bytes]) -> list[bytes]:
    if max(map(len, numbers)) <= MAX_NUMBER:
        return [b'"' + number + b'"' for number in numbers]
    return [b'"' + number + b'"' if len(number) <= MAX_NUMBER else number for number in numbers]


def _as_pairs(objects: list[bytes]) -> list[bytes]:
    together = b"".join(objects)
    if any(odd in together for odd in _ODD):
        return [_pairs(members) for members in objects]
    text = b"\n".join(objects).replace(b"{}", b"")
    text = text.replace(b',"', b'},{"').replace(b'":', b'","v":').replace(b'{"', b'{"k":"')
    return [b"[" + members + b"]" for members in text.split(b"\n")]


def _pairs(members: bytes) -> bytes:
    """Rewrite one object with a JSON parser, in linear time whatever its names hold. What is no object is left."""
    try:
        pairs = json.loads(members, object_pairs_hook=list, parse_float=Number, parse_int=Number)
        cells = [f'{{"k":{json.dumps(name)},"v":{dumps(value)}}}' for name, value in pairs]
    except (ValueError, RecursionError):
        return members
    return f"[{','.join(cells)}]".encode()
