"""Drop columns that identify a player, or replace them by a keyed hash, before a window is written.

The hash is HMAC-SHA256 of the value's text alone: under one key, a player has the same hash in every stream of every
provider. Text becomes the first 32 hexadecimal digits of the hash. An integer becomes its first 63 bits, so that the column
stays an integer. Null stays null.
"""

from __future__ import annotations

import hmac
import json
import re
from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from airflow_betproviders.declare.fields import Integer, Kind, Text
from airflow_betproviders.declare.fields.json_text import NotJson, Number, Pairs, dumps, read_document
from airflow_betproviders.declare.interval import Interval
from airflow_betproviders.declare.stream import Stream
from airflow_betproviders.exceptions import InvalidArgument
from airflow_betproviders.extraction.answers import keys
from airflow_betproviders.extraction.answers.window_rows import WindowRows
from airflow_betproviders.extraction.decode.columns import EXTRA, arrow_type
from airflow_betproviders.lake.quarantine import RejectedRow

DROP, HASH = "drop", "hash"
_INTEGER = re.compile(r"-?\d+")
_FINGERPRINTED = b"airflow-provider-betproviders: which key is this"
_WITHHELD = "the value does not fit; pii withholds it"


class PiiPolicy:
    """Drop or hash the columns of a stream that identify a player.

    Attributes:
        rules: column to ``drop`` or ``hash``.
        key_fingerprint: eight hexadecimal digits, other ones for another key; empty if nothing is hashed.
    """

    def __init__(self, stream: Stream, rules: Mapping[str, str], key: bytes, filters: Mapping[str, Any]) -> None:
        """Bind stream, rules (column to ``drop`` or ``hash``), key of the hashes and filters of the extraction.

        Raises:
            InvalidArgument: a rule cannot be applied; the message names the column and the cure.
        """
        for name, rule in rules.items():
            if problem := _problem(stream, name, rule, filters):
                raise InvalidArgument(f"pii of stream {stream.name}: {problem}")
        self.rules = dict(rules)
        self._stream = stream
        self._key = key
        digest = hmac.digest(key, _FINGERPRINTED, "sha256")
        self.key_fingerprint = digest[:4].hex() if HASH in rules.values() else ""
        # Names are compared in lower case: a provider may change playerIp to playerIP.
        self._by_name = {name.lower(): (stream.field(name).kind, rule) for name, rule in rules.items()}

    def __call__(self, rows: WindowRows) -> None:
        """Drop or hash columns in the rows of a window, including rows for quarantine."""
        for name, rule in self.rules.items():
            kind, table = self._stream.field(name).kind, rows.table
            nothing = pa.nulls(table.num_rows, arrow_type(kind))
            rows.table = _set(table, name, nothing if rule == DROP else self._hashes(table[name], kind))
        rows.table = _set(rows.table, EXTRA, self._extra(rows.table[EXTRA]))
        if rows.hashes is not None and not self.rules.keys().isdisjoint(self._stream.key):
            rows.hashes = keys.hashes(rows.table, self._stream.key)
        rows.rejected = [self._rejected_row(row) for row in rows.rejected]

    def hash(self, text: str, kind: Kind) -> str | int:
        """Return the keyed hash that replaces a value."""
        digest = hmac.digest(self._key, text.encode("utf-8", "surrogatepass"), "sha256")
        return int.from_bytes(digest[:8], "big") >> 1 if isinstance(kind, Integer) else digest[:16].hex()

    def _hashes(self, column: pa.ChunkedArray, kind: Kind) -> pa.Array:
        """Hash a column; each distinct value is hashed once."""
        encoded = column.combine_chunks().dictionary_encode()
        hashed = [self.hash(str(value), kind) for value in encoded.dictionary.to_pylist()]
        return pa.array(hashed, arrow_type(kind)).take(encoded.indices)

    def _extra(self, column: pa.ChunkedArray) -> pa.ChunkedArray | pa.Array:
        """Apply the rules to ``_extra``, which has values of a column that did not fit it or came twice."""
        named = f"(?i)({'|'.join(map(re.escape, self.rules))})"
        odd = pc.fill_null(pc.match_substring_regex(column, named), False)
        if not pc.any(odd).as_py():
            return column
        texts = [dumps(self._without_pii(read_document(text))) for text in column.filter(odd).to_pylist()]
        return pc.replace_with_mask(column.combine_chunks(), odd.combine_chunks(), pa.array(texts))

    def _rejected_row(self, row: RejectedRow) -> RejectedRow:
        """Return a row for quarantine. A row that is not a JSON object becomes a keyed digest."""
        try:
            document = read_document(row.raw)
        except NotJson:
            digest = self.hash(row.raw, Text()) if self._key else None
            return RejectedRow(json.dumps(digest), f"{_WITHHELD} (a digest of the row is kept)")
        withheld: list[str] = []
        raw = dumps(self._without_pii(document, withheld))
        return RejectedRow(raw, self._reason(row.reason, withheld))

    def _reason(self, reason: str, withheld: list[str]) -> str:
        """Return the reason of a rejected row without any part of a value."""
        name = reason.partition(":")[0]
        quotes = name.lower() in self._by_name or "{" in reason or "[" in reason
        quotes = quotes or any(text and text in reason for text in withheld)
        if reason.endswith(" missing") or not quotes:
            return reason
        return f"{name}: {_WITHHELD}" if name in (field.name for field in self._stream.fields) else _WITHHELD

    def _without_pii(self, value: Any, withheld: list[str] | None = None) -> Any:
        """Return a JSON value in which the rules are applied at any depth. Collect the withheld texts."""
        withheld = [] if withheld is None else withheld
        if isinstance(value, list):
            return [self._without_pii(item, withheld) for item in value]
        if not isinstance(value, Pairs):
            return value
        for name in value:
            members = [*value.doubled.get(name, []), value[name]]
            if rule := self._by_name.get(name.lower()):
                members = [self._member(member, *rule, withheld) for member in members]
            else:
                members = [self._without_pii(member, withheld) for member in members]
            *earlier, value[name] = members
            if earlier:
                value.doubled[name] = earlier
        return value

    def _member(self, value: Any, kind: Kind, rule: str, withheld: list[str]) -> Any:
        if isinstance(value, list) and rule == HASH:  # `_extra` has the earlier values of a member that came twice
            return [self._member(item, kind, rule, withheld) for item in value]
        if value is None:
            return None
        text = str(value).strip() if isinstance(kind, Integer) and isinstance(value, str) else _column_text(value)
        withheld += [text, dumps(value)]
        if rule == DROP:
            return None
        if isinstance(kind, Integer) and _INTEGER.fullmatch(text):
            return Number(self.hash(str(int(text)), kind))
        return self.hash(text, Text())


