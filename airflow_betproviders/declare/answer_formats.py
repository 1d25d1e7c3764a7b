"""Declare how a provider writes its answers: as a JSON object, as CSV, as JSON lines, or as a matrix under a header.

`JsonLines` and `Matrix` rewrite an answer to the JSON object that the rest of the engine reads. Numbers keep their digits.
A package may add a format by a subclass of `AnswerFormat`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import ClassVar

import msgspec

from airflow_betproviders.declare.fields.json_text import NotJson, has_escaped_name, read_document

_MEMBERS = msgspec.json.Decoder(dict[str, msgspec.Raw])
_NAMES = msgspec.json.Decoder(list[str])
_ITEMS = msgspec.json.Decoder(list[msgspec.Raw])


class AnswerFormat:
    """Base of the formats of an answer.

    Attributes:
        shows_its_end: whether an answer that is cut off at any byte is unreadable. If not, an answer without ``Content-Length``
            and chunks is requested until two answers are equal.
    """

    shows_its_end: ClassVar[bool] = False

    def to_json(self, body: bytes) -> bytes:
        """Return the answer as one JSON object, which fits the stream's envelope. The engine reads `Csv` without it.

        Args:
            body: the answer, decompressed.

        Raises:
            NotJson: the answer does not have this format, or is cut off.
        """
        raise NotImplementedError

    def check_end(self, body: bytes, members: frozenset[str]) -> None:
        """Check that the answer does not end with a failure in place of a record.

        Args:
            body: the answer, decompressed.
            members: names of which a record has at least one.

        Raises:
            NotJson: it does.
        """


@dataclass(frozen=True)
class Json(AnswerFormat):
    """Answers are one JSON object; the envelope says where its rows are."""

    shows_its_end = True

    def to_json(self, body: bytes) -> bytes:
        """Return the answer unchanged."""
        return body


@dataclass(frozen=True)
class Csv(AnswerFormat):
    """Answers are CSV (RFC 4180): lines before the table, a header, a record a line. Columns are found by their names.

    Without a total, an answer that the provider itself ends early, after a complete line, looks complete.

    Attributes:
        preamble: the names of the lines before the header, each written as ``name=value``: the envelope's members.
        null: the texts that stand for null.
        last_line_ends: whether the last line ends with a line break, so that an answer without one was cut off.
    """

    preamble: tuple[str, ...] = ()
    null: tuple[str, ...] = ("",)
    last_line_ends: bool = True


@dataclass(frozen=True)
class JsonLines(AnswerFormat):
    """Answers are JSON lines: one record a line, without anything around them.

    The envelope is ``{"rows": Rows}``. An answer without records is empty. Failures must show in the HTTP status, because
    such an answer has no place for a status of its own; a last line that is no record is refused too. Without a total, an answer
    that the provider itself ends early, after a complete line, looks complete.

    Attributes:
        rows: the member of the envelope that holds the records.
        last_line_ends: whether the last line ends with a line break, so that an answer without one was cut off.
    """

    rows: str = "rows"
    last_line_ends: bool = True

    def to_json(self, body: bytes) -> bytes:
        """Return an object whose only member is the array of the lines."""
        lines = [line for line in body.split(b"\n") if line.strip()]
        if lines and self.last_line_ends and not body.endswith(b"\n"):
            raise NotJson("the last line is cut off")
        for line in lines:
            if not line.lstrip().startswith(b"{"):
                raise NotJson("a line is not a JSON object")
        return b"{%s:[%s]}" % (msgspec.json.encode(self.rows), b",".join(lines))

    def check_end(self, body: bytes, members: frozenset[str]) -> None:
        """See `AnswerFormat`."""
        last = body.rstrip().rpartition(b"\n")[2]
        with suppress(msgspec.DecodeError, UnicodeDecodeError, RecursionError):  # such a row goes to quarantine
            names = _MEMBERS.decode(last).keys()
            if members.isdisjoint(names):
                raise NotJson(f"the last line is no record: it has {', '.join(names)[:100] or 'nothing'}")


@dataclass(frozen=True, kw_only=True)
class Matrix(AnswerFormat):
    """Answers are a JSON object with one array of column names and an array of rows, each an array of cells.

    ``{"headers": ["id", "stake"], "data": [[1, 0.50], [2, 1.25]]}`` is read as ``{"data": [{"id": 1, "stake": 0.50}, ...]}``.
    A row that has too few or too many cells goes to quarantine, because its cells cannot be matched with columns.

    Attributes:
        header: path of the array of names.
        rows: path of the array of rows, which the envelope marks with ``Rows``.
        names: by name in a header, the field's name, where a provider words a header differently from its document.
    """

    shows_its_end = True

    header: tuple[str, ...]
    rows: tuple[str, ...]
    names: Mapping[str, str] = field(default_factory=dict)

    def to_json(self, body: bytes) -> bytes:
        """Return the object with a record for each row. An answer without rows, such as a failure, stays as it is."""
        rows_text = _member(body, self.rows)
        if rows_text is None or not rows_text.startswith(b"["):
            return body
        rows = _items(rows_text)
        if not rows:
            return body
        columns = self._columns(body)
        records = [_record(columns, bytes(row)) for row in rows]
        return _replaced(body, self.rows, b"[%s]" % b",".join(records))

    def _columns(self, body: bytes) -> list[str]:
        header = _member(body, self.header)
        if header is None:
            raise NotJson(f"there is no header at {'.'.join(self.header)}")
        try:
            columns = [self.names.get(name, name) for name in _NAMES.decode(header)]
        except msgspec.DecodeError as error:
            raise NotJson(f"the header is not an array of names ({error})") from None
        if len(set(columns)) < len(columns):
            raise NotJson(f"the header names {max(columns, key=columns.count)!r} twice")
        return columns


def _record(columns: list[str], row: bytes) -> bytes:
    """Return the JSON object of a row, or its own text if it cannot be matched with the columns."""
    cells = _items(row) if row.startswith(b"[") else []
    return msgspec.json.encode(dict(zip(columns, cells, strict=True))) if len(cells) == len(columns) else row


def _member(body: bytes, path: tuple[str, ...]) -> bytes | None:
    """Return the text of a member of nested objects, or None where there is none."""
    text: bytes = body
    for name in path:
        member = _members(text).get(name) if text.startswith(b"{") else None
        if member is None:
            return None
        text = bytes(member).strip()
    return text


def _replaced(body: bytes, path: tuple[str, ...], value: bytes) -> bytes:
    """Return the object with another text at the path."""
    if not path:
        return value
    members = _members(body)
    members[path[0]] = msgspec.Raw(_replaced(bytes(members[path[0]]), path[1:], value))
    return msgspec.json.encode(members)


def _members(text: bytes) -> dict[str, msgspec.Raw]:
    try:
        members = _MEMBERS.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise NotJson(f"not JSON ({error})") from None
    starts = [re.escape(msgspec.json.encode(name)) + rb"\s*:" for name in members]
    if any(len(re.findall(start, text)) > 1 for start in starts) or has_escaped_name(text):
        doubled = read_document(text.decode(errors="surrogateescape")).doubled
        if doubled:
            raise NotJson(f"the member {next(iter(doubled))[:100]} comes twice")
    return members


def _items(text: bytes) -> list[msgspec.Raw]:
    try:
        return _ITEMS.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise NotJson(f"not JSON ({error})") from None
