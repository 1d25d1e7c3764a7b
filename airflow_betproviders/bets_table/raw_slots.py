"""Read the raw lake for a merge: its slots, their versions and their rows."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from airflow_betproviders.bets_table.mapping import InvalidRow, Origin, canonical
from airflow_betproviders.declare.bet_mapping import BetMapping
from airflow_betproviders.declare.interval import Interval
from airflow_betproviders.exceptions import InvalidArgument, UnmergeableSlot
from airflow_betproviders.extraction.decode import columns
from airflow_betproviders.extraction.decode.columns import EXTRACTED_AT
from airflow_betproviders.lake.discovery import lakes, providers_in
from airflow_betproviders.lake.footer_cache import stored_objects
from airflow_betproviders.lake.layout import Lake
from airflow_betproviders.lake.receipt import Receipt
from airflow_betproviders.registry import declared, mapping_of

log = logging.getLogger(__name__)

_ROWS = 12_500  # raw rows held at once


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
        """Return the folder that it lies in."""
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
            The slots, and the paths of objects that are named like slots but have no receipt that can be read.
        """
        found = {entry.interval: entry for interval in intervals for entry in stored_objects(self.lake, interval)}
        slots, unknown = [], []
        for interval in sorted(found):
            entry = found[interval]
            if entry.receipt is None:
                unknown.append(entry.path)
            else:
                slots.append(self._version(interval, entry.path, entry.receipt))
        return slots, unknown

    def _version(self, interval: Interval, path: str, receipt: Receipt) -> RawSlot:
        return RawSlot(self, interval, path, receipt.made_at, receipt.rows)

    def bets(self, slot: RawSlot) -> Iterator[tuple[RawSlot, pa.Table | None]]:
        """Yield the slot's bets in pieces, then None; each with the version that was really read.

        Raises:
            FileNotFoundError: a larger slot has replaced it.
            UnmergeableSlot: the object is damaged, or a row cannot become a bet.
        """
        begin = 0
        with tempfile.TemporaryDirectory(prefix="betproviders-") as folder:
            local = Path(folder) / "slot.parquet"
            self.lake.fs.get_file(slot.path, str(local))  # one read: the object may be replaced at any moment
            try:
                with pq.ParquetFile(local, page_checksum_verification=True) as file:
                    receipt = Receipt.from_footer(file.metadata.metadata)
                    version = slot if receipt is None else self._version(slot.interval, slot.path, receipt)
                    for batch in file.iter_batches(_ROWS, use_threads=False):
                        yield version, self._bets(version, pa.Table.from_batches([batch]), begin)
                        begin += batch.num_rows
            except (pa.ArrowException, OSError, ValueError) as error:
                raise UnmergeableSlot(f"{slot.path} cannot be read: {error}. Extract the slot again.") from error
            yield version, None

    def _bets(self, slot: RawSlot, raw: pa.Table, begin: int) -> pa.Table:
        origin = Origin(self.lake.account, self.label, slot.interval, slot.extracted_at)
        try:
            return canonical(self._aligned(raw), self.mapping, origin, self.settings)
        except InvalidRow as error:
            key = {name: raw[name][error.row].as_py() for name in declared(self.lake.provider, self.lake.stream).key}
            raise UnmergeableSlot(
                f"{slot.path}: row {begin + error.row} {key}: {error.reason}. Correct the mapping, or extract the slot again."
            ) from error

    def _aligned(self, table: pa.Table) -> pa.Table:
        """Return the rows with the stream's columns of today, whichever version of this package wrote them."""
        for field in columns.schema(declared(self.lake.provider, self.lake.stream).fields):
            if field.name not in table.column_names and field.name != EXTRACTED_AT:
                table = table.append_column(field, pa.nulls(table.num_rows, field.type))
        return table


def find(
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
        provider: only this one.
        account: only this one.
        stream: only this one; default all whose records are bets.
        filters: the filters that it was extracted with; default none.
        settings: what the connection's extra says.

    Raises:
        InvalidArgument: the provider or the stream has no bets.
    """
    found = []
    for name in [provider] if provider else providers_in(fs, root):
        try:
            mapping = mapping_of(name)
        except InvalidArgument as problem:
            if provider:
                raise
            log.warning("%s of %s is left out: %s", name, root, problem)
            continue
        if stream and stream not in mapping.streams:
            raise InvalidArgument(
                f"stream {stream!r} of {name} has no mapping to the bets table. It has: {', '.join(mapping.streams)}."
            )
        known = {column: settings[key] for column, key in mapping.settings.items() if settings and settings.get(key)}
        for each in [stream] if stream else mapping.streams:
            held = lakes(fs, root, provider=name, stream=each, account=account, filters=filters or {})
            found += [RawStream(lake, known) for lake in held]
    return found
