"""Parse the bytes of one answer to Arrow, in the types of the wire.

The body is one JSON row whose schema is known, so `pyarrow.json` turns numbers into decimals and text into instants
in C++. It takes neither objects with free names nor bare numbers where text is declared, so these are rewritten first.
The parser remembers which rewrites earlier answers needed, and skips the others.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.json as pj

from airflow_betproviders.declare.fields import DecimalMap, Double
from airflow_betproviders.declare.fields.json_text import MAX_NUMBER
from airflow_betproviders.declare.fields.nested import NAME
from airflow_betproviders.declare.stream import NextPage, OneRow, PageSize, Reaches, Rows, Stream, SumOf, Total
from airflow_betproviders.extraction.decode import arrays, columns
from airflow_betproviders.extraction.decode.envelope import path_to
from airflow_betproviders.extraction.decode.rewrite import Rewrite

# Errors of `pyarrow.json` where an answer does not fit the schema.
PARSE_ERRORS = (pa.ArrowInvalid, pa.ArrowNotImplementedError)
_MARKERS: Mapping[Any, pa.DataType] = {Total: pa.int64(), PageSize: pa.int64(), NextPage: pa.string()}
_MOST_NAMES = 100  # in an object, that get a column each
_AS_DIGIT = bytes.maketrans(b"123456789.eE+-", b"0" * 14)
_LONG_NUMBER = b"0" * (MAX_NUMBER + 1)
# How a number ends whose last digit may be more than 38 places behind the last one of its column.
_SMALL = [re.compile(rb"%b-(?:0*(?:[2-9]\d|[1-9]\d\d)\d*[^\w.+-]|(?<=[\d.]{20}..))" % e) for e in (b"e", b"E")]
_NUMBER = re.compile(rb"(?:^|[^\w.+-])[+-]?[\d.]+[eE]-\d*[^\w.+-]?$")


class Parser:
    """Parse the answers of one stream.

    Attributes:
        record: the type of a row.
        path: where in the document the rows are.
    """

    def __init__(self, stream: Stream) -> None:
        """Prepare the schemas."""
        self._stream = stream
        self._rewrite = Rewrite(stream.fields)
        self.path = path_to(stream.envelope, Rows, OneRow) or ()
        self.record = pa.struct([(f.name, columns.wire_type(f.kind)) for f in stream.fields])
        self._coerced = pa.struct([(f.name, columns.coerced_type(f.kind)) for f in stream.fields])
        self._options = self._parsing(self.record)
        self._decimals = columns.holds_decimals(self.record)
        self._doubles = any(isinstance(f.kind, Double) for f in stream.fields)
        self._names: dict[str, set[str]] = {f.name: set() for f in stream.fields if isinstance(f.kind, DecimalMap)}
        self._numbers: set[str] = set()
        # None while objects with free names have to be rewritten.
        self._learned = None if self._names else self._options

    def document(self, body: bytes) -> tuple[pa.Table, pa.Array]:
        """Parse an answer to a table of one row. Return it and its part at the path of the rows: a list of rows, or one row.

        Raises:
            pyarrow.ArrowInvalid, pyarrow.ArrowNotImplementedError: it is not one complete document of the known schema.
        """
        if not body.lstrip().startswith(b"{"):
            raise pa.ArrowInvalid("not an object")  # pyarrow.json does not survive a bare null
        self._check(body)
        if self._learned is not None:
            try:
                return self._read(self._rewrite.numbers(body, self._numbers)[0], self._learned)
            except PARSE_ERRORS:
                if not self._rewrite.needed:
                    raise
        body, numbers = self._rewrite.numbers(body)
        document, rows = self._read(self._objects(body), self._options)
        self._numbers |= numbers
        if self._names:
            self._learn(rows.flatten() if pa.types.is_list(rows.type) else rows)
        return document, rows

    def rows(self, text: bytes) -> pa.StructArray:
        """Parse rows from the text of a JSON list. Raises as `document` does."""
        self._check(text)
        return self._listed(self._objects(self._rewrite.numbers(text)[0]), self.record)

    def coerced(self, text: bytes) -> pa.StructArray:
        """Parse coerced rows from the text of a JSON list. Raises as `document` does."""
        return self._listed(text, self._coerced)

    @staticmethod
    def _listed(text: bytes, record: pa.DataType) -> pa.StructArray:
        options = pj.ParseOptions(
            explicit_schema=pa.schema([("rows", pa.list_(record))]), unexpected_field_behavior="error"
        )
        return arrays.combined(columns.read_json(b'{"rows":' + text + b"}", options)["rows"]).flatten()

    def _objects(self, body: bytes) -> bytes:
        if self._rewrite.lists(body):
            raise pa.ArrowInvalid("a list where an object is due")
        return self._rewrite.objects(body)

    def _check(self, body: bytes) -> None:
        _check_utf8(body)
        if self._doubles and _LONG_NUMBER in body.translate(_AS_DIGIT):
            raise pa.ArrowInvalid("a number is too long")  # pyarrow.json reads a double of any length
        if self._decimals and b"-" in body and _has_small_number(body):
            raise pa.ArrowInvalid("a number is too small")  # pyarrow.json may read it as 0, or as any other number

    def _read(self, body: bytes, options: pj.ParseOptions) -> tuple[pa.Table, pa.Array]:
        document = columns.read_json(body, options)
        if document.num_rows != 1:
            raise pa.ArrowInvalid("not one document")
        rows = arrays.combined(document.to_struct_array())
        for name in self.path:
            rows = rows.field(name)
        return document, rows

    def _learn(self, rows: pa.StructArray) -> None:
        """Remember the names that came in objects with free names. While they are few, further answers need no rewriting."""
        names = {
            name: known | set(pc.unique(rows.field(name).flatten().field(NAME).drop_null()).to_pylist())
            for name, known in self._names.items()
        }
        if max(map(len, names.values())) > _MOST_NAMES:
            self._names, self._learned = {}, None
        elif names != self._names or self._learned is None:
            types = [
                (
                    f.name,
                    columns.by_name(f.kind, names[f.name])
                    if isinstance(f.kind, DecimalMap)
                    else columns.wire_type(f.kind),
                )
                for f in self._stream.fields
            ]
            self._names, self._learned = names, self._parsing(pa.struct(types))

    def _parsing(self, record: pa.DataType) -> pj.ParseOptions:
        envelope = [(name, _envelope_type(part, record)) for name, part in self._stream.envelope.items()]
        return pj.ParseOptions(
            explicit_schema=pa.schema(envelope), unexpected_field_behavior="error", newlines_in_values=True
        )


def _envelope_type(part: Any, record: pa.DataType) -> pa.DataType:
    if part is Rows or isinstance(part, Rows):
        return pa.list_(record)
    if isinstance(part, Mapping):
        return pa.struct([(name, _envelope_type(inner, record)) for name, inner in part.items()])
    if isinstance(part, type):
        return record if part is OneRow else _MARKERS[part]
    if isinstance(part, SumOf):
        return pa.int64()
    return columns.wire_type(part.kind if isinstance(part, Reaches) else part)


def _has_small_number(body: bytes) -> bool:
    """Return whether a number may be too small for a decimal. An id such as ``481e-11`` within other text is none."""
    ends = (match for pattern in _SMALL for match in pattern.finditer(body))
    return any(_NUMBER.search(body[max(0, end.start() - MAX_NUMBER) : end.end()]) for end in ends)


def _check_utf8(body: bytes) -> None:
    """Refuse text that is not UTF-8, which `pyarrow.json` would accept. Decoding to a Python string would take four times the memory."""
    if not body.isascii():
        offsets = pa.py_buffer(np.array([0, len(body)], np.int32))
        pa.Array.from_buffers(pa.string(), 1, [None, offsets, pa.py_buffer(body)]).validate(full=True)
