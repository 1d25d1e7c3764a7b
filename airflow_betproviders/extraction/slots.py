"""Extract the slots of an interval: read each into a local file, and store it while the next is read."""

from __future__ import annotations

import logging
import time
from bisect import bisect_right
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from dataclasses import replace
from datetime import datetime, timezone
from functools import partial
from typing import Any

import pyarrow as pa

from airflow_betproviders.declare import windows
from airflow_betproviders.declare.interval import DAY, Interval
from airflow_betproviders.declare.stream import Stream
from airflow_betproviders.exceptions import InvalidArgument
from airflow_betproviders.extraction.archive import Archive
from airflow_betproviders.extraction.decode.decoder import Decoder, Page
from airflow_betproviders.extraction.earlier_runs import EarlierRuns
from airflow_betproviders.extraction.fetch.calls import Caller
from airflow_betproviders.extraction.fetch.completeness.window_boundaries import WindowBoundaries
from airflow_betproviders.extraction.fetch.completeness.window_rows import WindowRows
from airflow_betproviders.extraction.fetch.rate_limiter import CONNECTIONS
from airflow_betproviders.extraction.fetch.reader import SlotChanged, SlotWindows, WindowReader
from airflow_betproviders.extraction.fetch.source import AnswerPermit, Source
from airflow_betproviders.extraction.privacy import PiiPolicy
from airflow_betproviders.extraction.publishing import Stored, publish_slot, report_slot
from airflow_betproviders.extraction.slot_builder import Slot, SlotBuilder
from airflow_betproviders.extraction.slot_call_stats import CallStats, SlotCallStats
from airflow_betproviders.extraction.write.writer_thread import WriterThread
from airflow_betproviders.lake.layout import Lake, refuse_overlap
from airflow_betproviders.lake.publish import read_receipt
from airflow_betproviders.lake.receipt import Receipt
from airflow_betproviders.lake.store.atomic_put import put

__all__ = ["Extraction", "Stored"]

log = logging.getLogger(__name__)

# Calls on their way: one more than connections, which so are not idle while an answer is decoded.
_CALLS = CONNECTIONS + 1
# Receipts of stored objects that are read at once.
_LOOKS = 8


