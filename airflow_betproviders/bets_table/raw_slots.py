"""Read the raw lake for a merge: its slots, their versions and their rows."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from airflow_betproviders.bets_table.mapping import InvalidRow, Origin, map_to_bets, refuse_null
from airflow_betproviders.declare.bet_mapping import BetMapping
from airflow_betproviders.declare.interval import Interval
from airflow_betproviders.declare.stream import Stream
from airflow_betproviders.exceptions import InvalidArgument, UnmergeableSlot
from airflow_betproviders.extraction.decode import columns
from airflow_betproviders.extraction.decode.coerce import required
from airflow_betproviders.extraction.decode.columns import EXTRACTED_AT
from airflow_betproviders.lake.discovery import find_lakes, providers_in
from airflow_betproviders.lake.layout import Lake
from airflow_betproviders.lake.receipt import Receipt
from airflow_betproviders.lake.store.local_copy import local_copy
from airflow_betproviders.lake.survey.stored_objects import StoredObject, list_stored_objects
from airflow_betproviders.registry import declared, mapping_of

log = logging.getLogger(__name__)

_ROWS, _SIZE = 12_500, 16 * 1024 * 1024  # raw rows held at once, and their bytes


@dataclass(frozen=True, eq=False)
class RawSlot:
    """One stored slot in its present version.

    Attributes:
        source: the stream that it belongs to.
        interval: its start and end.
        path: its object.
        extracted_at: when it was extracted, or rebuilt from its archive since. Versions of a slot differ in it.
        rows: how many it holds.
    """

    source: RawStream
    interval: Interval
    path: str
    extracted_at: datetime
    rows: int

    @property
    def day(self) -> date:
        """Return the date of its folder."""
        return self.interval.start.date()


@dataclass(frozen=True, eq=False)
class RawStream:
    """One bet stream of one account in a raw lake.

    Attributes:
        lake: where it lies.
        settings: columns of the bets table that the connection fills.
    """

    lake: Lake
    settings: Mapping[str, str]

    @property
    def mapping(self) -> BetMapping:
        """Return the mapping of its records to bets."""
        return mapping_of(self.lake.provider)

    @property
    def label(self) -> str:
        """Return the stream's name, and its filters: ``history/game_ids=2011``."""
        return "/".join([self.lake.stream, *self.lake.filter_texts])

    def slots(self, intervals: Sequence[Interval]) -> tuple[list[RawSlot], list[str]]:
        """Return the stored slots that overlap any of the intervals, in order of time.

        Returns:
            The slots, and a message for each object that is named like a slot but contradicts its receipt.
        """
        entries = {
            entry.interval: entry for interval in intervals for entry in list_stored_objects(self.lake, interval)
        }
        slots, damaged = [], []
        for _, entry in sorted(entries.items()):
            try:
                slots.append(self._version(entry))
            except UnmergeableSlot as error:
                damaged.append(str(error))
        return slots, damaged

    def _version(self, entry: StoredObject) -> RawSlot:
        damage = entry.damage(self.lake)
        if entry.receipt is None or damage:
            raise UnmergeableSlot(f"{entry.path} {damage}. Extract the slot again, or remove the object.")
        return RawSlot(self, entry.interval, entry.path, entry.receipt.made_at, entry.receipt.rows)

    def bets(self, slot: RawSlot) -> Iterator[tuple[RawSlot, pa.Table | None]]:
        """Yield the slot's bets in batches, then None; each with the version that was read, which may be newer than ``slot``.

        Raises:
            FileNotFoundError: a larger slot has replaced it.
            StoreError: the store refuses it, or cannot be reached.
            UnmergeableSlot: the object is damaged or contradicts its receipt, or a row cannot become a bet.
        """
        begin = 0
        with local_copy(self.lake.fs, slot.path) as local:
            try:
                # Not pre_buffer: a reader of batches would keep all that it has read.
                with pq.ParquetFile(local, page_checksum_verification=True, pre_buffer=False) as file:
                    rows, receipt = file.metadata.num_rows, Receipt.from_footer(file.metadata.metadata)
                    version = self._version(StoredObject(slot.interval, slot.path, rows, receipt))
                    for batch in file.iter_batches(_rows_at_once(file.metadata), use_threads=False):
                        yield version, self._bets(version, pa.Table.from_batches([batch]), begin)
                        begin += batch.num_rows
            except (pa.ArrowException, OSError, ValueError) as error:
                raise UnmergeableSlot(f"{slot.path} cannot be read: {error}. Extract the slot again.") from error
            yield version, None

    def _bets(self, slot: RawSlot, raw: pa.Table, begin: int) -> pa.Table:
        origin = Origin(self.lake.account, self.label, slot.interval, slot.extracted_at)
        stream = declared(self.lake.provider, self.lake.stream)
        raw = _aligned(raw, stream)
        try:
            for name in required(stream):
                refuse_null(name, raw[name])
            return map_to_bets(raw, self.mapping, origin, self.settings)
        except InvalidRow as error:
            key = {name: raw[name][error.row].as_py() for name in stream.key}
            raise UnmergeableSlot(
                f"{slot.path}: row {begin + error.row} {key}: {error.reason}. Correct the mapping, or extract the slot again."
            ) from error


