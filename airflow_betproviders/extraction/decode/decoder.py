"""Decode the bytes of one answer to an Arrow table, without a Python object per cell.

There are two ways, and a property test shows that both give the same table:

* The fast way parses a complete answer at once (`parser`). It refuses an answer that has anything the declaration does not have.
* The slow way then looks at the rows one by one (`table_builder`), and brings the odd ones to the schema (`coerce`).
"""

from __future__ import annotations

import re
from codecs import BOM_UTF8
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from functools import partial
from typing import Any, TypeAlias

import msgspec
import pyarrow as pa

from airflow_betproviders.declare.answer_formats import Csv
from airflow_betproviders.declare.fields import OddValue
from airflow_betproviders.declare.fields.json_text import NotJson, Number
from airflow_betproviders.declare.stream import NextPage, OneRow, PageSize, Reaches, Rows, Stream, SumOf, Total
from airflow_betproviders.exceptions import ProviderUnavailable
from airflow_betproviders.extraction.decode.coerce import OddCounts
from airflow_betproviders.extraction.decode.columns import EXTRA
from airflow_betproviders.extraction.decode.envelope import (
    as_int,
    as_token,
    declared_part,
    has_no_rows,
    members_beside_rows,
    path_to,
    value_at,
)
from airflow_betproviders.extraction.decode.parser import PARSE_ERRORS, Parser
from airflow_betproviders.extraction.decode.split_rows import explode, listed, one_record, split_rows
from airflow_betproviders.extraction.decode.table_builder import TableBuilder
from airflow_betproviders.lake.quarantine import RejectedRow

# Bytes of an answer in which the largest row is looked for.
_MEASURED = 1 << 20
# Bytes of a refused answer in which secrets are looked for. The last of them may begin one that is cut off.
_SEARCHED, _LONGEST_SECRET = 1 << 16, 1 << 13
_MARKERS = (Total, PageSize, NextPage, Reaches, SumOf)
_MEMBERS = msgspec.json.Decoder(dict[str, msgspec.Raw])
_Decode: TypeAlias = Callable[[bytes, Callable[[Mapping[str, Any]], None]], "Page"]


@dataclass
class Page:
    """One answer.

    Attributes:
        table: its good rows, under the stream's columns and ``_extra``.
        total: the provider's count of rows in the window, where it gives one.
        rejected: its rows that do not fit the schema.
        counts: its values that were not as declared.
        fast: whether the fast way decoded it.
        call: the number of the call that brought it, where replies are archived.
        page_size: the page size that the answer says it used, where it does.
        token: the token or link of the next page, where the answer names one.
        reaches: until when the answer says it is complete, where it does.
        sum: the provider's own sum of a column over its rows (`SumOf`), where it gives one.
        bytes: of the answer, decompressed.
        row_bytes: of its largest row, about; 0 where the stream's answers have a total.
        doubtful: the answer reports success and has nothing where its rows should be (``data: null``, ``[]``, ``{}``, a record of
            nulls, or the member is left out), which alone does not prove that there are none.
    """

    table: pa.Table
    total: int | None = None
    rejected: list[RejectedRow] = field(default_factory=list)
    counts: OddCounts = field(default_factory=OddCounts)
    fast: bool = True
    call: int = 0
    page_size: int | None = None
    token: str | None = None
    reaches: datetime | None = None
    sum: int | None = None
    bytes: int = 0
    row_bytes: int = 0
    doubtful: bool = False

    @property
    def rows(self) -> int:
        """Return the number of its rows, rejected ones included."""
        return int(self.table.num_rows) + len(self.rejected)


