"""Extract the slots of an interval: read each into a local file, and publish it while the next is read."""

from __future__ import annotations

import logging
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from copy import copy
from datetime import datetime, timezone
from functools import partial
from typing import Any

import pyarrow as pa

from airflow_betproviders.declare import windows
from airflow_betproviders.declare.interval import DAY, Interval
from airflow_betproviders.declare.stream import Stream
from airflow_betproviders.extraction.answers.window_rows import WindowRows
from airflow_betproviders.extraction.archive import Archive
from airflow_betproviders.extraction.decode.decoder import Decoder, Page
from airflow_betproviders.extraction.earlier_runs import EarlierRuns
from airflow_betproviders.extraction.fetch.calls import Caller
from airflow_betproviders.extraction.fetch.completeness.slot_changed import SlotChanged
from airflow_betproviders.extraction.fetch.completeness.window_boundaries import WindowBoundaries
from airflow_betproviders.extraction.fetch.rate_limiter import CONNECTIONS
from airflow_betproviders.extraction.fetch.reader import WindowReader
from airflow_betproviders.extraction.fetch.slot_windows import SlotWindows
from airflow_betproviders.extraction.fetch.source import AnswerPermit, Source
from airflow_betproviders.extraction.privacy import PiiPolicy, refuse_plain_values
from airflow_betproviders.extraction.publishing import Stored, publish_slots
from airflow_betproviders.extraction.replaced_slots import replaced_receipts
from airflow_betproviders.extraction.slot_builder import Slot, SlotBuilder
from airflow_betproviders.extraction.slot_call_stats import CallStats, SlotCallStats
from airflow_betproviders.extraction.write.writer_thread import WriterThread
from airflow_betproviders.lake.layout import Lake, refuse_overlap
from airflow_betproviders.lake.receipt import Receipt

__all__ = ["Extraction", "Stored"]

log = logging.getLogger(__name__)

# One call more than connections, so that no connection is idle while an answer is decoded.
_CALLS = CONNECTIONS + 1