def _rows_at_once(footer: pq.FileMetaData) -> int:
    """Return how many rows to read at once: fewer of wide ones."""
    size = sum(int(footer.row_group(group).total_byte_size) for group in range(footer.num_row_groups))
    return max(1, min(_ROWS, _SIZE * int(footer.num_rows) // max(1, size)))


def _aligned(table: pa.Table, stream: Stream) -> pa.Table:
    """Return the rows with null columns for fields that the stream did not have when an older release wrote them."""
    stored = {EXTRACTED_AT, *table.column_names}
    for field in columns.schema(stream.fields):
        if field.name not in stored:
            table = table.append_column(field, pa.nulls(table.num_rows, field.type))
    return table


def find_raw_streams(
    fs: Any,
    root: str,
    *,
    provider: str | None,
    account: str | None = None,
    stream: str | None = None,
    filters: Mapping[str, Any] | None = None,
    settings: Mapping[str, str] | None = None,
) -> list[RawStream]:
    """Return the bet streams that a raw lake holds.

    Args:
        fs: an fsspec file system.
        root: the raw lake's folder in it.
        provider: the connection type; None for all.
        account: the account's login; default all.
        stream: the name of a stream; default all whose records are bets.
        filters: the filters that the stream was extracted with; default none.
        settings: the connection's extra, which fills columns such as the currency.

    Raises:
        InvalidArgument: the provider has no bets, or no provider has the stream, or no stream takes the filters.
    """
    streams: list[RawStream] = []
    problems: list[InvalidArgument] = []
    for name in [provider] if provider else providers_in(fs, root):
        try:
            mapping = mapping_of(name)
        except InvalidArgument as problem:
            if provider:
                raise
            log.warning("%s of %s is left out: %s", name, root, problem)
            continue
        if stream and stream not in mapping.streams:  # another provider may have it
            problems.append(
                InvalidArgument(
                    f"stream {stream!r} of {name} has no mapping to the bets table. It has: {', '.join(mapping.streams)}."
                )
            )
            continue
        known = {column: settings[key] for column, key in mapping.settings.items() if settings and settings.get(key)}
        for stream_name in [stream] if stream else mapping.streams:
            try:
                chosen = declared(name, stream_name).check_filters(filters) if filters else {}
            except InvalidArgument as problem:
                problems.append(problem)  # another stream may have these filters
                continue
            stream_lakes = find_lakes(fs, root, provider=name, stream=stream_name, account=account, filters=chosen)
            streams += [RawStream(lake, known) for lake in stream_lakes]
    if problems and not streams:
        raise problems[0]
    return streams