class Decoder:
    """Decode the answers of one stream of one account."""

    def __init__(
        self,
        stream: Stream,
        utc_offset: timedelta = timedelta(0),
        *,
        quotes: bool = True,
        hide_secrets: Callable[[str], str] = str,
    ) -> None:
        """Prepare the schemas.

        Args:
            stream: the stream of the answers.
            utc_offset: the account's fixed offset, for local times.
            quotes: whether an error quotes the beginning of the answer.
            hide_secrets: removes the account's secrets from that beginning before it is cut, so that no part of one is left.
        """
        self._stream = stream
        self._utc_offset = utc_offset
        self._quotes = quotes
        self._hide_secrets = hide_secrets
        self._parser = Parser(stream)
        self._tables = TableBuilder(stream, self._parser, utc_offset)
        self._rows_path = self._parser.path
        self._rows = declared_part(stream.envelope, self._rows_path)
        self._one = self._rows is OneRow
        self._nested = isinstance(self._rows, Rows) and bool(self._rows.path)
        required = [field.name for field in stream.fields if field.required] or [field.name for field in stream.fields]
        self._members = frozenset(self._rows.path[:1] if self._nested else required)
        self._paths = {marker: path_to(stream.envelope, marker) for marker in _MARKERS}
        once_a_row = "\n" if isinstance(stream.format, Csv) else f'"{stream.key[-1]}"' if stream.key else None
        self._once_a_row = once_a_row.encode() if once_a_row and self._paths[Total] is None else None

    def __call__(self, body: bytes, check: Callable[[Mapping[str, Any]], None]) -> Page:
        """Decode one answer.

        Args:
            body: the bytes as received, decompressed.
            check: called with the envelope; raises when its status is not success.

        Raises:
            ProviderUnavailable: the body is not one complete document of the expected shape.
        """
        page = self._decode(body, check)
        page.bytes = len(body)
        page.doubtful = page.doubtful or not body.strip()
        if self._once_a_row is not None:
            page.row_bytes = _largest_row(body, page.rows, self._once_a_row)
        return page

    def _decode(self, body: bytes, check: Callable[[Mapping[str, Any]], None]) -> Page:
        if isinstance(self._stream.format, Csv):
            return self._described(body, partial(self._decode_csv, self._stream.format), check)
        body = self._json(body)
        if self._nested:
            return self._decode_slowly(body, check)
        try:
            document, rows = self._parser.document(body)
        except PARSE_ERRORS:
            return self._decode_slowly(body, check)
        envelope = members_beside_rows(document.slice(0, 1), self._rows_path)
        check(envelope)
        try:
            table = self._tables.from_records(self._records(rows, value_at(envelope, self._paths[Total])))
        except PARSE_ERRORS:
            return self._decode_slowly(body, check)
        page = self._page(envelope)
        page.table = table
        page.doubtful = not table.num_rows and (self._one or rows.null_count > 0)
        self._drop_empty_record(page)
        return page

    def _decode_slowly(self, body: bytes, check: Callable[[Mapping[str, Any]], None]) -> Page:
        return self._described(body, self._decode_rows, check)

    def _described(self, body: bytes, decode: _Decode, check: Callable[[Mapping[str, Any]], None]) -> Page:
        """Decode an answer. If it is not as documented, raise an error that says how."""
        try:
            return decode(body.removeprefix(BOM_UTF8), check)
        except NotJson as problem:
            raise self._refusal(body, problem) from None

    def _json(self, body: bytes) -> bytes:
        """Rewrite an answer of another format to JSON."""
        answer = body.removeprefix(BOM_UTF8)
        try:
            rewritten = self._stream.format.to_json(answer)
            self._stream.format.check_end(answer, self._members)
        except NotJson as problem:
            raise self._refusal(body, problem) from None
        return rewritten

    def _refusal(self, body: bytes, problem: NotJson) -> ProviderUnavailable:
        beginning = f". It begins: {self._beginning(body)}" if self._quotes else ""
        return ProviderUnavailable(f"the answer is not what the document describes: {problem}{beginning}")

    def _beginning(self, body: bytes) -> str:
        """Return the beginning of an answer for a message, cut after secrets are hidden, so that no part of one is left."""
        text = self._hide_secrets(body[:_SEARCHED].decode("utf-8", "replace"))
        if len(body) > _SEARCHED:
            text = text[:-_LONGEST_SECRET]
        return without_signatures(re.sub(r"[\s\x00-\x1f\x7f-\x9f]+", " ", text))[:120]

    def _decode_rows(self, body: bytes, check: Callable[[Mapping[str, Any]], None]) -> Page:
        """Decode JSON of which some rows are odd or nested."""
        envelope, rows_text = split_rows(body, self._rows_path)
        check(envelope)
        page = self._page(envelope)
        page.fast = self._nested
        if has_no_rows(envelope, rows_text, self._rows_path, one=self._one):
            if page.total or not envelope.keys() & self._stream.envelope.keys():
                raise NotJson(f"there is no list of rows at {'.'.join(self._rows_path)}")
            page.doubtful = True
            return page
        if self._one:
            rows = [one_record(rows_text or b"")]
        else:
            rows = listed(rows_text or b"", self._stream.key)
            alone = rows == [rows_text]  # one record in place of a list
            page.doubtful = page.total is None and (alone or (bool(rows) and not any(map(_may_be_record, rows))))
        if self._nested:
            rows = [row for item in rows for row in explode(item, self._rows)]
        self._add_rows(page, rows)
        self._drop_empty_record(page)
        return page

    def _decode_csv(self, format_: Csv, body: bytes, check: Callable[[Mapping[str, Any]], None]) -> Page:
        # It imports pyarrow.csv, which most tasks do without.
        from airflow_betproviders.extraction.decode.csv_table import columns_of, json_rows, read_csv

        required = [field.name for field in self._stream.fields if field.required]
        envelope, texts, rejected = read_csv(body, format_, required)
        check(envelope)
        page = self._page(envelope)
        page.rejected = rejected
        try:
            arrays = columns_of(texts, self._stream, self._utc_offset)
            page.table = self._tables.from_columns(arrays, texts.num_rows)
        except PARSE_ERRORS:
            page.fast = False
            self._add_rows(page, [*json_rows(texts)])
        page.doubtful = not page.rows and not body.endswith((b"\n", b"\r"))  # the header may be cut off
        return page

    def _add_rows(self, page: Page, rows: list[bytes]) -> None:
        decoded = self._tables.from_rows(rows)
        page.table = pa.concat_tables([page.table, *decoded.tables])
        page.rejected += decoded.rejected
        page.counts.add(decoded.counts)
        page.fast = page.fast and decoded.fast

    def _drop_empty_record(self, page: Page) -> None:
        """Take a single record without any value, such as ``{}``, for no record. One with other members only is doubtful."""
        if not self._one or not page.table.num_rows or not _has_no_value(page.table.drop_columns([EXTRA])):
            return
        page.doubtful = True
        extra = page.table[EXTRA][0].as_py()
        if extra is None or {*map(bytes, _MEMBERS.decode(extra).values())} == {b"null"}:
            page.table = self._tables.empty()

    def _page(self, envelope: Mapping[str, Any]) -> Page:
        """Return a page with the members of its envelope, without rows yet."""
        values = {marker: value_at(envelope, path) for marker, path in self._paths.items()}
        total = as_int(values[Total])
        if total is not None and total < 0:  # a way to say that nobody has counted
            total = None
        page = Page(self._tables.empty(), total, page_size=as_int(values[PageSize]), sum=as_int(values[SumOf]))
        page.token = as_token(values[NextPage]) if values[NextPage] else None
        if values[Reaches] is not None:
            page.reaches = self._instant(declared_part(self._stream.envelope, self._paths[Reaches]), values[Reaches])
        return page

    def _instant(self, marker: Reaches, value: Any) -> datetime | None:
        if isinstance(value, datetime):
            return value
        try:
            seconds = marker.kind.seconds(value if isinstance(value, str) else Number(value), self._utc_offset)
            return datetime(1970, 1, 1, tzinfo=timezone.utc) + timedelta(microseconds=int(seconds.scaleb(6)))
        except (OddValue, OverflowError):
            return None

    def _records(self, rows: pa.Array, total: int | None) -> pa.StructArray:
        if self._one:
            return rows.filter(rows.is_valid())
        if rows.null_count:
            if total != 0:
                raise pa.ArrowInvalid("no rows")
            return pa.nulls(0, self._parser.record)
        return rows.flatten()


