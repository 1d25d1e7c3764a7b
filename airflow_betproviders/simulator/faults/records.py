"""Split a record's text into its members, so that one can be changed and the others keep each character."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Mapping, Sequence

Members = list[tuple[str, str]]
"""Names and raw values, in order: of JSON as written, of CSV the cell."""

_DECODER = json.JSONDecoder()
_BLANK = re.compile(r"[ \t\r\n]*")


def members_of(text: str, columns: Sequence[str] | None = None) -> Members:
    """Split a JSON object, or a CSV line with these columns, into its members; a repeated name stays repeated."""
    if columns is not None:
        return list(zip(columns, next(csv.reader([text])), strict=True))
    members: Members = []
    at = _skip(text, text.index("{") + 1)
    while text[at] != "}":
        name, at = _DECODER.raw_decode(text, at)
        begin = _skip(text, text.index(":", at) + 1)
        _, at = _DECODER.raw_decode(text, begin)
        members.append((name, text[begin:at]))
        at = _skip(text, at)
        if text[at] == ",":
            at = _skip(text, at + 1)
    return members


def record_text(members: Members, columns: Sequence[str] | None = None) -> str:
    """Join members to a record's text again."""
    if columns is not None:
        line = io.StringIO()
        csv.writer(line, lineterminator="").writerow([value for _, value in members])
        return line.getvalue()
    return "{" + ",".join(f"{json.dumps(name, ensure_ascii=False)}:{value}" for name, value in members) + "}"


def replaced(members: Members, at: int, value: str) -> Members:
    """Return the members with another raw value at a position."""
    return [*members[:at], (members[at][0], value), *members[at + 1 :]]


def with_values(members: Members, values: Mapping[str, str | None]) -> Members:
    """Return the members with other raw values by name; ``None`` leaves a member out, a new name comes last."""
    known = {name for name, _ in members}
    changed = [(name, values.get(name, value)) for name, value in members]
    changed += [(name, value) for name, value in values.items() if name not in known]
    return [(name, value) for name, value in changed if value is not None]


def position(members: Members, pattern: str) -> int | None:
    """Return the place of the first member whose complete name fits the pattern."""
    return next((at for at, (name, _) in enumerate(members) if re.fullmatch(pattern, name)), None)


def _skip(text: str, at: int) -> int:
    match = _BLANK.match(text, at)
    return match.end() if match else at