def refuse_other_pii(slot: Interval, stored: Mapping[str, str], fingerprint: str, policy: PiiPolicy | None) -> None:
    """Refuse to replace a slot that drops or hashes columns by one with their plain values, or with hashes of another key.

    Args:
        slot: the slot.
        stored: the rules under which it is stored, column to ``drop`` or ``hash``.
        fingerprint: the fingerprint of the key of its hashes; empty if it is not known.
        policy: the policy of the run that would replace it; None for none.

    Raises:
        InvalidArgument: names the slot and the cure.
    """
    if plain := sorted(stored.keys() - (policy.rules.keys() if policy else ())):
        raise InvalidArgument(
            f"slot {slot} is stored with pii={dict(stored)}, and this run would store the plain values of "
            f"{', '.join(plain)}. Give the same pii, or delete the slot first."
        )
    new = policy.key_fingerprint if policy else ""
    if fingerprint and new and fingerprint != new and HASH in stored.values():
        raise InvalidArgument(
            f"slot {slot} is stored with hashes of another key (fingerprint {fingerprint}) than the password of pii_conn_id "
            f"(fingerprint {new}), so no new hash would equal a stored one. Give the connection its former password. To change "
            "the key, delete the stream's slots and the bets table, then extract and merge them again."
        )


def _problem(stream: Stream, name: str, rule: str, filters: Mapping[str, Any]) -> str | None:
    """Return why a rule cannot be applied; None if it can."""
    names = {field.name.lower(): field.name for field in stream.fields}
    if name not in names.values():
        near = get_close_matches(str(name).lower(), names, 1)
        cure = f"Did you mean {names[near[0]]!r}?" if near else f"It has: {', '.join(names.values())}."
        return f"it has no column {name!r}. {cure}"
    field = stream.field(name)
    hashable = isinstance(field.kind, Text | Integer) and not field.money
    ordering = name == stream.time_column or name in stream.version_columns
    needed = name in stream.key or field.required
    narrowed = {*filters, *(declared.column for chosen, declared in stream.filters.items() if chosen in filters)}
    problems = (
        (rule not in (DROP, HASH), f"{rule!r} is neither 'drop' nor 'hash'"),
        (
            name in narrowed,
            "it is a filter too, and its plain value would become a folder; extract without that filter",
        ),
        (ordering, "it orders the rows or their versions, so it can neither be dropped nor hashed"),
        (rule == HASH and not hashable, "it is neither text nor an id, so it cannot be hashed; drop it instead"),
        (rule == DROP and needed, f"rows cannot do without it{'; hash it instead' if hashable else ''}"),
    )
    return next((f"{name}: {problem}." for wrong, problem in problems if wrong), None)


def _set(table: pa.Table, name: str, column: Any) -> pa.Table:
    return table.set_column(table.column_names.index(name), table.field(name), column)


def _column_text(value: Any) -> str:
    """Return a value as the text that its column would hold."""
    return str(value) if isinstance(value, str) else dumps(value)