def _has_no_value(table: pa.Table) -> bool:
    """Return whether every cell is null, as in the record that a provider without figures writes as ``{}``."""
    return all(column.null_count == table.num_rows for column in table.columns)


def _may_be_record(row: bytes) -> bool:
    """Return whether a row is more than ``null``, ``{}``, ``[]``, a text or a number, as an empty or failed result is written."""
    return row[:1] in (b"{", b"[") and len(row) > 2


def _largest_row(body: bytes, rows: int, once_a_row: bytes) -> int:
    """Return about how many bytes the largest row has: the most between two places of a text that each row has once."""
    beginning = body[:_MEASURED]
    between = beginning.split(once_a_row)[1:-1]
    if 2 * (len(between) + 1) * len(body) < rows * len(beginning) or not between:
        return min(len(body), 4 * len(body) // max(rows, 1))
    return max(map(len, between)) + len(once_a_row)


def without_signatures(text: str) -> str:
    """Hide signatures and keys in a provider's text, which may echo the request."""
    named = re.sub(r"""\b(sign|hash|x|key)(["']?\s*[=:]\s*["']?)[^&\s"'<,}]+""", r"\1\2***", text, flags=re.IGNORECASE)
    return re.sub(r"[\w+/-]{32,}={0,2}", "***", named)
