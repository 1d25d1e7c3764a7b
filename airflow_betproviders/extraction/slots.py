"""One slot, from its windows to a finished local file, and an interval's slots from there to the store."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timezone
from functools import partial
from typing import Any

import pyarrow as pa

from airflow_betproviders.extraction import windows
from airflow_betproviders.extraction.calls import Caller
from airflow_betproviders.extraction.decode import Decoder, Page
from airflow_betproviders.extraction.interval import Interval
from airflow_betproviders.extraction.lake import Lake, refuse_overlap
from airflow_betproviders.extraction.publish import publish, read_receipt
from airflow_betproviders.extraction.reader import AHEAD, Reader
from airflow_betproviders.extraction.receipt import Receipt
from airflow_betproviders.extraction.rows import BadRow
from airflow_betproviders.extraction.seams import Seams
from airflow_betproviders.extraction.spool import Spool
from airflow_betproviders.extraction.stream import Source, Stream

log = logging.getLogger(__name__)


@dataclass
class Slot:
    """A slot that was read whole: its rows in a local file, its receipt, and the rows that do not fit."""

    interval: Interval
    spool: Spool
    receipt: Receipt
    bad_rows: list[BadRow]


@dataclass
class Stored:
    """What an interval's slots came to in the store.

    Attributes:
        paths: the objects, without protocol, by slot.
        receipts: their receipts, in the same order.
    """

    paths: dict[Interval, str] = field(default_factory=dict)
    receipts: list[Receipt] = field(default_factory=list)

    def total(self, name: str) -> int:
        """A count of the receipts, summed over the slots."""
        return sum(getattr(receipt, name) for receipt in self.receipts)


class Extraction:
    """Reads slots of one stream of one account."""

    def __init__(
        self,
        source: Source,
        stream: Stream,
        filters: Mapping[str, Any] | None = None,
        *,
        check_time: Callable[[Interval], None] | None = None,
        stamp: Mapping[str, Any] | None = None,
    ) -> None:
        """Bind the account and the stream.

        Args:
            source: the account.
            stream: the stream.
            filters: the provider's own filters.
            check_time: called before a window is read; raises when the provider no longer keeps it.
            stamp: members of the receipts: run_id, try_number, version.
        """
        self._source = source
        self._stream = stream
        self._filters = dict(filters or {})
        self._check_time = check_time
        self._stamp = dict(stamp or {})
        self._decoder = Decoder(stream, source.utc_offset)

    @contextmanager
    def read(self, interval: Interval, *, extracted_at: datetime | None = None) -> Iterator[Slot]:
        """Read one slot whole, into a local file that is removed when the context ends.

        Raises:
            IncompleteWindow, ProviderError: nothing of the slot is given out then.
        """
        now = extracted_at or datetime.now(timezone.utc)
        caller = Caller(self._source, self._stream, self._decoder)
        receipt = self._receipt(interval, now)
        bad_rows: list[BadRow] = []
        totals: list[int | None] = []
        seams = Seams(self._source, self._stream)
        with _threads(caller) as pool, Spool(self._stream, now) as spool:
            reader = Reader(self._source, self._stream, self._filters, partial(self._call, caller), pool)
            for rows in reader.read(self._windows(interval)):
                receipt.windows += 1
                receipt.duplicates += rows.duplicates
                receipt.slow_pages += rows.slow_pages
                totals.append(rows.total)
                bad_rows += rows.bad
                seams.place(rows)
                spool.add(rows.table, rows.hashes)
            if rest := seams.rest():
                spool.add(rest.table, rest.hashes)
            receipt.total = None if None in totals else sum(total or 0 for total in totals)
            receipt.calls, receipt.bytes, receipt.reread = caller.calls, caller.bytes, reader.rereads
            receipt.bad_rows, receipt.outside = len(bad_rows), seams.outside
            spool.close(receipt)
            yield Slot(interval, spool, receipt, bad_rows)

    def store(self, slots: Sequence[Interval], lake: Lake) -> Stored:
        """Read and publish slots one after the other, telling in the log how far it is.

        Raises:
            OverlappingSlot: before the first call, when a slot would cut across a stored object.
        """
        # Arrow's default allocator keeps what it has freed; a worker has better use for that memory.
        pa.set_memory_pool(pa.system_memory_pool())
        stored = Stored()
        held = lake.stored(Interval(slots[0].start, slots[-1].end))
        refuse_overlap(slots, held)
        began = time.monotonic()
        for number, interval in enumerate(slots, 1):
            path = lake.data(interval)
            previous = _previous_rows(lake, interval, held)
            with self._read_after(interval, previous) as slot:
                if slot.receipt.shrunken:
                    log.warning(
                        "slot %s shrank from %s to %d rows: the provider no longer reports %d of them",
                        interval,
                        slot.receipt.previous_rows,
                        slot.receipt.rows,
                        (slot.receipt.previous_rows or 0) - slot.receipt.rows,
                    )
                path = publish(lake, interval, slot.spool.path, slot.bad_rows)
                stored.paths[interval] = path
                stored.receipts.append(slot.receipt)
                _tell(number, len(slots), slot, stored, time.monotonic() - began)
        return stored

    @contextmanager
    def _read_after(self, interval: Interval, previous_rows: int | None) -> Iterator[Slot]:
        self._stamp["previous_rows"] = previous_rows
        with self.read(interval) as slot:
            yield slot

    def _call(self, caller: Caller[Page], window: Interval | None, params: Mapping[str, Any]) -> Page:
        if window is not None and self._check_time is not None:
            self._check_time(window)
        return caller(window, params)

    def _receipt(self, interval: Interval, now: datetime) -> Receipt:
        return Receipt(
            provider=self._stream.provider,
            stream=self._stream.name,
            account=self._source.account,
            filters=self._filters,
            start=interval.start.isoformat(),
            end=interval.end.isoformat(),
            extracted_at=now.isoformat(timespec="milliseconds"),
            **self._stamp,
        )

    def _windows(self, interval: Interval) -> tuple[Interval | None, ...]:
        return windows.cut(interval, self._stream.windows) if self._stream.windows else (None,)


def _previous_rows(lake: Lake, slot: Interval, held: Mapping[Interval, str]) -> int | None:
    """The rows of the objects that the slot will replace, smaller ones inside it included."""
    receipts = [read_receipt(lake.fs, path) for other, path in held.items() if slot.contains(other)]
    rows = [receipt.rows for receipt in receipts if receipt]
    return sum(rows) if rows else None


@contextmanager
def _threads(caller: Caller[Page]) -> Iterator[ThreadPoolExecutor]:
    """Threads that ask ahead; when the read ends early they are not waited for, and ask no more."""
    pool = ThreadPoolExecutor(AHEAD, thread_name_prefix="betproviders")
    try:
        yield pool
    finally:
        caller.abandon()
        pool.shutdown(wait=False, cancel_futures=True)


def _tell(number: int, of: int, slot: Slot, stored: Stored, seconds: float) -> None:
    rows = stored.total("rows")
    log.info(
        "slot %d/%d %s: %d rows, %d calls; %d rows in all, %.0f rows/s, %s left",
        number,
        of,
        slot.interval,
        slot.receipt.rows,
        slot.receipt.calls,
        rows,
        rows / seconds if seconds else 0,
        f"{seconds / number * (of - number):.0f} s",
    )
