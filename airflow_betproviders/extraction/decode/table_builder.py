"""Build the table of a page: of its parsed records at once, or of the texts of its rows where some are odd."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from airflow_betproviders.declare.fields.json_text import NotJson, dumps, read_value
from airflow_betproviders.declare.stream import Stream
from airflow_betproviders.extraction.decode import arrays, columns
from airflow_betproviders.extraction.decode.coerce import CoercedRow, OddCounts, RowCoercer, identifying, required
from airflow_betproviders.extraction.decode.columns import EXTRA
from airflow_betproviders.extraction.decode.parser import PARSE_ERRORS, Parser
from airflow_betproviders.extraction.decode.split_rows import member_start, without_undeclared
from airflow_betproviders.lake.quarantine import RejectedRow

_CHUNK = 256  # rows that the fast way parses at once
_FEW = 16  # rows that are no longer halved


@dataclass
class DecodedRows:
    """Rows decoded from their texts.

    Attributes:
        tables: the good rows, in order.
        rejected: rows that do not fit the schema.
        counts: values that were not as declared.
        fast: whether the fast way decoded them all.
    """

    tables: list[pa.Table] = field(default_factory=list)
    rejected: list[RejectedRow] = field(default_factory=list)
    counts: OddCounts = field(default_factory=OddCounts)
    fast: bool = True


class TableBuilder:
    """Build tables of one stream of one account.

    Attributes:
        schema: the stream's columns, then ``_extra``.
    """

    def __init__(self, stream: Stream, parser: Parser, utc_offset: timedelta) -> None:
        """Prepare the schema."""
        self.schema = columns.schema(stream.fields).remove(len(stream.fields) + 1)
        self._parser = parser
        self._utc_offset = utc_offset
        self._coerce = RowCoercer(stream, utc_offset)
        self._declared = {f.name: member_start(f.name) for f in stream.fields}
        self._unfinished = {place: f.kind for place, f in enumerate(stream.fields) if not columns.is_finished(f.kind)}
        places = {f.name: place for place, f in enumerate(stream.fields)}
        self._required = {name: places[name] for name in required(stream)}
        self._identifying = {name: places[name] for name in identifying(stream)}

    def empty(self) -> pa.Table:
        """Return a table without rows."""
        return pa.Table.from_batches([], self.schema)

    def from_records(self, records: pa.StructArray) -> pa.Table:
        """Build the table of parsed records.

        Raises:
            pa.ArrowInvalid, pa.ArrowNotImplementedError: a record does not fit.
        """
        if records.null_count:
            raise pa.ArrowInvalid("a row is null")
        record_arrays = [records.field(place) for place in range(records.type.num_fields)]
        for place, kind in self._unfinished.items():
            record_arrays[place] = columns.finish(record_arrays[place], kind, self._utc_offset)
        return self.from_columns(record_arrays, len(records))

    def from_columns(self, stream_arrays: list[pa.Array], rows: int) -> pa.Table:
        """Build the table of the stream's columns, in their types in the file. Raises as `from_records` does."""
        for name, place in self._required.items():
            if stream_arrays[place].null_count:
                raise pa.ArrowInvalid(f"{name} is missing")
        for name, place in self._identifying.items():
            if not np.diff(arrays.offsets(stream_arrays[place])).all():
                raise pa.ArrowInvalid(f"{name} is empty")
        return pa.Table.from_arrays([*stream_arrays, pa.nulls(rows, pa.string())], schema=self.schema)

    def from_rows(self, rows: list[bytes]) -> DecodedRows:
        """Decode the JSON texts of rows. An odd row costs only itself and the few around it."""
        decoded = DecodedRows()
        for start in range(0, len(rows), _CHUNK):
            self._add(rows[start : start + _CHUNK], decoded)
        return decoded

    def _add(self, rows: list[bytes], decoded: DecodedRows) -> None:
        try:
            decoded.tables.append(self.from_records(self._parser.rows(_list(rows))))
        except PARSE_ERRORS:
            decoded.fast = False
            self._add_halves([_Row.of(row, self._declared) for row in rows], decoded)

    def _add_halves(self, rows: list[_Row], decoded: DecodedRows) -> None:
        """Halve the rows until the fast way parses a half, or it is so small that its rows are coerced one by one."""
        try:
            table = self.from_records(self._parser.rows(_list([row.declared for row in rows])))
        except PARSE_ERRORS:
            if len(rows) > _FEW:
                middle = len(rows) // 2
                self._add_halves(rows[:middle], decoded)
                self._add_halves(rows[middle:], decoded)
            else:
                self._add_coerced([row.text for row in rows], decoded)
        else:
            decoded.tables.append(_with_extra(table, [row.extra for row in rows]))

    def _add_coerced(self, rows: list[bytes], decoded: DecodedRows) -> None:
        coerced = [self._coerce(row.decode("utf-8", "surrogateescape")) for row in rows]
        decoded.rejected += [row for row in coerced if isinstance(row, RejectedRow)]
        self._convert([row for row in coerced if isinstance(row, CoercedRow)], decoded)

    def _convert(self, rows: list[CoercedRow], decoded: DecodedRows) -> None:
        """Convert coerced rows. Only a kind that coerces wrongly makes a batch fail; then each row stands alone."""
        if not rows:
            return
        try:
            text = ",".join([row.text for row in rows])
            table = self.from_records(self._parser.coerced(f"[{text}]".encode()))
        except PARSE_ERRORS as error:
            if len(rows) > 1:
                for row in rows:
                    self._convert([row], decoded)
            else:
                decoded.rejected.append(RejectedRow(dumps(read_value(rows[0].raw)), str(error)))
            return
        for row in rows:
            decoded.counts.add(row.counts)
        decoded.tables.append(_with_extra(table, [row.extra for row in rows]))


class _Row(NamedTuple):
    """A row of a page that the fast way refuses.

    Attributes:
        text: as sent.
        declared: the row without the members that the schema does not name.
        extra: JSON text of these, or None.
    """

    text: bytes
    declared: bytes
    extra: str | None

    @classmethod
    def of(cls, text: bytes, declared: Mapping[str, bytes]) -> _Row:
        """Split a row into declared and other members; leave one that cannot be split as it is, so that the parser refuses it."""
        try:
            return cls(text, *without_undeclared(text, declared))
        except NotJson:
            return cls(text, text, None)


def _list(rows: list[bytes]) -> bytes:
    return b"[" + b",".join(rows) + b"]"


def _with_extra(table: pa.Table, extra: list[str | None]) -> pa.Table:
    return table.set_column(table.num_columns - 1, EXTRA, arrays.texts(extra))
