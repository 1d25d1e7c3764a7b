"""Find the parts of an answer's envelope: paths of the declared markers, and the members there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pyarrow as pa

from airflow_betproviders.declare.fields.json_text import MAX_NUMBER, NotJson
from airflow_betproviders.declare.stream import Envelope
from airflow_betproviders.extraction.decode import arrays


def path_to(envelope: Envelope, *markers: type) -> tuple[str, ...] | None:
    """Return the path of the first of the markers in an envelope, or None."""
    for name, part in envelope.items():
        if part in markers or isinstance(part, markers):
            return (name,)
        if isinstance(part, Mapping) and (inner := path_to(part, *markers)) is not None:
            return (name, *inner)
    return None


def declared_part(envelope: Envelope, path: tuple[str, ...] | None) -> Any:
    """Return what is declared at a path of the envelope."""
    part: Any = envelope
    for name in path or ():
        part = part[name]
    return part


def members_beside_rows(table: pa.Table, path: tuple[str, ...]) -> dict[str, Any]:
    """Return the members of a parsed envelope as Python values, the rows left out."""
    envelope: dict[str, Any] = {}
    for name in table.column_names:
        if path[:1] == (name,):
            inner = arrays.combined(table[name])
            if len(path) > 1 and not inner.null_count:
                envelope[name] = members_beside_rows(pa.Table.from_struct_array(inner), path[1:])
        else:
            envelope[name] = table[name][0].as_py()
    return envelope


def value_at(document: Any, path: tuple[str, ...] | None) -> Any:
    """Return the value at a path, or None; an object may come wrapped in an array (JDB 66), which is empty where there is no data."""
    if path is None:
        return None
    for name in path:
        if isinstance(document, list):
            if not document:
                return []
            document = document[0] if len(document) == 1 else None
        document = document.get(name) if isinstance(document, Mapping) else None
    return document


def has_no_rows(envelope: Any, rows_text: bytes | None, path: tuple[str, ...], *, one: bool) -> bool:
    """Return whether an answer has nothing at the path of its rows: ``[]``, ``{}``, null, or it is left out."""
    if rows_text is not None:
        return b"".join(rows_text[:50].split()) in (b"null", b"[]" if one else b"{}")
    for name in path:
        envelope = envelope[0] if isinstance(envelope, list) and len(envelope) == 1 else envelope
        if envelope in (None, [], {}):
            return True
        if not isinstance(envelope, Mapping):
            return False
        envelope = envelope.get(name)
    return envelope is None


def as_int(value: Any) -> int | None:
    """Parse an integer, also as text or with a decimal point (``1.0``); None for anything else, or more than `MAX_NUMBER` characters."""
    text = str(value)
    digits, _, fraction = text.partition(".")
    try:
        return int(digits if not fraction.strip("0") else text) if len(text) <= MAX_NUMBER else None
    except ValueError:
        return None


def as_token(value: Any) -> str:
    """Return the token or the link of the next page.

    Raises:
        NotJson: it is neither text that can be sent nor a number.
    """
    if isinstance(value, bool) or not isinstance(value, str | int | float) or not _is_unicode(str(value)):
        raise NotJson("the next page's token is not text")
    return str(value)


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:  # JSON may hold half of a surrogate pair
        return False
    return True
