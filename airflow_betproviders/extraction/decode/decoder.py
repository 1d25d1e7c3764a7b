"""From the bytes of one answer to an Arrow table, without a Python object per cell.

An answer is parsed whole (`parser`), which refuses what it does not know. The page then goes the row-by-row way
(`coerce`), which brings each record to its schema. A property test shows that both ways give the same table.
"""

from __future__ import annotations

import re
from codecs import BOM_UTF8
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pyarrow as pa

from airflow_betproviders.declare.fields.json_text import NotJson, dumps, read_value
from airflow_betproviders.declare.stream import OneRow, Stream, Total
from airflow_betproviders.exceptions import ProviderUnavailable
from airflow_betproviders.extraction.decode import arrays, columns
from airflow_betproviders.extraction.decode.coerce import CoercedRow, OddCounts, RowCoercer, required
from airflow_betproviders.extraction.decode.columns import EXTRA
from airflow_betproviders.extraction.decode.parser import REFUSALS, Parser, path_to
from airflow_betproviders.extraction.decode.split_rows import items, split_rows
from airflow_betproviders.lake.quarantine import RejectedRow

_CHUNK = 256  # rows among which an odd one is looked for
_FEW = 16


@dataclass
class Page:
    """One answer.

    Attributes:
        table: its good rows, under the stream's columns and ``_extra``.
        total: the provider's count of rows in the window, where it gives one.
        bad: rows that do not fit the schema.
        counts: its values that were not as declared.
        quick: whether the quick way took it.
        call: the number of the call that brought it, where replies are archived.
    """

    table: pa.Table
    total: int | None
    bad: list[RejectedRow] = field(default_factory=list)
    counts: OddCounts = field(default_factory=OddCounts)
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
        self._coerce = RowCoercer(stream, utc_offset)
        self._required = required(stream)
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
        except REFUSALS:
            return self._decode_slowly(body, check)
        return Page(table, total)

    def _decode_slowly(self, body: bytes, check: Callable[[Mapping[str, Any]], None]) -> Page:
        try:
            envelope, found = split_rows(body.removeprefix(BOM_UTF8), self._rows_path)
            check(envelope)
            total = _int(_dig(envelope, self._total_path))
            rows = self._found(found, total)
            if rows is not None:
                page = Page(pa.Table.from_batches([], self._schema), total, quick=False)
                chunks = (rows[start : start + _CHUNK] for start in range(0, len(rows), _CHUNK))
                page.table = pa.concat_tables(
                    [page.table, *(table for chunk in chunks for table in self._sorted(chunk, page))]
                )
                return page
            problem = f"there is no list of rows at {'.'.join(self._rows_path)}"
        except NotJson as reason:
            problem = str(reason)
        beginning = f". It begins: {_excerpt(body)}" if self._quotes else ""
        raise ProviderUnavailable(f"the answer is not what the document describes: {problem}{beginning}")

    def _found(self, found: bytes | None, total: int | None) -> list[bytes] | None:
        """The texts of the rows; None where there is no list of them."""
        if self._one:
            return [] if found in (None, b"null", b"[]") else [found or b""]
        if found is None or found[:1] != b"[":
            return [] if found in (None, b"null") and total == 0 else None
        return items(found)

    def _sorted(self, rows: list[bytes], page: Page) -> list[pa.Table]:
        """Halve the rows until those that the quick way takes and the few around an odd one are apart."""
        if len(rows) <= _FEW:
            coerced = [self._coerce(row.decode("utf-8", "surrogateescape")) for row in rows]
            page.bad += [row for row in coerced if isinstance(row, RejectedRow)]
            return self._convert([row for row in coerced if isinstance(row, CoercedRow)], page)
        try:
            return [self._table(self._parser.rows(b"[" + b",".join(rows) + b"]"))]
        except REFUSALS:
            middle = len(rows) // 2
            return self._sorted(rows[:middle], page) + self._sorted(rows[middle:], page)

    def _convert(self, rows: list[CoercedRow], page: Page) -> list[pa.Table]:
        """Convert coerced rows. Only a kind that coerces wrongly makes a batch fail; then each row stands alone."""
        if not rows:
            return []
        try:
            text = ",".join([row.text for row in rows])
            table = self._table(self._parser.coerced(f"[{text}]".encode()))
        except REFUSALS as error:
            if len(rows) > 1:
                return [table for row in rows for table in self._convert([row], page)]
            page.bad.append(RejectedRow(dumps(read_value(rows[0].raw)), str(error)))
            return []
        for row in rows:
            page.counts.add(row.counts)
        extra = arrays.texts([row.extra for row in rows])
        return [table.set_column(table.num_columns - 1, EXTRA, extra)]

    def _records(self, rows: pa.Array, total: int | None) -> pa.StructArray:
        if self._one:
            return rows.filter(rows.is_valid())
        if rows.null_count:
            if total != 0:
                raise pa.ArrowInvalid("no rows")
            return pa.nulls(0, self._parser.record)
        return rows.flatten()

    def _table(self, records: pa.StructArray) -> pa.Table:
        if records.null_count:
            raise pa.ArrowInvalid("a row is null")
        made = []
        for index, f in enumerate(self._stream.fields):
            array = columns.finish(records.field(index), f.kind, self._utc_offset)
            if f.name in self._required and array.null_count:
                raise pa.ArrowInvalid(f"{f.name} is missing")
            made.append(array)
        made.append(pa.nulls(len(records), pa.string()))
        return pa.Table.from_arrays(made, schema=self._schema)


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
