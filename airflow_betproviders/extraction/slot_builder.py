"""Combine the windows of one slot: a local file, a receipt, and the rejected rows."""

from __future__ import annotations

import logging
from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from types import TracebackType

from airflow_betproviders.declare.interval import Interval
from airflow_betproviders.declare.stream import Stream
from airflow_betproviders.extraction.answers.window_rows import WindowRows
from airflow_betproviders.extraction.archive import ArchiveWriter
from airflow_betproviders.extraction.decode.coerce import OddCounts
from airflow_betproviders.extraction.fetch.completeness.window_boundaries import WindowBoundaries
from airflow_betproviders.extraction.fetch.source import Source
from airflow_betproviders.extraction.privacy import PiiPolicy
from airflow_betproviders.extraction.write.slot_writer import SlotWriter
from airflow_betproviders.extraction.write.writer_thread import WriterThread
from airflow_betproviders.lake.quarantine import RejectedRow
from airflow_betproviders.lake.receipt import Receipt

log = logging.getLogger(__name__)


@dataclass
class Slot:
    """A slot that was read completely.

    Attributes:
        interval: the slot.
        writer: the local file with its rows.
        receipt: its receipt.
        bad_rows: the rows for quarantine.
        archive: its replies; None if they are not archived.
        previous: the receipt of the object of the same slot that this one will replace.
    """

    interval: Interval
    writer: SlotWriter
    receipt: Receipt
    bad_rows: list[RejectedRow]
    archive: ArchiveWriter | None = None
    previous: Receipt | None = None

    def finish(self) -> None:
        """Complete the local files, and the receipt that both end with."""
        self.writer.close(self.receipt, self.previous)
        if self.archive:
            self.archive.close(self.receipt)


class SlotBuilder:
    """Collect the windows of a slot, in order. A context manager that removes the local file unless `build` returned it."""

    def __init__(
        self,
        source: Source,
        stream: Stream,
        interval: Interval,
        receipt: Receipt,
        *,
        boundaries: WindowBoundaries,
        writer_thread: WriterThread,
        pii_policy: PiiPolicy | None,
    ) -> None:
        """Create an empty slot.

        Args:
            source: the account.
            stream: the stream.
            interval: the slot.
            receipt: the slot's receipt, which gets its counts and sums.
            boundaries: the rows on window boundaries, kept over the slots of the run.
            writer_thread: the thread that writes the local files.
            pii_policy: which columns that identify a player are dropped or hashed; None for none.
        """
        self._interval = interval
        self._receipt = receipt
        self._pii_policy = pii_policy
        self._boundaries = boundaries
        boundaries.begin(interval)
        self._writer = SlotWriter(stream, datetime.fromisoformat(receipt.extracted_at), writer_thread)
        self._bad_rows: list[RejectedRow] = []
        self._totals: list[int | None] = []
        self._proof: Counter[str] = Counter()
        self._counts = OddCounts()
        self._label = f"{source.label}, stream {stream.name}, slot {interval}"
        self._handed_over = False

    def add(self, rows: WindowRows) -> None:
        """Add the rows of the next window."""
        if self._pii_policy:
            self._pii_policy(rows)
        receipt = self._receipt
        receipt.windows += 1
        receipt.duplicates += rows.duplicates
        receipt.slow_pages += rows.slow_pages
        self._totals.append(rows.total)
        self._counts.add(rows.counts)
        self._proof[rows.proof] += 1
        self._boundaries.place(rows)
        self._bad_rows += rows.rejected
        self._writer.add(*rows.move_out())

    def add_start(self) -> WindowRows | None:
        """Add rows on the slot's start that no window brought, and return them."""
        rows = self._boundaries.read_start()
        if rows is not None:
            if self._pii_policy:
                self._pii_policy(rows)
            known = {row.raw for row in self._bad_rows}
            self._bad_rows += [row for row in rows.rejected if row.raw not in known]
            self._writer.add(rows.table, rows.hashes)
        return rows

    def build(self) -> Slot:
        """Return the slot. `Slot.finish` completes its local file."""
        self._writer.flush()  # before the next slot is read: otherwise memory would hold one more row group
        receipt = self._receipt
        receipt.total = None if None in self._totals else sum(total or 0 for total in self._totals)
        receipt.bad_rows, receipt.outside = len(self._bad_rows), self._boundaries.outside
        receipt.proof = dict(self._proof)
        receipt.odd_values, receipt.rounded = dict(self._counts.odd_values), dict(self._counts.rounded)
        for column, count in receipt.odd_values.items():
            log.warning(
                "%s: %d values of %s do not fit the column. They are null there, and _extra has them.",
                *(self._label, count, column),
            )
        self._handed_over = True
        return Slot(self._interval, self._writer, receipt, self._bad_rows)

    def __enter__(self) -> SlotBuilder:
        """Use as a context manager."""
        self._writer.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Remove the local file of a slot that was not completed."""
        if not self._handed_over:
            self._writer.__exit__(kind, error, trace)