class Extraction:
    """Extract slots of one stream of one account."""

    def __init__(
        self,
        source: Source,
        stream: Stream,
        filters: Mapping[str, Any] | None = None,
        *,
        check_time: Callable[[Interval], None] | None = None,
        run_metadata: Mapping[str, Any] | None = None,
        archive: bool = False,
        pii_policy: PiiPolicy | None = None,
    ) -> None:
        """Bind the account and the stream.

        Args:
            source: the account.
            stream: the stream.
            filters: the provider's own filters.
            check_time: called before a window is requested; raises if the provider no longer has it.
            run_metadata: members of the receipts: dag_id, task_id, run_id, try_number, version.
            archive: whether `store` archives the raw replies of each slot.
            pii_policy: which columns that identify a player are dropped or hashed; None for none.
        """
        self._source = source
        self._stream = stream
        self._filters = dict(filters or {})
        self._check_time = check_time
        self._run_metadata = dict(run_metadata or {})
        self._archives = archive
        self._pii_policy = pii_policy
        if pii_policy is not None:
            source.quotes = False  # a quoted answer may name a player
        self._writer_thread = WriterThread()

    @contextmanager
    def read(self, interval: Interval, *, extracted_at: datetime | None = None) -> Iterator[Slot]:
        """Read one complete slot into a local file that is removed when the context ends.

        Args:
            interval: the slot.
            extracted_at: the time of extraction that rows and receipt get; default the time of the first call.

        Raises:
            IncompleteWindow, ProviderError: the slot is not complete; none of its rows is returned.
        """
        with closing(self._slots([interval], extracted_at=extracted_at)) as slots:
            slot = next(slots)
        with slot.writer:
            slot.finish()
            yield slot

    def _slots(
        self,
        slots: Sequence[Interval],
        lake: Lake | None = None,
        *,
        extracted_at: datetime | None = None,
        replaced: Mapping[Interval, Sequence[Receipt | None]] | None = None,
        earlier: EarlierRuns | None = None,
    ) -> Generator[Slot, None, None]:
        """Yield the slots in order. The calls of later slots are made meanwhile.

        Args:
            slots: in order of time.
            lake: where the replies of a slot that fails are stored, if replies are archived; None to archive nothing.
            extracted_at: the time of extraction that rows and receipts get; default the time of each slot's first call.
            replaced: receipts of the objects that each slot will replace.
            earlier: what earlier runs learned about the stream.
        """
        decode = Decoder(self._stream, self._source.utc_offset, quotes=self._pii_policy is None)
        caller = Caller(self._source, self._stream, decode)
        begin_archive = partial(Archive, self._source.utc_offset) if self._archives and lake else None
        replaced, earlier = replaced or {}, earlier or EarlierRuns()
        with SlotCallStats(slots, begin_archive) as stats, _threads(caller) as pool:
            caller.keep = stats.note
            call = partial(self._call, caller, stats)
            reader = WindowReader(
                self._source,
                self._stream,
                self._filters,
                call,
                pool,
                earlier.proven,
                earlier.asked_for_less,
                grow=earlier.new_day,
            )
            # Without retries a user waits for a few rows, so a row on a boundary is not worth another call.
            read_edge = reader.read_edge if self._source.retries else None
            boundaries = WindowBoundaries(
                self._source,
                self._stream,
                read_edge,
                carry=begin_archive is None,
                starts_held_at=earlier.starts_held_at,
                after_stored=earlier.after_stored,
            )
            with closing(reader.read(map(self._windows, slots))) as read:
                for interval, windows in zip(slots, read, strict=False):
                    before, rereads = replaced.get(interval), reader.rereads
                    call_stats = stats.of(interval)
                    receipt = self._receipt(interval, extracted_at or stats.begin(interval), before)
                    try:
                        slot = self._complete(interval, windows, receipt, call_stats, boundaries)
                    except Exception:
                        if call_stats.archive and lake:
                            call_stats.archive.store_failed(interval, lake, self._receipt(interval))
                        raise
                    receipt = slot.receipt
                    receipt.calls, receipt.retries = call_stats.calls, call_stats.retries
                    receipt.bytes = call_stats.bytes
                    receipt.reread = reader.rereads - rereads
                    receipt.proven_rows, receipt.proven_bytes = reader.sizes.proven, reader.sizes.proven_bytes
                    receipt.asked_for_less = reader.asked_for_less
                    held_at = boundaries.starts_held_at
                    receipt.starts_held_at = held_at.isoformat() if held_at else None
                    slot.archive = stats.hand_over(interval)
                    yield slot

    def _complete(
        self,
        interval: Interval,
        windows: SlotWindows,
        receipt: Receipt,
        call_stats: CallStats,
        boundaries: WindowBoundaries,
    ) -> Slot:
        """Build a slot from its windows; read them again if their rows contradict each other."""
        while True:
            try:
                return self._build(interval, windows.rows(), copy(receipt), boundaries, call_stats)
            except SlotChanged as changed:
                windows.begin_again(changed)
                log.warning("stream %s, slot %s: %s; reading it again", self._stream.name, interval, changed)
                if call_stats.archive:
                    call_stats.archive.clear_windows()

    def _build(
        self,
        interval: Interval,
        rows: Iterable[WindowRows],
        receipt: Receipt,
        boundaries: WindowBoundaries,
        call_stats: CallStats | None = None,
    ) -> Slot:
        """Write the windows of a slot, in order, to a local file. `Slot.finish` completes it."""
        with SlotBuilder(
            self._source,
            self._stream,
            interval,
            receipt,
            boundaries=boundaries,
            writer_thread=self._writer_thread,
            pii_policy=self._pii_policy,
        ) as slot:
            for one in rows:
                if call_stats and call_stats.archive:
                    call_stats.archive.add_window(one)
                slot.add(one)
            on_start = slot.add_start()
            if on_start is not None and call_stats and call_stats.archive:
                call_stats.archive.add_window(on_start)
            return slot.build()

    def store(self, slots: Sequence[Interval], lake: Lake, stored: Stored | None = None) -> Stored:
        """Read slots in order, and publish each while the next is read.

        Args:
            slots: the slots, in order.
            lake: where they are published.
            stored: receives the stored slots; after an error it has those that were stored before.

        Raises:
            OverlappingSlot: a slot overlaps a stored object without containing it; raised before the first call.
            InvalidArgument: a stored slot drops or hashes columns that this run would store in plain; raised before the
                first call.
        """
        # Arrow's default allocator keeps freed memory; the system's returns it, so that other tasks of the worker can use it.
        pa.set_memory_pool(pa.system_memory_pool())
        stored = Stored() if stored is None else stored
        stored_paths = lake.stored(Interval(slots[0].start - slots[0].width, slots[-1].end))
        refuse_overlap(slots, stored_paths)
        replaced = replaced_receipts(lake, slots, stored_paths)
        for receipts in replaced.values():
            for other, receipt in receipts.items():
                self.check_pii(other, receipt)
        stored_before = [receipt for receipts in replaced.values() for receipt in receipts.values() if receipt]
        earlier = EarlierRuns.read(lake, slots[0], stored_paths, stored_before)
        before = {slot: list(receipts.values()) for slot, receipts in replaced.items()}
        previous = {slot: receipts.get(slot) for slot, receipts in replaced.items()}
        publish_slots(self._slots(slots, lake, replaced=before, earlier=earlier), slots, lake, stored, previous)
        return stored

    def check_pii(self, slot: Interval, receipt: Receipt | None) -> None:
        """Refuse to replace a slot that drops or hashes columns by one with their plain values.

        Raises:
            InvalidArgument: names the slot and the cure.
        """
        if receipt:
            refuse_plain_values(slot, receipt.pii, self._pii_policy)

    def _call(
        self,
        caller: Caller[Page],
        stats: SlotCallStats,
        window: Interval | None,
        params: Mapping[str, Any],
        permit: AnswerPermit,
    ) -> Page:
        stats.begin(window)
        if window is not None and self._check_time is not None and not stats.precedes(window):
            self._check_time(window)
        return caller(window, params, permit, stats.calls_before(window))

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
            previous_rows=sum(receipt.rows if receipt else 0 for receipt in replaced) if replaced else None,
            **self._run_metadata,
        )

    def _windows(self, interval: Interval) -> tuple[Interval | None, ...]:
        return windows.split_slot(interval, self._stream.windows) if self._stream.windows else (None,)


@contextmanager
def _threads(caller: Caller[Page]) -> Iterator[ThreadPoolExecutor]:
    """Yield the threads that make calls. At the end, no further call is made, and running ones are not waited for."""
    pool = ThreadPoolExecutor(_CALLS, thread_name_prefix="betproviders")
    try:
        yield pool
    finally:
        caller.abandon()
        pool.shutdown(wait=False, cancel_futures=True)
