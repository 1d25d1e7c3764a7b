"""Read and write JSON without loss: every number keeps its digits, every doubled member its values."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

MAX_DEPTH = 200
MAX_NUMBER = 100  # characters
_TOKEN = re.compile(r'["\[\]{}]')
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
    """Read any JSON, numbers as digits; ``NaN`` and ``Infinity``, which are no JSON, are read as text.

    Raises:
        NotJson, TooDeep: it cannot be read.
    """
    if text.count("[") + text.count("{") > MAX_DEPTH and any(depth > MAX_DEPTH for _, depth in _levels(text, 0)):
        raise TooDeep(f"nested deeper than {MAX_DEPTH} levels")
    try:
        return json.loads(text, object_pairs_hook=Pairs, parse_float=Number, parse_int=Number, parse_constant=str)
    except (ValueError, RecursionError) as error:
        raise NotJson(f"not JSON ({error})") from None


def read_document(text: str) -> Pairs:
    """Read one JSON object, likewise; bytes that are not UTF-8 come as lone surrogates."""
    document = read_value(text)
    if not isinstance(document, Pairs):
        raise NotJson("not a JSON object")
    return document


def dumps(value: Any) -> str:
    """JSON text with every number as it was sent and every doubled member."""
    match value:
        case Number():
            return str(value)
        case Pairs():
            pairs = [(name, v) for name, earlier in value.doubled.items() for v in earlier] + list(value.items())
            return "{" + ",".join([f"{json.dumps(name)}:{dumps(v)}" for name, v in pairs]) + "}"
        case list():
            return "[" + ",".join([dumps(v) for v in value]) + "]"
        case _:
            return json.dumps(value)


def value_end(text: str, start: int) -> int:
    """The place after the string, array or object that starts there, however deep it is, in linear time.

    Raises:
        NotJson: it does not end.
    """
    for place, depth in _levels(text, start):
        if depth <= 0:
            return place
    raise NotJson("not JSON (it ends within a value)")


def _levels(text: str, place: int) -> Iterator[tuple[int, int]]:
    """The place after each bracket and each string, and how deep it is nested there."""
    depth = 0
    while token := _TOKEN.search(text, place):
        place = token.end()
        if token[0] == '"':
            while (inside := _IN_STRING.search(text, place)) and inside[0] != '"':
                place = inside.end()
            if not inside:
                return
            place = inside.end()
        else:
            depth += 1 if token[0] in "[{" else -1
        yield place, depth
