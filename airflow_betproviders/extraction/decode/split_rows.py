"""Split an answer into its envelope and the texts of its rows, so that an odd row costs only itself and not its page.

msgspec finds the texts many times faster than a parser in Python, and refuses ``NaN``, bytes that are not UTF-8 and deep
nesting; a scan in Python takes these.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from airflow_betproviders.declare.fields.json_text import (
    NotJson,
    dumps,
    has_escaped_name,
    read_document,
    read_value,
    value_end,
)
from airflow_betproviders.declare.stream import Rows

_SPACE = re.compile(r"[ \t\n\r]*")
_SCALAR = re.compile(r"[^\s,\]}\"\[{]+")
_MEMBERS = msgspec.json.Decoder(dict[str, msgspec.Raw])
_ITEMS = msgspec.json.Decoder(list[msgspec.Raw])
_CLOSING = {"{": "}", "[": "]"}


def split_rows(body: bytes, path: tuple[str, ...]) -> tuple[dict[str, Any], bytes | None]:
    """Return the envelope of an answer without its rows, and the text of what is at the path of the rows, or None.

    An object on the way may come wrapped in an array (JDB 66), which is empty where there is no data.

    Raises:
        NotJson: it is not one JSON object.
    """
    members = _members(body)
    envelope = {name: read_value(_text(text)) for name, text in members.items() if name != path[0]}
    member = members.get(path[0])
    if member is None or len(path) == 1:
        return envelope, member
    if member[:1] == b"[":
        wrapped = items(member)
        if len(wrapped) != 1:
            envelope[path[0]] = [read_value(_text(text)) for text in wrapped]
            return envelope, None
        member = wrapped[0]
    if member[:1] != b"{":
        envelope[path[0]] = read_value(_text(member))
        return envelope, None
    envelope[path[0]], rows = split_rows(member, path[1:])
    return envelope, rows


def items(text: bytes) -> list[bytes]:
    """Return the texts of the items of a JSON array.

    Raises:
        NotJson: it is none.
    """
    try:
        return [bytes(item) for item in _ITEMS.decode(text)]
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return [item for _, item in _scan(_text(text), "[")]


def listed(text: bytes, key: tuple[str, ...]) -> list[bytes]:
    """Return the texts of the records in an answer.

    A list of records is expected. PHP writes a list whose numbers have gaps as an object by number, and converters of XML
    write a list of one as its only item: an object that has the columns of the key.

    Raises:
        NotJson: it is neither.
    """
    if text.lstrip()[:1] != b"{":
        return items(text)
    members = [*_scan(_text(text), "{")]
    names = {name for name, _ in members}
    if members and all(name.isascii() and name.isdecimal() for name in names):
        return [item for _, item in members]
    if key and names.issuperset(key):
        return [text]
    raise NotJson("the rows are no list")


def one_record(text: bytes) -> bytes:
    """Return the text of the only record in an answer, which may come as the only item of an array.

    Raises:
        NotJson: it is no object.
    """
    if text[:1] == b"[":
        wrapped = items(text)
        text = wrapped[0] if len(wrapped) == 1 else text
    if text[:1] != b"{":
        raise NotJson("the record is no object")
    return text


def explode(item: bytes, rows: Rows) -> Iterator[bytes]:
    """Return the records in an item of a list, each with the members around it.

    Raises:
        NotJson: the item is not nested as declared.
    """
    return _explode(item, rows.path, (), {path: name for name, path in rows.outer.items()}, b"")


def _explode(
    text: bytes, path: tuple[str, ...], place: tuple[str, ...], names: Mapping[tuple[str, ...], str], around: bytes
) -> Iterator[bytes]:
    if not path:
        inner = text.strip()[1:].lstrip()
        # What is no object has no members to be put beside these.
        yield b"{" + (around[:-1] if inner == b"}" else around) + inner if text[:1] == b"{" else text
        return
    members = _members(text)
    for name, value in members.items():
        if name != path[0]:
            column = names.get((*place, name)) or ".".join((*place, name))
            around += json.dumps(column).encode() + b":" + value + b","
    nested = members.get(path[0], b"null")
    for item in [] if nested == b"null" else items(nested):
        yield from _explode(item, path[1:], (*place, path[0]), names, around)


def without_undeclared(row: bytes, declared: Mapping[str, bytes]) -> tuple[bytes, str | None]:
    """Split a row into its declared members and the JSON text of an object of the others, None where it has no others.

    Args:
        row: the text of a row.
        declared: by name, how a member begins (`member_start`).

    Raises:
        NotJson: it is no object, a member comes twice, or an undeclared one cannot be read.
    """
    try:
        members = _MEMBERS.decode(row)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise NotJson("not a JSON object") from None
    if members.keys() <= declared.keys():
        return row, None
    kept = [declared[name] + value for name, value in members.items() if name in declared]
    others = [member_start(name) + value for name, value in members.items() if name not in declared]
    # Where these are shorter than the row, it has blanks between them, or a member twice, of which msgspec gives the last.
    if sum(map(len, kept)) + sum(map(len, others)) + len(members) + 1 < len(row) and read_document(_text(row)).doubled:
        raise NotJson("a member comes twice")
    return b"{" + b",".join(kept) + b"}", dumps(read_value(_text(b"{" + b",".join(others) + b"}")))


def member_start(name: str) -> bytes:
    """Return how a member of a JSON object begins, in the fewest bytes."""
    return json.dumps(name, ensure_ascii=False).encode() + b":"


def _members(text: bytes) -> dict[str, bytes]:
    """Return the texts of the members of a JSON object that holds rows.

    Raises:
        NotJson: it is no object, or a member comes twice with different values, one of which would be lost.
    """
    try:
        members = {name: bytes(value) for name, value in _MEMBERS.decode(text).items()}
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        members = None
    if members is None or _may_be_doubled(text, members):
        pairs = [*_scan(_text(text), "{")]
        members = dict(pairs)
        for name, value in pairs:
            if members[name] != value:
                raise NotJson(f"the member {name[:100]} comes twice")
    return members


def _may_be_doubled(text: bytes, members: Mapping[str, bytes]) -> bool:
    """Return whether a member may come twice, of which msgspec gives the last."""
    starts = [member_start(name) for name in members]
    shortest = sum(map(len, starts)) + sum(map(len, members.values())) + len(members) + 1
    if shortest >= len(text):
        return False
    return any(text.count(start[:-1]) > 1 for start in starts) or has_escaped_name(text)


def _scan(text: str, opening: str) -> Iterator[tuple[str, bytes]]:
    """Yield names, empty for an array, and texts of what a JSON array or object holds."""
    place = _after(text, 0, opening)
    following = "" if _at(text, place) == _CLOSING[opening] else ","
    while following == ",":
        name = ""
        if opening == "{":
            end = value_end(text, place) if _at(text, place) == '"' else place
            name = str(read_value(text[place:end]))
            place = _after(text, _skip(text, end), ":")
        scalar = _SCALAR.match(text, place)
        end = scalar.end() if scalar else value_end(text, place)
        yield name, text[place:end].encode("utf-8", "surrogateescape")
        place = _skip(text, end)
        following = _at(text, place)
        if following == ",":
            place = _skip(text, place + 1)
    if _skip(text, _after(text, place, _CLOSING[opening])) != len(text):
        raise NotJson("not JSON (more follows)")


def _after(text: str, place: int, expected: str) -> int:
    """Return the place after an expected character."""
    place = _skip(text, place)
    if _at(text, place) != expected:
        raise NotJson(f"not JSON (there is no {expected!r} at character {place})")
    return _skip(text, place + 1)


def _at(text: str, place: int) -> str:
    return text[place : place + 1]


def _skip(text: str, place: int) -> int:
    space = _SPACE.match(text, place)
    return space.end() if space else place


def _text(text: bytes) -> str:
    return text.decode("utf-8", "surrogateescape")
