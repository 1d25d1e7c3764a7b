"""From the bytes of one answer to an Arrow table, without a Python object per cell.

The whole body is one JSON row whose schema is known, so `pyarrow.json` turns numbers into decimals and text into
instants in C++. It refuses what it does not know, and the page then goes the row-by-row way (`rows`), which mends each
record losslessly and comes back here: both ways end in the same conversion, and so in the same table.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.json as pj

from airflow_betproviders.extraction import arrays, columns
from airflow_betproviders.extraction.columns import EXTRA
from airflow_betproviders.extraction.cut import MARK, cut
from airflow_betproviders.extraction.fields import DecimalMap
from airflow_betproviders.extraction.rewrite import Rewrite
from airflow_betproviders.extraction.rows import BadRow, Mended, NotJson, mend, read_document, read_value
from airflow_betproviders.extraction.stream import Envelope, OneRow, Rows, Stream, Total

_MEMORY = pa.system_memory_pool()
_FEW = 32
_MOST_NAMES = 100  # in an object, that get a column each


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
    bad: list[BadRow] = field(default_factory=list)
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
        self._rows_path = _path(stream.envelope, (Rows, OneRow))
        self._one = _path(stream.envelope, (OneRow,)) is not None
        self._total_path = _path(stream.envelope, (Total,))
        self._rewrite = Rewrite(stream.fields)
        self._record = pa.struct([(f.name, columns.wire_type(f.kind)) for f in stream.fields])
        self._options = self._parsing(self._record)
        self._names: dict[str, set[str]] = {f.name: set() for f in stream.fields if isinstance(f.kind, DecimalMap)}
        self._options_by_name: pj.ParseOptions | None = None

    def __call__(self, body: bytes, check: Callable[[Mapping[str, Any]], None]) -> Page:
        """Decode one answer.

        Args:
            body: the bytes as received, decompressed.
            check: called with the envelope; raises when its status is not success.

        Raises:
            ProviderUnavailable: the body is not one whole JSON document of the expected shape.
        """
        try:
            envelope, rows = self._parse(body)
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
            return self._decode_slowly(body, check)
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
                bad: list[BadRow] = []
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
            problem = f"there is no list of rows at {'.'.join(self._rows_path or ('the top',))}"
        beginning = f". It begins: {_excerpt(body)}" if self._quotes else ""
        raise _unavailable(f"the answer is not what the document describes: {problem}{beginning}")

    def _cut(self, text: str) -> tuple[Any, list[str]] | None:
        """The envelope, and the text of each row; None where they cannot be told apart by a glance."""
        if self._one or not self._rows_path:
            return None
        parts = cut(text, self._rows_path[-1])
        if parts is None:
            return None
        document = read_document(parts[0])
        return (document, parts[1]) if _dig(document, self._rows_path) == [MARK] else None

    def _sorted(self, rows: list[str], bad: list[BadRow]) -> list[pa.Table]:
        """Halve the rows until those that the quick way takes and the few around an odd one are apart."""
        if not rows:
            return []
        if len(rows) <= _FEW:
            return self._mended([read_value(row) for row in rows], bad)
        try:
            text = ",".join(rows).encode("utf-8", "surrogateescape")
            return [self._table(self._parse_rows(b"[" + self._prepared(text) + b"]"))]
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
            middle = len(rows) // 2
            return self._sorted(rows[:middle], bad) + self._sorted(rows[middle:], bad)

    def _mended(self, records: list[Any], bad: list[BadRow]) -> list[pa.Table]:
        good: list[Mended] = []
        for record in records:
            row = mend(record, self._stream.fields)
            (bad.append if isinstance(row, BadRow) else good.append)(row)  # type: ignore[arg-type]
        return self._convert(good, bad)

    def _convert(self, rows: list[Mended], bad: list[BadRow]) -> list[pa.Table]:
        """Convert mended rows; where a batch fails it is halved until the rows that do not fit stand alone."""
        if not rows:
            return []
        try:
            text = ",".join(row.text for row in rows)
            array = self._parse_rows(f"[{text}]".encode())
            table = self._table(array)
        except (pa.ArrowInvalid, UnicodeEncodeError) as error:
            if len(rows) == 1:
                bad.append(BadRow(rows[0].raw, self._reason(rows[0], error)))
                return []
            middle = len(rows) // 2
            return self._convert(rows[:middle], bad) + self._convert(rows[middle:], bad)
        extra = arrays.texts([row.extra for row in rows])
        return [table.set_column(table.num_columns - 1, EXTRA, extra)]

    def _reason(self, row: Mended, error: Exception) -> str:
        for name, text in row.cells.items():
            try:
                self._table(self._parse_rows(f"[{{{json.dumps(name)}:{text}}}]".encode()), require=False)
            except (pa.ArrowInvalid, UnicodeEncodeError) as cell_error:
                return f"{name}: {str(cell_error).removeprefix('Failed to convert JSON to ')}"
        return str(error)

    def _parsing(self, record: pa.DataType) -> pj.ParseOptions:
        envelope = [(name, _envelope_type(part, record)) for name, part in self._stream.envelope.items()]
        return pj.ParseOptions(
            explicit_schema=pa.schema(envelope), unexpected_field_behavior="error", newlines_in_values=True
        )

    def _parse(self, body: bytes) -> tuple[dict[str, Any], pa.Array]:
        if not body.lstrip().startswith(b"{"):
            raise pa.ArrowInvalid("not an object")  # pyarrow.json does not survive a bare null
        _check_utf8(body)
        body = self._rewrite.numbers(body)
        table = self._read_by_name(body)
        rewritten = table is None
        if table is None:
            table = _read(self._rewrite.objects(body), self._options)
        if table.num_rows != 1:
            raise pa.ArrowInvalid("not one document")
        row = arrays.whole(table.to_struct_array())
        path = self._rows_path or ()
        array = row
        for name in path:
            array = array.field(name)
        if rewritten and self._names:
            self._learn(array if self._one else array.flatten())
        return _without(table.slice(0, 1), path), array

    def _read_by_name(self, body: bytes) -> pa.Table | None:
        """The answer with a column for each name that objects with free names have had, where these are all it holds.

        A null under such a name counts as a name that is not there, as it does in the row-by-row way.
        """
        if self._options_by_name is None:
            return None
        try:
            return _read(body, self._options_by_name)
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
            return None

    def _learn(self, rows: pa.StructArray) -> None:
        """Note the names in objects with free names: while these are few, further answers need not be rewritten."""
        names = {
            name: known | set(pc.unique(rows.field(name).flatten().field(columns.KEY)).to_pylist())
            for name, known in self._names.items()
        }
        if max(map(len, names.values())) > _MOST_NAMES:
            self._names, self._options_by_name = {}, None
        elif names != self._names or self._options_by_name is None:
            types = [
                (
                    f.name,
                    columns.by_name(f.kind, names[f.name])
                    if isinstance(f.kind, DecimalMap)
                    else columns.wire_type(f.kind),
                )
                for f in self._stream.fields
            ]
            self._names, self._options_by_name = names, self._parsing(pa.struct(types))

    def _prepared(self, body: bytes) -> bytes:
        _check_utf8(body)
        return self._rewrite.objects(self._rewrite.numbers(body))

    def _records(self, rows: pa.Array, total: int | None) -> pa.StructArray:
        if self._one:
            return rows.filter(rows.is_valid())
        if rows.null_count:
            if total != 0:
                raise pa.ArrowInvalid("no rows")
            return pa.nulls(0, self._record)
        return rows.flatten()

    def _parse_rows(self, text: bytes) -> pa.StructArray:
        options = pj.ParseOptions(
            explicit_schema=pa.schema([("rows", pa.list_(self._record))]), unexpected_field_behavior="error"
        )
        return arrays.whole(_read(b'{"rows":' + text + b"}", options)["rows"]).flatten()

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


def _envelope_type(part: Any, record: pa.DataType) -> pa.DataType:
    if part is Rows:
        return pa.list_(record)
    if part is OneRow:
        return record
    if part is Total:
        return pa.int64()
    if isinstance(part, Mapping):
        return pa.struct([(name, _envelope_type(inner, record)) for name, inner in part.items()])
    return columns.arrow_type(part)


def _check_utf8(body: bytes) -> None:
    """Refuse what is not UTF-8, which `pyarrow.json` would let through; a Python string of it would take up to four times the memory."""
    if not body.isascii():
        offsets = pa.py_buffer(np.array([0, len(body)], np.int32))
        pa.Array.from_buffers(pa.string(), 1, [None, offsets, pa.py_buffer(body)]).validate(full=True)


def _read(body: bytes, options: pj.ParseOptions) -> pa.Table:
    read = pj.ReadOptions(use_threads=False, block_size=len(body) + 1)
    return pj.read_json(pa.BufferReader(body), read, options, memory_pool=_MEMORY)


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


def _path(envelope: Envelope, markers: tuple[type, ...]) -> tuple[str, ...] | None:
    for name, part in envelope.items():
        if part in markers:
            return (name,)
        if isinstance(part, Mapping) and (inner := _path(part, markers)) is not None:
            return (name, *inner)
    return None


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
    from airflow_betproviders.exceptions import ProviderUnavailable

    return ProviderUnavailable(message)
