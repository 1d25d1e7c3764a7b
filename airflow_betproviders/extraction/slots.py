"""Extract slots from a provider: make the calls of several at once, and read each slot in order."""

from __future__ import annotations

import logging
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import closing, contextmanager
from copy import copy
from datetime import datetime
from functools import partial
from typing import Any

from airflow_betproviders.declare import windows
from airflow_betproviders.declare.interval import Interval
from airflow_betproviders.declare.stream import Stream
from airflow_betproviders.extraction.archive import ArchiveWriter
from airflow_betproviders.extraction.decode.decoder import Decoder, Page
from airflow_betproviders.extraction.earlier_runs import EarlierRuns
from airflow_betproviders.extraction.fetch.calls import Caller
from airflow_betproviders.extraction.fetch.completeness.slot_changed import SlotChanged
from airflow_betproviders.extraction.fetch.completeness.window_boundaries import WindowBoundaries
from airflow_betproviders.extraction.fetch.completeness.window_ends import WindowEnds
from airflow_betproviders.extraction.fetch.rate_limiter import CONNECTIONS
from airflow_betproviders.extraction.fetch.slot_reader import SlotReader, SlotWindows
from airflow_betproviders.extraction.fetch.source import AnswerPermit, Source
from airflow_betproviders.extraction.fetch.window_calls import Call
from airflow_betproviders.extraction.privacy import PiiPolicy
from airflow_betproviders.extraction.publishing import Stored
from airflow_betproviders.extraction.slot_builder import Slot
from airflow_betproviders.extraction.slot_call_stats import CallStats, SlotCallStats
from airflow_betproviders.extraction.slot_pipeline import SlotPipeline
from airflow_betproviders.lake.layout import Lake
from airflow_betproviders.lake.receipt import Receipt

__all__ = ["Extraction", "Stored"]

log = logging.getLogger(__name__)

# One call more than connections, so that no connection is idle while an answer is decoded.
_CALLS = CONNECTIONS + 1


class Extraction(SlotPipeline):
    """Extract slots of one stream of one account from the provider."""

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
        super().__init__(source, stream, filters, run_metadata=run_metadata, pii_policy=pii_policy)
        self._check_time = check_time
        self._archives = archive

    def _slots(
        self,
        slots: Sequence[Interval],
        lake: Lake | None = None,
        *,
        extracted_at: datetime | None = None,
        replaced: Mapping[Interval, Sequence[Receipt | None]] | None = None,
        earlier: EarlierRuns | None = None,
    ) -> Generator[Slot, None, None]:
        """Yield the slots in order. The calls of later slots are made meanwhile."""
        replaced, earlier = replaced or {}, earlier or EarlierRuns()
        source, quotes = self._source, self._pii_policy is None
        decode = Decoder(self._stream, source.utc_offset, quotes=quotes, hide_secrets=source.hide_secrets)
        caller = Caller(source, self._stream, decode)
        begin_archive = partial(ArchiveWriter, source.utc_offset) if self._archives and lake else None
        with SlotCallStats(slots, begin_archive) as stats, _threads(caller) as pool:
            caller.on_reply = stats.note
            reader = self._reader(partial(self._call, caller, stats), pool, earlier)
            boundaries = self._boundaries(reader, earlier, archives=begin_archive is not None)
            with closing(reader.read(map(self._windows, slots))) as read:
                for interval, slot_windows in zip(slots, read, strict=False):
                    call_stats, rereads = stats.of(interval), reader.rereads
                    receipt = self._receipt(interval, extracted_at or stats.begin(interval), replaced.get(interval))
                    try:
                        slot = self._complete(interval, slot_windows, receipt, call_stats, boundaries)
                    except Exception:
                        if call_stats.archive and lake:
                            call_stats.archive.store_failed(interval, lake, self._receipt(interval))
                        raise
                    slot.receipt.reread = reader.rereads - rereads
                    _note_calls(slot.receipt, call_stats, reader, boundaries)
                    slot.archive = stats.hand_over(interval)
                    yield slot

    def _reader(self, call: Call, pool: Executor, earlier: EarlierRuns) -> SlotReader:
        """Return the reader of the run's slots, which starts from what earlier runs learned."""
        return SlotReader(
            self._source,
            self._stream,
            self._filters,
            call,
            pool,
            earlier.proven,
            earlier.asked_for_less,
            grow=earlier.new_day,
        )

    def _boundaries(self, reader: SlotReader, earlier: EarlierRuns, *, archives: bool) -> WindowBoundaries:
        """Return the placement of rows on window boundaries, for all slots of the run."""
        window_ends = WindowEnds(
            self._source,
            self._stream,
            reader.read_window,
            starts_held_at=earlier.starts_held_at,
            ends_held_at=earlier.ends_held_at,
        )
        return WindowBoundaries(
            self._source,
            self._stream,
            window_ends,
            # Without retries a user waits for a few rows, so a row on a boundary is not worth another call.
            reader.read_edge if self._source.retries else None,
            carry=not archives,
            after_stored=earlier.after_stored,
        )

    def _complete(
        self,
        interval: Interval,
        slot_windows: SlotWindows,
        receipt: Receipt,
        call_stats: CallStats,
        boundaries: WindowBoundaries,
    ) -> Slot:
        """Build a slot from its windows; read them again if their rows contradict each other."""
        while True:
            try:
                return self._build(interval, slot_windows.rows(), copy(receipt), boundaries, call_stats)
            except SlotChanged as changed:
                slot_windows.begin_again(changed)
                log.warning("stream %s, slot %s: %s; reading it again", self._stream.name, interval, changed)
                if call_stats.archive:
                    call_stats.archive.clear_windows()

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

    def _windows(self, interval: Interval) -> tuple[Interval | None, ...]:
        return windows.split_slot(interval, self._stream.windows) if self._stream.windows else (None,)


def _note_calls(receipt: Receipt, stats: CallStats, reader: SlotReader, boundaries: WindowBoundaries) -> None:
    """Note in a receipt the calls of its slot, and what the run has learned about the provider's answers so far."""
    receipt.calls, receipt.retries, receipt.bytes = stats.calls, stats.retries, stats.bytes
    receipt.proven_rows, receipt.proven_bytes = reader.sizes.proven_rows, reader.sizes.proven_bytes
    receipt.asked_for_less = reader.asked_for_less
    starts, ends = boundaries.window_ends.starts_held_at, boundaries.window_ends.ends_held_at
    receipt.starts_held_at = starts.isoformat() if starts else None
    receipt.ends_held_at = ends.isoformat() if ends else None


@contextmanager
def _threads(caller: Caller[Page]) -> Iterator[ThreadPoolExecutor]:
    """Yield the threads that make calls. At the end, no further call is made, and running ones are not waited for."""
    pool = ThreadPoolExecutor(_CALLS, thread_name_prefix="betproviders")
    try:
        yield pool
    finally:
        caller.abandon()
        pool.shutdown(wait=False, cancel_futures=True)
