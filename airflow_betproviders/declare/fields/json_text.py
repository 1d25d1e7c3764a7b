"""Read and write JSON without loss: every number keeps its digits, every doubled member its values."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

MAX_DEPTH = 200
MAX_NUMBER = 100  # characters
_READABLE = 4300  # characters of a number that Python's own json reads
_TOKEN = re.compile(r'"|[\[{]+|[\]}]+')
_IN_STRING = re.compile(r'"|\\.', re.DOTALL)


class NotJson(ValueError):
    """The text is not one JSON value."""


class TooDeep(NotJson):
    """The value has more than `MAX_DEPTH` levels of arrays and objects, which many readers cannot take."""


class Number(str):
    """A JSON number, as the digits that were sent."""

    __slots__ = ()


class Pairs(dict[str, Any]):
    """A JSON object; of a doubled member the last value counts, the ones before are in ``doubled``."""

    __slots__ = ("doubled",)

    def __init__(self, pairs: list[tuple[str, Any]]) -> None:
        """Keep the last of each name, and what it replaces."""
        super().__init__(pairs)
        self.doubled: dict[str, list[Any]] = {}
        if len(self) < len(pairs):
            last = {name: i for i, (name, _) in enumerate(pairs)}
            for i, (name, value) in enumerate(pairs):
                if last[name] != i:
                    self.doubled.setdefault(name, []).append(value)


def read_value(text: str) -> Any:
    """Read any JSON, numbers as digits.

    Two things that are no JSON and that vendors send are read too: ``NaN`` and ``Infinity``, as text, and control characters
    in a text, such as a line break.

    Raises:
        NotJson, TooDeep: it cannot be read.
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
    """Read one JSON object, likewise; bytes that are not UTF-8 come as lone surrogates."""
    document = read_value(text)
    if not isinstance(document, Pairs):
        raise NotJson("not a JSON object")
    return document


def dumps(value: Any) -> str:
    """JSON text with every number as it was sent and every doubled member; a number that Python refuses to read, as text."""
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
    """Return the place after the string, array or object that starts there, however deep it is, in linear time.

    Raises:
        NotJson: it does not end.
    """
    depth = 0
    for place, levels in _levels(text, start):
        depth += levels
        if depth <= 0:
            return place + depth  # without the brackets that close what lies around it
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
