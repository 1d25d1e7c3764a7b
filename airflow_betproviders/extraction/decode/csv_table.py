"""Read an answer in CSV: its first lines as the envelope, its table as columns of text."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator
from datetime import timedelta
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pcsv

from airflow_betproviders.declare.answer_formats import Csv
from airflow_betproviders.declare.fields import Text
from airflow_betproviders.declare.fields.json_text import NotJson
from airflow_betproviders.declare.stream import Stream
from airflow_betproviders.extraction.decode import arrays, columns
from airflow_betproviders.lake.quarantine import RejectedRow

_CHUNK = 1_000  # rows that are looked at one by one
_JSON = {*b'"{}[]'}


def read_csv(
    body: bytes, format_: Csv, required: Collection[str] = ()
) -> tuple[dict[str, Any], pa.Table, list[RejectedRow]]:
    """Return the members that the lines before the table give, the table, and its lines that have too few or too many cells.

    Args:
        body: the answer.
        format_: how it is written.
        required: the columns that a table of bets can't be without.

    Raises:
        NotJson: it is no such answer.
    """
    if format_.last_line_ends and not body.endswith(b"\n" if b"\n" in body else b"\r"):
        raise NotJson("the last line is cut off")
    envelope: dict[str, Any] = {}
    for name in format_.preamble:
        line, _, body = body.partition(b"\n")
        key, mark, value = line.decode("utf-8", "replace").strip().partition("=")
        if not mark or key.strip() != name:
            raise NotJson(f"there is no line {name}=...")
        envelope[name] = value.strip()
    rejected: list[RejectedRow] = []
    table = _read(body, format_, rejected)
    if lacking := [name for name in required if name not in table.column_names]:
        raise NotJson(f"the header lacks {', '.join(lacking)}")
    _refuse_open_quote(table, body, required)
    return envelope, table, rejected


def columns_of(table: pa.Table, stream: Stream, utc_offset: timedelta) -> list[pa.Array]:
    """Return the stream's columns, each distinct text coerced once.

    Raises:
        pa.ArrowInvalid: a cell does not fit, or the table has further columns.
    """
    if not {*table.column_names} <= {field.name for field in stream.fields}:
        raise pa.ArrowInvalid("unexpected column")
    finished = []
    for field in stream.fields:
        if field.name not in table.column_names:
            finished.append(pa.nulls(table.num_rows, columns.arrow_type(field.kind)))
            continue
        array = arrays.combined(table[field.name]).cast(pa.string())  # which refuses what is not UTF-8
        finished.append(
            array if isinstance(field.kind, Text) else columns.coerce_distinct(field.kind, array, utc_offset)
        )
    return finished


def json_rows(table: pa.Table) -> Iterator[bytes]:
    """Yield the rows as JSON objects of texts."""
    for start in range(0, table.num_rows, _CHUNK):
        cells = [column.to_pylist() for column in table.slice(start, _CHUNK).columns]
        names = [json.dumps(name) for name in table.column_names]
        for row in zip(*cells, strict=True):
            members = [f"{name}:{_json(cell)}" for name, cell in zip(names, row, strict=True)]
            yield f"{{{','.join(members)}}}".encode()


def _json(cell: bytes | None) -> str:
    return "null" if cell is None else json.dumps(cell.decode("utf-8", "surrogateescape"))


def _read(body: bytes, format_: Csv, rejected: list[RejectedRow]) -> pa.Table:
    last, short = body.rstrip(b"\r\n").rpartition(b"\n")[2], []

    def reject(row: pcsv.InvalidRow) -> str:
        if row.actual_columns < row.expected_columns and row.text.encode() == last:
            short.append(row.actual_columns)
        reason = f"the line has {row.actual_columns} cells, the header {row.expected_columns}"
        rejected.append(RejectedRow(json.dumps(row.text), reason))
        return "skip"

    if b"\n" not in body:
        body += b"\n"  # without which pyarrow takes a header alone for nothing
    read = pcsv.ReadOptions(use_threads=False, block_size=max(len(body), 1) + 1)
    parse = pcsv.ParseOptions(newlines_in_values=True, invalid_row_handler=reject)
    header = _header(body)
    convert = pcsv.ConvertOptions(
        column_types=dict.fromkeys(header, pa.binary()),
        null_values=list(format_.null),
        strings_can_be_null=True,
        check_utf8=False,
    )
    try:
        table = pcsv.read_csv(pa.BufferReader(body), read, parse, convert, memory_pool=columns.MEMORY)
    except (pa.ArrowInvalid, UnicodeDecodeError) as error:
        raise NotJson(f"not CSV ({error})") from None
    if short:  # it is cut off, or the provider writes there why it gives no more rows
        raise NotJson(f"the last line has {short[0]} cells, the header {len(header)}")
    return table


def _refuse_open_quote(table: pa.Table, body: bytes, required: Collection[str]) -> None:
    """Refuse a table where a quote that is not closed has made one cell of the lines after it."""
    last = table.columns[-1][-1].as_py() if table.num_rows else None
    if last and last.endswith(b"\n") and not body.rstrip(b"\r\n").endswith(b'"'):
        raise NotJson("the last quote is not closed")
    if body.count(b"\n") <= table.num_rows + 1:
        return
    if body.count(b'"') % 2:
        raise NotJson("a quote is not closed")
    places = [table.column_names.index(name) for name in required]
    for column in table.columns:
        for cell in column.filter(pc.match_substring(column, b"\n")):
            lines = (line.split(b",") for line in cell.as_py().split(b"\n"))
            if any(len(line) >= table.num_columns and _is_row(line, places) for line in lines):
                raise NotJson("a quote is not closed")


def _is_row(cells: list[bytes], places: list[int]) -> bool:
    """Return whether a line within a cell has what a row needs, and no JSON text there."""
    return all(cells[place].strip() and not _JSON & {*cells[place]} for place in places)


def _header(body: bytes) -> list[str]:
    """Return the names of the columns, each once."""
    line = body.partition(b"\n")[0].rstrip(b"\r") + b"\n"
    try:
        options = pcsv.ReadOptions(use_threads=False, autogenerate_column_names=True)
        texts = pcsv.ConvertOptions(column_types={f"f{i}": pa.string() for i in range(line.count(b",") + 1)})
        cells = pcsv.read_csv(pa.BufferReader(line), options, convert_options=texts)
    except pa.ArrowInvalid as error:
        raise NotJson(f"not CSV ({error})") from None
    names = [column[0].as_py() or "" for column in cells.columns]
    if len({*names}) < len(names) or not all(names):
        raise NotJson("the header names a column twice or not at all")
    return names
