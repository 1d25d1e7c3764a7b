"""Publish the slots of an interval, each while the next is built, from a provider's answers or from archives."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

import pyarrow as pa

from airflow_betproviders.declare.interval import DAY, Interval
from airflow_betproviders.declare.stream import Stream
from airflow_betproviders.extraction.answers.window_rows import WindowRows
from airflow_betproviders.extraction.earlier_runs import EarlierRuns
from airflow_betproviders.extraction.fetch.completeness.window_boundaries import WindowBoundaries
from airflow_betproviders.extraction.fetch.source import Source
from airflow_betproviders.extraction.privacy import PiiPolicy, refuse_other_pii
from airflow_betproviders.extraction.publishing import Stored, publish_slots
from airflow_betproviders.extraction.replaced_slots import replaced_receipts
from airflow_betproviders.extraction.slot_builder import Slot, SlotBuilder
from airflow_betproviders.extraction.slot_call_stats import CallStats
from airflow_betproviders.extraction.write.writer_thread import WriterThread
from airflow_betproviders.lake.layout import Lake, refuse_overlap
from airflow_betproviders.lake.receipt import Receipt


@dataclass(frozen=True)
class StoredBefore:
    """Describe what the lake has of a run's slots before the run.

    Attributes:
        replaced: for each slot, the receipts of the objects that it will replace, by their own slot; None for an object
            without a readable receipt.
        earlier: what earlier runs learned about the stream.
    """

    replaced: Mapping[Interval, Mapping[Interval, Receipt | None]]
    earlier: EarlierRuns


class SlotPipeline(ABC):
    """Build and publish slots of one stream of one account: `Extraction` from calls, `Replay` from archives."""

    def __init__(
        self,
        source: Source,
        stream: Stream,
        filters: Mapping[str, Any] | None = None,
        *,
        run_metadata: Mapping[str, Any] | None = None,
        pii_policy: PiiPolicy | None = None,
    ) -> None:
        """Bind the account and the stream.

        Args:
            source: the account.
            stream: the stream.
            filters: the provider's own filters.
            run_metadata: members of the receipts: dag_id, task_id, run_id, try_number, version.
            pii_policy: which columns that identify a player are dropped or hashed; None for none.
        """
        self._source = source
        self._stream = stream
        self._filters = dict(filters or {})
        self._run_metadata = dict(run_metadata or {})
        self._pii_policy = pii_policy
        if pii_policy is not None:
            source.quotes = False  # a quoted answer may name a player
        self._writer_thread = WriterThread()

    @abstractmethod
    def _slots(
        self,
        slots: Sequence[Interval],
        lake: Lake | None = None,
        *,
        extracted_at: datetime | None = None,
        replaced: Mapping[Interval, Sequence[Receipt | None]] | None = None,
        earlier: EarlierRuns | None = None,
    ) -> Generator[Slot, None, None]:
        """Yield the slots in order.

        Args:
            slots: in order of time.
            lake: where the replies of a slot that fails are stored, if replies are archived; None to archive nothing.
            extracted_at: the time of extraction that rows and receipts get; default the time of each slot's first call.
            replaced: receipts of the objects that each slot will replace.
            earlier: what earlier runs learned about the stream.
        """

    @contextmanager
    def read(self, interval: Interval, *, extracted_at: datetime | None = None) -> Iterator[Slot]:
        """Read one complete slot into a local file that is removed when the context ends.

        Args:
            interval: the slot.
            extracted_at: the time of extraction that rows and receipt get; default the time of the first call.

        Raises:
            BetProviderError: the slot is not complete; none of its rows is returned.
        """
        with closing(self._slots([interval], extracted_at=extracted_at)) as slots:
            slot = next(slots)
        with slot.writer:
            slot.finish()
            yield slot

    def store(self, slots: Sequence[Interval], lake: Lake, stored: Stored | None = None) -> Stored:
        """Read slots in order, and publish each while the next is read.

        Args:
            slots: the slots, in order.
            lake: where they are published.
            stored: receives the stored slots; after an error it has those that were stored before.

        Raises:
            OverlappingSlot: a slot overlaps a stored object without containing it; raised before the first call.
            InvalidArgument: a stored slot drops or hashes columns that this run would store in plain, or with another key;
                raised before the first call.
        """
        stored = Stored() if stored is None else stored
        self._publish(slots, lake, self._stored_before(slots, lake), stored)
        return stored

    def _stored_before(self, slots: Sequence[Interval], lake: Lake) -> StoredBefore:
        """Return what the lake has of the slots; raise as `store` does before the first call."""
        stored_paths = lake.stored(Interval(slots[0].start - slots[0].width, slots[-1].end))
        refuse_overlap(slots, stored_paths)
        replaced = replaced_receipts(lake, slots, stored_paths)
        for receipts in replaced.values():
            for other, receipt in receipts.items():
                self.check_pii(other, receipt)
        readable = [receipt for receipts in replaced.values() for receipt in receipts.values() if receipt]
        return StoredBefore(replaced, EarlierRuns.read(lake, slots[0], stored_paths, readable))

    def _publish(self, slots: Sequence[Interval], lake: Lake, before: StoredBefore, stored: Stored) -> None:
        """Read slots in order, publish each while the next is read, and add it to ``stored``."""
        # Arrow's default allocator keeps freed memory; the system's returns it, so that other tasks of the worker can use it.
        pa.set_memory_pool(pa.system_memory_pool())
        replaced = {slot: list(receipts.values()) for slot, receipts in before.replaced.items()}
        previous = {slot: receipts.get(slot) for slot, receipts in before.replaced.items()}
        publish_slots(
            self._slots(slots, lake, replaced=replaced, earlier=before.earlier), slots, lake, stored, previous
        )

    def check_pii(self, slot: Interval, receipt: Receipt | None) -> None:
        """Refuse to replace a slot that drops or hashes columns by one with their plain values, or with hashes of another key.

        Raises:
            InvalidArgument: names the slot and the cure.
        """
        if receipt:
            refuse_other_pii(slot, receipt.pii, receipt.pii_key, self._pii_policy)

    def _build(
        self,
        interval: Interval,
        rows: Iterable[WindowRows],
        receipt: Receipt,
        boundaries: WindowBoundaries,
        call_stats: CallStats | None = None,
    ) -> Slot:
        """Write the windows of a slot, in order, to a local file. `Slot.finish` completes it.

        With ``call_stats``, the windows are noted in its archive too, which exists once the slot has a reply.
        """
        with SlotBuilder(
            self._source,
            self._stream,
            interval,
            receipt,
            boundaries=boundaries,
            writer_thread=self._writer_thread,
            pii_policy=self._pii_policy,
        ) as slot:
            for window_rows in rows:
                if call_stats and call_stats.archive:
                    call_stats.archive.add_window(window_rows)
                slot.add(window_rows)
            on_start = slot.add_start()
            if on_start is not None and call_stats and call_stats.archive:
                call_stats.archive.add_window(on_start)
            return slot.build()

    def _receipt(
        self,
        interval: Interval,
        extracted_at: datetime | None = None,
        replaced: Sequence[Receipt | None] | None = None,
    ) -> Receipt:
        stream = self._stream
        return Receipt(
            provider=stream.provider,
            stream=stream.name,
            account=self._source.account,
            filters=self._filters,
            start=interval.start.isoformat(),
            end=interval.end.isoformat(),
            extracted_at=(extracted_at or datetime.now(timezone.utc)).isoformat(timespec="milliseconds"),
            retention_days=stream.retention / DAY if stream.retention and stream.retention_from_connection else None,
            pii=self._pii_policy.rules if self._pii_policy else {},
            pii_key=self._pii_policy.key_fingerprint if self._pii_policy else "",
            previous_rows=sum(receipt.rows if receipt else 0 for receipt in replaced) if replaced else None,
            **self._run_metadata,
        )