class Extraction:
    """Reads slots of one stream of one account."""

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
            check_time: called before a window is read; raises when the provider no longer keeps it.
            run_metadata: members of the receipts: dag_id, task_id, run_id, try_number, version.
            archive: whether `store` keeps the raw replies of each slot.
            pii_policy: what is done to columns that say who a player is.
        """
        self._source = source
        self._stream = stream
        self._filters = dict(filters or {})
        self._check_time = check_time
        self._run_metadata = dict(run_metadata or {})
        self._archives = archive
        self._pii_policy = pii_policy
        if pii_policy is not None:
            source.quotes = False  # they may name a player
        self._writing = WriterThread()

    @contextmanager
    def read(self, interval: Interval, *, extracted_at: datetime | None = None) -> Iterator[Slot]:
        """Read one complete slot into a local file that is removed when the context ends.

        Args:
            interval: the slot.
            extracted_at: when its first call was made, unless given.

        Raises:
            IncompleteWindow, ProviderError: nothing of the slot is given out then.
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
        """Yield the slots in order; later ones are asked for ahead.

        Args:
            slots: in order of time.
            lake: where replies are kept, if they are; those of a slot that fails are stored there too, as evidence.
            extracted_at: when the first call was made, unless the time of it is to be taken.
            replaced: receipts of the objects that each slot will replace.
            earlier: what earlier runs found out.
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
            # Where somebody waits for the answer, it is a sample that is asked for, not a slot.
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
                    asked = stats.of(interval)
                    receipt = self._receipt(interval, extracted_at or stats.begin(interval), before)
                    try:
                        slot = self._complete(interval, windows, receipt, asked, boundaries)
                    except Exception:
                        if asked.archive and lake:
                            self._keep_evidence(asked.archive, interval, lake)
                        raise
                    receipt = slot.receipt
                    receipt.calls, receipt.retries, receipt.bytes = asked.calls, asked.retries, asked.bytes
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
        asked: CallStats,
        boundaries: WindowBoundaries,
    ) -> Slot:
        """Read a slot, again where what its windows brought contradicts itself."""
        while True:
            try:
                return self._build(interval, windows.rows(), replace(receipt), boundaries, asked)
            except SlotChanged as changed:
                windows.begin_again(changed)
                log.warning("stream %s, slot %s: %s; reading it again", self._stream.name, interval, changed)
                if asked.archive:
                    asked.archive.forget_windows()

    def _build(
        self,
        interval: Interval,
        rows: Iterable[WindowRows],
        receipt: Receipt,
        boundaries: WindowBoundaries,
        asked: CallStats | None = None,
    ) -> Slot:
        """Put the windows of a slot, which come in order, together in a local file that is yet to be finished."""
        with SlotBuilder(
            self._source,
            self._stream,
            interval,
            receipt,
            boundaries=boundaries,
            writing=self._writing,
            pii_policy=self._pii_policy,
        ) as slot:
            for one in rows:
                if asked and asked.archive:
                    asked.archive.note(one)
                slot.add(one)
            on_start = slot.add_start()
            if on_start is not None and asked and asked.archive:
                asked.archive.note(on_start)
            return slot.build()

    def store(self, slots: Sequence[Interval], lake: Lake, stored: Stored | None = None) -> Stored:
        """Read slots one after the other, and publish each, in the same order, while the next is read.

        Args:
            slots: the slots, in order.
            lake: where they are published.
            stored: takes up what is stored; after an error it holds the slots before that.

        Raises:
            OverlappingSlot: before the first call, when a slot would cut across a stored object.
            InvalidArgument: before the first call, when a slot drops or hashes columns that would come back in plain.
        """
        # Arrow's default allocator keeps what it has freed; a worker has better use for that memory.
        pa.set_memory_pool(pa.system_memory_pool())
        stored = Stored() if stored is None else stored
        held = lake.stored(Interval(slots[0].start - slots[0].width, slots[-1].end))
        refuse_overlap(slots, held)
        replaced = self._replaced(lake, slots, held)
        stored_before = [receipt for receipts in replaced.values() for receipt in receipts.values() if receipt]
        earlier = EarlierRuns.read(lake, slots[0], held, stored_before)
        report = partial(report_slot, len(slots), len(stored.receipts), stored, time.monotonic())
        before = {slot: list(receipts.values()) for slot, receipts in replaced.items()}
        with (
            ThreadPoolExecutor(1, thread_name_prefix="betproviders-upload") as uploads,
            closing(self._slots(slots, lake, replaced=before, earlier=earlier)) as read,
        ):
            upload: Future[None] = uploads.submit(lambda: None)
            for interval in slots:
                try:
                    slot = next(read)
                    slot.previous = replaced[interval].get(interval)
                except Exception:
                    if failure := upload.exception():
                        log.error("the slot before could not be published: %s", failure)  # noqa: TRY400 - its own traceback is not this one's
                    raise
                last, upload = upload, uploads.submit(publish_slot, upload, lake, slot, stored, report)
                last.result()
            upload.result()
        return stored

    def _replaced(
        self, lake: Lake, slots: Sequence[Interval], held: Mapping[Interval, str]
    ) -> dict[Interval, dict[Interval, Receipt | None]]:
        """Return the receipts of the objects that each slot will replace, smaller ones inside it included."""
        starts = [slot.start for slot in slots]
        receipts: dict[Interval, dict[Interval, Receipt | None]] = {slot: {} for slot in slots}

        def look(other: Interval) -> None:
            slot = slots[max(0, bisect_right(starts, other.start) - 1)]
            if slot.contains(other):
                with suppress(FileNotFoundError):  # another task has replaced it meanwhile
                    receipts[slot][other] = read_receipt(lake.fs, held[other])
                    self.check_pii(other, receipts[slot][other])

        with ThreadPoolExecutor(_LOOKS, thread_name_prefix="betproviders-receipts") as pool:
            list(pool.map(look, held))
        return receipts

    def check_pii(self, slot: Interval, receipt: Receipt | None) -> None:
        """Refuse to bring back plain values of columns that a stored slot drops or hashes.

        Raises:
            InvalidArgument: names the slot and the cure.
        """
        uncovered = set(receipt.pii if receipt else ()) - set(self._pii_policy.rules if self._pii_policy else ())
        if receipt and uncovered:
            raise InvalidArgument(
                f"slot {slot} is stored with pii={receipt.pii}, and this would bring back the plain values of "
                f"{', '.join(sorted(uncovered))}. Give the same pii, or delete the slot first."
            )

    def _keep_evidence(self, archive: Archive, interval: Interval, lake: Lake) -> None:
        """Store what was received of a slot that failed."""
        if archive.closed:
            return
        archive.close(self._receipt(interval))
        try:
            put(lake.fs, archive.path, lake.failed(interval))
        except Exception:  # the failure of the slot is what matters
            log.exception("what was received of the failed slot %s could not be stored", interval)
        else:
            log.info("what was received of the failed slot %s is in %s", interval, lake.failed(interval))

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
        return caller(window, params, permit, stats.asked_before(window))

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
        return windows.cut(interval, self._stream.windows) if self._stream.windows else (None,)


@contextmanager
def _threads(caller: Caller[Page]) -> Iterator[ThreadPoolExecutor]:
    """Threads that ask ahead; when the read ends early they are not waited for, and ask no more."""
    pool = ThreadPoolExecutor(_CALLS, thread_name_prefix="betproviders")
    try:
        yield pool
    finally:
        caller.abandon()
        pool.shutdown(wait=False, cancel_futures=True)
