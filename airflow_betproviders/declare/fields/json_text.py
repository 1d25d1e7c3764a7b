"""Read and write JSON without loss: numbers keep their digits, and members that come twice keep both values."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

MAX_DEPTH = 200
MAX_NUMBER = 100  # characters
_READABLE = 4300  # characters of a number that Python's own json reads
_TOKEN = re.compile(r'"|[\[{]+|[\]}]+')
_ESCAPED_NAME = re.compile(rb'"[^"\\]*\\[^"]*"\s*:')
_IN_STRING = re.compile(r'"|\\.', re.DOTALL)


class NotJson(ValueError):
    """The text is not one JSON value."""


class TooDeep(NotJson):
    """The value has more than `MAX_DEPTH` levels of arrays and objects. Many JSON readers cannot read more."""


class Number(str):
    """A JSON number, as the digits that were sent."""

    __slots__ = ()


class Pairs(dict[str, Any]):
    """A JSON object. If a member comes more than once, its last value counts; ``doubled`` has the earlier ones."""

    __slots__ = ("doubled",)

    def __init__(self, pairs: list[tuple[str, Any]]) -> None:
        """Store the last value of each name, and the values before it."""
        super().__init__(pairs)
        self.doubled: dict[str, list[Any]] = {}
        if len(self) < len(pairs):
            last = {name: i for i, (name, _) in enumerate(pairs)}
            for i, (name, value) in enumerate(pairs):
                if last[name] != i:
                    self.doubled.setdefault(name, []).append(value)


def read_value(text: str) -> Any:
    """Read any JSON; numbers keep their digits.

    Vendors send two things that are not valid JSON, which are read too: ``NaN`` and ``Infinity``, as text, and control
    characters such as a line break inside a text.

    Raises:
        NotJson: the text is not JSON.
        TooDeep: the value is nested too deep.
    """
    if text.count("[") + text.count("{") > MAX_DEPTH and _too_deep(text):
        raise TooDeep(f"nested deeper than {MAX_DEPTH} levels")
    try:
        return json.loads(
            text, object_pairs_hook=Pairs, parse_float=Number, parse_int=Number, parse_constant=str, strict=False
        )
    except (ValueError, RecursionError) as error:
        raise NotJson(f"not JSON ({error})") from None


def read_document(text: str) -> Pairs:
    """Read one JSON object as `read_value` does. Bytes that are not UTF-8 become lone surrogates."""
    document = read_value(text)
    if not isinstance(document, Pairs):
        raise NotJson("not a JSON object")
    return document


def has_escaped_name(text: bytes) -> bool:
    """Return whether the name of a member in JSON text may be written with an escape, as ``u006c`` after a backslash."""
    return _ESCAPED_NAME.search(text) is not None


def dumps(value: Any) -> str:
    """Return JSON text with all digits of each number and all values of each member. A number too long for Python becomes text."""
    match value:
        case Number() if len(value) <= _READABLE:
            return str(value)
        case Pairs():
            pairs = [(name, v) for name, earlier in value.doubled.items() for v in earlier] + list(value.items())
            return "{" + ",".join([f"{json.dumps(name)}:{dumps(v)}" for name, v in pairs]) + "}"
        case list():
            return "[" + ",".join([dumps(v) for v in value]) + "]"
        case _:
            return json.dumps(value)


def value_end(text: str, start: int) -> int:
    """Return the place after the string, array or object that starts at ``start``. Takes linear time, however deep it is.

    Raises:
        NotJson: the text ends before the value does.
    """
    depth = 0
    for place, levels in _levels(text, start):
        depth += levels
        if depth <= 0:
            return place + depth  # the run may also close brackets around the value
    raise NotJson("not JSON (it ends within a value)")


def _levels(text: str, place: int) -> Iterator[tuple[int, int]]:
    """Yield the place after each run of brackets and each string, and how many levels the run opens or, below 0, closes."""
    while token := _TOKEN.search(text, place):
        place = token.end()
        run = token[0]
        if run == '"':
            while (inside := _IN_STRING.search(text, place)) and inside[0] != '"':
                place = inside.end()
            if not inside:
                return
            place = inside.end()
        yield place, 0 if run == '"' else len(run) if run[0] in "[{" else -len(run)


def _too_deep(text: str) -> bool:
    depth = 0
    for _, levels in _levels(text, 0):
        depth += levels
        if depth > MAX_DEPTH:
            return True
    return False
