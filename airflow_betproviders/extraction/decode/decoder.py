"""From the bytes of one answer to an Arrow table, without a Python object per cell.

An answer is parsed whole (`parse`), which refuses what it does not know. The page then goes the row-by-row way (`rows`),
which mends each record losslessly and comes back here: both ways end in the same conversion, and so in the same table.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pyarrow as pa

from airflow_betproviders.declare.stream import OneRow, Stream, Total
from airflow_betproviders.exceptions import ProviderUnavailable
from airflow_betproviders.extraction.decode import arrays, columns
from airflow_betproviders.extraction.decode.coerce import CoercedRow, NotJson, mend, read_document, read_value
from airflow_betproviders.extraction.decode.columns import EXTRA
from airflow_betproviders.extraction.decode.parser import REFUSALS, Parser, path_to
from airflow_betproviders.extraction.decode.split_rows import MARK, cut
from airflow_betproviders.lake.quarantine import RejectedRow

_FEW = 32


@dataclass
class Page:
    """One answer.

    Attributes:
        table: its good rows, under the stream's columns and ``_extra``.
        total: the provider's count of rows in the window, where it gives one.
        bad: rows that do not fit the schema.
        quick: whether the quick way took it.
        call: the number of the call that brought it, where replies are archived.
    """

    table: pa.Table
    total: int | None
    bad: list[RejectedRow] = field(default_factory=list)
    quick: bool = True
    call: int = 0


class Decoder:
    """Decodes the answers of one stream of one account."""

    def __init__(self, stream: Stream, utc_offset: timedelta = timedelta(0), *, quotes: bool = True) -> None:
        """Prepare the schemas.

        Args:
            stream: whose answers.
            utc_offset: the account's fixed offset, for local times.
            quotes: whether an error shows how the answer begins.
        """
        self._stream = stream
        self._utc_offset = utc_offset
        self._quotes = quotes
        self._schema = columns.schema(stream.fields).remove(len(stream.fields) + 1)
        self._parser = Parser(stream)
        self._rows_path = self._parser.path
        self._one = path_to(stream.envelope, OneRow) is not None
        self._total_path = path_to(stream.envelope, Total)

    def __call__(self, body: bytes, check: Callable[[Mapping[str, Any]], None]) -> Page:
        """Decode one answer.

        Args:
            body: the bytes as received, decompressed.
            check: called with the envelope; raises when its status is not success.

        Raises:
            ProviderUnavailable: the body is not one whole JSON document of the expected shape.
        """
        try:
            document, rows = self._parser.document(body)
        except REFUSALS:
            return self._decode_slowly(body, check)
        envelope = _without(document.slice(0, 1), self._rows_path)
        check(envelope)
        total = _dig(envelope, self._total_path)
        try:
            table = self._table(self._records(rows, total))
        except pa.ArrowInvalid:
            return self._decode_slowly(body, check)
        return Page(table, total)

    def _decode_slowly(self, body: bytes, check: Callable[[Mapping[str, Any]], None]) -> Page:
        text = body.decode("utf-8-sig", "surrogateescape")
        try:
            document, rows = self._cut(text) or (read_document(text), None)
        except NotJson as reason:
            problem = str(reason)
        else:
            check(document)
            total = _dig(document, self._total_path)
            if rows is not None:
                bad: list[RejectedRow] = []
                return Page(
                    pa.concat_tables([pa.Table.from_batches([], self._schema), *self._sorted(rows, bad)]),
                    _int(total),
                    bad,
                    False,
                )
            records = _dig(document, self._rows_path)
            if self._one:
                records = [] if records in (None, []) else [records]
            if records is None and _int(total) == 0:
                records = []
            if isinstance(records, list):
                bad = []
                tables = self._mended(records, bad)
                return Page(
                    pa.concat_tables([pa.Table.from_batches([], self._schema), *tables]), _int(total), bad, False
                )
            problem = f"there is no list of rows at {'.'.join(self._rows_path)}"
        beginning = f". It begins: {_excerpt(body)}" if self._quotes else ""
        raise _unavailable(f"the answer is not what the document describes: {problem}{beginning}")

    def _cut(self, text: str) -> tuple[Any, list[str]] | None:
        """The envelope, and the text of each row; None where they cannot be told apart by a glance."""
        if self._one:
            return None
        parts = cut(text, self._rows_path[-1])
        if parts is None:
            return None
        document = read_document(parts[0])
        return (document, parts[1]) if _dig(document, self._rows_path) == [MARK] else None

    def _sorted(self, rows: list[str], bad: list[RejectedRow]) -> list[pa.Table]:
        """Halve the rows until those that the quick way takes and the few around an odd one are apart."""
        if not rows:
            return []
        if len(rows) <= _FEW:
            return self._mended([read_value(row) for row in rows], bad)
        try:
            text = ",".join(rows).encode("utf-8", "surrogateescape")
            return [self._table(self._parser.rows(b"[" + text + b"]", rewrite=True))]
        except REFUSALS:
            middle = len(rows) // 2
            return self._sorted(rows[:middle], bad) + self._sorted(rows[middle:], bad)

    def _mended(self, records: list[Any], bad: list[RejectedRow]) -> list[pa.Table]:
        good: list[CoercedRow] = []
        for record in records:
            row = mend(record, self._stream.fields)
            (bad.append if isinstance(row, RejectedRow) else good.append)(row)  # type: ignore[arg-type]
        return self._convert(good, bad)

    def _convert(self, rows: list[CoercedRow], bad: list[RejectedRow]) -> list[pa.Table]:
        """Convert mended rows; where a batch fails it is halved until the rows that do not fit stand alone."""
        if not rows:
            return []
        try:
            text = ",".join(row.text for row in rows)
            array = self._parser.rows(f"[{text}]".encode())
            table = self._table(array)
        except (pa.ArrowInvalid, UnicodeEncodeError) as error:
            if len(rows) == 1:
                bad.append(RejectedRow(rows[0].raw, self._reason(rows[0], error)))
                return []
            middle = len(rows) // 2
            return self._convert(rows[:middle], bad) + self._convert(rows[middle:], bad)
        extra = arrays.texts([row.extra for row in rows])
        return [table.set_column(table.num_columns - 1, EXTRA, extra)]

    def _reason(self, row: CoercedRow, error: Exception) -> str:
        for name, text in row.cells.items():
            try:
                self._table(self._parser.rows(f"[{{{json.dumps(name)}:{text}}}]".encode()), require=False)
            except (pa.ArrowInvalid, UnicodeEncodeError) as cell_error:
                return f"{name}: {str(cell_error).removeprefix('Failed to convert JSON to ')}"
        return str(error)

    def _records(self, rows: pa.Array, total: int | None) -> pa.StructArray:
        if self._one:
            return rows.filter(rows.is_valid())
        if rows.null_count:
            if total != 0:
                raise pa.ArrowInvalid("no rows")
            return pa.nulls(0, self._parser.record)
        return rows.flatten()

    def _table(self, records: pa.StructArray, *, require: bool = True) -> pa.Table:
        if records.null_count:
            raise pa.ArrowInvalid("a row is null")
        arrays = []
        for index, f in enumerate(self._stream.fields):
            array = columns.finish(records.field(index), f.kind, self._utc_offset)
            if require and f.required and array.null_count:
                raise pa.ArrowInvalid(f"{f.name} is missing")
            if columns.holds_decimals(f.kind):
                array.validate(full=True)  # pyarrow.json lets whole numbers outgrow a decimal's precision
            arrays.append(array)
        arrays.append(pa.nulls(len(records), pa.string()))
        return pa.Table.from_arrays(arrays, schema=self._schema)


def _without(table: pa.Table, path: tuple[str, ...]) -> dict[str, Any]:
    """The envelope as Python values, its rows left out."""
    envelope: dict[str, Any] = {}
    for name in table.column_names:
        if path[:1] == (name,):
            inner = arrays.whole(table[name])
            if len(path) > 1 and not inner.null_count:
                envelope[name] = _without(pa.Table.from_struct_array(inner), path[1:])
        else:
            envelope[name] = table[name][0].as_py()
    return envelope


def _dig(document: Any, path: tuple[str, ...] | None) -> Any:
    """Follow a path; an object may come wrapped in an array (JDB 66), which is empty where there is no data."""
    if path is None:
        return None
    for name in path:
        if isinstance(document, list):
            if not document:
                return []
            document = document[0] if len(document) == 1 else None
        document = document.get(name) if isinstance(document, Mapping) else None
    return document


def _int(value: Any) -> int | None:
    try:
        return int(str(value))
    except ValueError:
        return None


def _excerpt(body: bytes) -> str:
    """The beginning of an odd answer."""
    return without_signatures(re.sub(r"\s+", " ", body[:400].decode("utf-8", "replace")))[:120]


def without_signatures(text: str) -> str:
    """A provider's words for a message; they may echo the request, so what looks like a signature or a key is hidden."""
    named = re.sub(r"""\b(sign|hash|x|key)(["']?\s*[=:]\s*["']?)[^&\s"'<,}]+""", r"\1\2***", text, flags=re.IGNORECASE)
    return re.sub(r"[\w+/-]{32,}={0,2}", "***", named)


def _unavailable(message: str) -> Exception:
    return ProviderUnavailable(message)
