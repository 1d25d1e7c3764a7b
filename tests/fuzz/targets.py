"""Fuzz targets: arbitrary bytes raise only errors of this package, and no row of an answer disappears."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import timedelta

from airflow_betproviders.declare.answer_formats import Csv
from airflow_betproviders.declare.fields import Decimal, Epoch, Field, Integer, IsoTime, Text
from airflow_betproviders.declare.stream import OneRow, Reaches, Rows, Stream
from airflow_betproviders.exceptions import ProviderUnavailable
from airflow_betproviders.extraction.answers.window_rows import WindowRows
from airflow_betproviders.extraction.decode.decoder import Decoder, Page
from airflow_betproviders.extraction.privacy import PiiPolicy
from airflow_betproviders.providers.aig import streams as aig
from airflow_betproviders.providers.gmag import streams as gmag
from airflow_betproviders.providers.jdb import streams as jdb
from airflow_betproviders.providers.pv import streams as pv
from tests.fuzz.wire import compressed_body, http_answer

_FIELDS = (
    Field("id", Integer(), required=True),
    Field("at", IsoTime(), required=True),
    Field("bet", Decimal(18, 2), money=True),
    Field("details", Text()),
)
TABLE = Stream(
    provider="toy", name="csv", fields=_FIELDS, format=Csv(preamble=("timepoint",), null=("", "null")),
    envelope={"timepoint": Reaches(Epoch("ms"))}, key=("id",), time_column="at",
)  # fmt: skip
NESTED = Stream(
    provider="toy", name="nested", fields=_FIELDS, key=("id",), time_column="at",
    envelope={"data": Rows(path=("games", "bets"), outer={"at": ("games", "at")})},
)  # fmt: skip
STREAMS = (*pv.STREAMS, *aig.STREAMS, *jdb.STREAMS, *gmag.STREAMS, NESTED, TABLE)


def accept(envelope: Mapping[str, object]) -> None:
    """Take any status for success."""


def decode(stream: Stream, body: bytes) -> Page | None:
    """Decode any bytes; None where they are no answer."""
    try:
        page = Decoder(stream, timedelta(hours=-4))(body, accept)
    except ProviderUnavailable:
        return None
    page.table.validate(full=True)
    for row in page.rejected:
        json.loads(row.raw)
    for extra in page.table["_extra"].to_pylist():
        assert extra is None or isinstance(json.loads(extra), dict)
    return page


def whole_answer(data: bytes) -> None:
    """Decode an answer: the first byte chooses the stream, the rest is its answer."""
    if data:
        decode(STREAMS[data[0] % len(STREAMS)], data[1:])


def one_cell(data: bytes) -> None:
    """Two bytes choose a field, the rest is its JSON text, in the second of three records; the others are stored."""
    if len(data) < 2:
        return
    stream = JSON_LISTS[data[0] % len(JSON_LISTS)]
    name = stream.fields[data[1] % len(stream.fields)].name
    rows = [_record(stream, number) for number in (b"1", b"2", b"3")]
    rows[1] = rows[1][:-1] + b"," + json.dumps(name).encode() + b":" + data[2:] + b"}"
    page = decode(stream, around(stream, b",".join(rows)))
    assert page is not None or not _is_json(data[2:])
    if page is not None:
        assert page.table.num_rows + len(page.rejected) >= 3, page.rejected
        _apply_pii(stream, page)


def _is_json(data: bytes) -> bool:
    try:
        json.loads(data.decode())
    except (ValueError, RecursionError):
        return False
    return True


def _apply_pii(stream: Stream, page: Page) -> None:
    rules = {f.name: "hash" for f in stream.fields if isinstance(f.kind, Text) and not f.required}
    if rules:
        PiiPolicy(stream, rules, b"0123456789abcdef", {})(WindowRows(None, page.table, rejected=page.rejected))


def _record(stream: Stream, number: bytes) -> bytes:
    cells = [json.dumps(f.name).encode() + b":" + _sample(f, number) for f in stream.fields if f.required]
    return b"{" + b",".join(cells or [b'"":1']) + b"}"


def _sample(field: Field, number: bytes) -> bytes:
    match field.kind.wire[0]:
        case "string":
            return b'"20-11-2026 05:00:00"' if "strptime" in type(field.kind).__name__.lower() else b'"' + number + b'"'
        case "timestamp":
            return b'"2026-11-20 05:00:00"'
    return number


def around(stream: Stream, rows: bytes) -> bytes:
    def text(envelope: Mapping[str, object]) -> bytes:
        for name, part in envelope.items():
            if part is Rows:
                return b'{"total":3,' + json.dumps(name).encode() + b":[" + rows + b"]}"
            if isinstance(part, Mapping) and (inner := text(part)):
                return b"{" + json.dumps(name).encode() + b":" + inner + b"}"
        return b""

    return text(stream.envelope)


JSON_LISTS = [stream for stream in STREAMS if stream not in (NESTED, TABLE) and around(stream, b"")]
assert all(OneRow not in stream.envelope.values() for stream in JSON_LISTS)
TARGETS: dict[str, Callable[[bytes], None]] = {
    "whole_answer": whole_answer,
    "one_cell": one_cell,
    "http_answer": http_answer,
    "compressed_body": compressed_body,
}
