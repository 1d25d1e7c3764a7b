"""One slot, from its windows to a finished local file, and an interval's slots from there to the store."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, nullcontext, suppress
from dataclasses import dataclass, field
from datetime import datetime, timezone
from functools import partial
from typing import Any, TypeAlias

import pyarrow as pa

from airflow_betproviders.extraction import windows
from airflow_betproviders.extraction.archive import Archive
from airflow_betproviders.extraction.calls import CONNECTIONS, Caller
from airflow_betproviders.extraction.decode import Decoder, Page
from airflow_betproviders.extraction.interval import Interval
from airflow_betproviders.extraction.lake import Lake, refuse_overlap
from airflow_betproviders.extraction.privacy import Concealment
from airflow_betproviders.extraction.publish import publish, put, read_receipt
from airflow_betproviders.extraction.reader import Reader, WindowRows
from airflow_betproviders.extraction.receipt import Receipt
from airflow_betproviders.extraction.rows import BadRow
from airflow_betproviders.extraction.seams import Seams
from airflow_betproviders.extraction.spool import Spool
from airflow_betproviders.extraction.stream import Source, Stream

log = logging.getLogger(__name__)

# Calls on their way: one more than connections, which so are not idle while an answer is decoded.
_CALLS = CONNECTIONS + 1


@dataclass
class Slot:
    """A slot that was read whole: its rows in a local file, its receipt, the rows that do not fit, and its replies if kept.

    ``previous`` is the receipt of the object of the same slot that this one will replace.
    """

    interval: Interval
    spool: Spool
    receipt: Receipt
    bad_rows: list[BadRow]
    archive: Archive | None = None
    previous: Receipt | None = None

    def finish(self) -> None:
        """Complete the local files, and the receipt that both end with."""
        self.spool.close(self.receipt, self.previous)
        if self.archive:
            self.archive.close(self.receipt)


ReadSlot: TypeAlias = Callable[..., Slot]


@dataclass
class Stored:
    """What an interval's slots came to in the store.

    Attributes:
        paths: the objects, without protocol, by slot.
        receipts: their receipts, in the same order.
        size: the objects' bytes, or None where they were not counted.
    """

    paths: dict[Interval, str] = field(default_factory=dict)
    receipts: list[Receipt] = field(default_factory=list)
    size: int | None = 0

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
        archive: bool = False,
        conceal: Concealment | None = None,
    ) -> None:
        """Bind the account and the stream.

        Args:
            source: the account.
            stream: the stream.
            filters: the provider's own filters.
            check_time: called before a window is read; raises when the provider no longer keeps it.
            stamp: members of the receipts: dag_id, task_id, run_id, try_number, version.
            archive: whether `store` keeps the raw replies of each slot.
            conceal: what is done to columns that say who a player is.
        """
        self._source = source
        self._stream = stream
        self._filters = dict(filters or {})
        self._check_time = check_time
        self._stamp = dict(stamp or {})
        self._archives = archive
        self._conceal = conceal

    @contextmanager
    def read(
        self, interval: Interval, *, extracted_at: datetime | None = None, archive: Archive | None = None
    ) -> Iterator[Slot]:
        """Read one slot whole, into a local file that is removed when the context ends.

        Args:
            interval: the slot.
            extracted_at: the present, unless given.
            archive: is given each reply, and is closed when the slot is whole.

        Raises:
            IncompleteWindow, ProviderError: nothing of the slot is given out then.
        """
        with self._reading() as read:
            slot = read(interval, extracted_at=extracted_at, archive=archive)
        with slot.spool:
            slot.finish()
            yield slot

    @contextmanager
    def _reading(self) -> Iterator[ReadSlot]:
        """What reads one slot after the other, by the same threads."""
        decode = Decoder(self._stream, self._source.utc_offset, quotes=self._conceal is None)
        caller = Caller(self._source, self._stream, decode)
        with _threads(caller) as pool:
            reader = Reader(self._source, self._stream, self._filters, partial(self._call, caller), pool)
            yield partial(self._read, reader, caller)

    def _read(
        self,
        reader: Reader,
        caller: Caller[Page],
        interval: Interval,
        *,
        extracted_at: datetime | None = None,
        previous_rows: int | None = None,
        archive: Archive | None = None,
    ) -> Slot:
        caller.keep = archive.keep if archive else None
        receipt = self._receipt(interval, extracted_at or datetime.now(timezone.utc), previous_rows)
        before = caller.calls, caller.bytes, reader.rereads

        def windows() -> Iterator[WindowRows]:
            for rows in reader.read(self._windows(interval)):
                if archive:
                    archive.note(rows)
                yield rows
            after = caller.calls, caller.bytes, reader.rereads
            receipt.calls, receipt.bytes, receipt.reread = (now - then for now, then in zip(after, before, strict=True))

        slot = self._whole(interval, windows(), receipt)
        slot.archive = archive
        return slot

    def _whole(self, interval: Interval, read: Iterable[WindowRows], receipt: Receipt) -> Slot:
        """Put the windows of a slot, which come in order, together in a local file that is yet to be finished."""
        bad_rows: list[BadRow] = []
        totals: list[int | None] = []
        seams = Seams(self._source, self._stream)
        with ExitStack() as unfinished:
            spool = unfinished.enter_context(Spool(self._stream, datetime.fromisoformat(receipt.extracted_at)))
            for rows in read:
                if self._conceal:
                    self._conceal(rows)
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
            receipt.bad_rows, receipt.outside = len(bad_rows), seams.outside
            unfinished.pop_all()
        return Slot(interval, spool, receipt, bad_rows)

    def store(self, slots: Sequence[Interval], lake: Lake) -> Stored:
        """Read slots one after the other, and publish each, in the same order, while the next is read.

        Raises:
            OverlappingSlot: before the first call, when a slot would cut across a stored object.
            InvalidArgument: a slot is stored with columns concealed that would come back.
        """
        # Arrow's default allocator keeps what it has freed; a worker has better use for that memory.
        pa.set_memory_pool(pa.system_memory_pool())
        stored = Stored()
        held = lake.stored(Interval(slots[0].start, slots[-1].end))
        refuse_overlap(slots, held)
        tell = partial(_tell, len(slots), stored, time.monotonic())
        with ThreadPoolExecutor(1, thread_name_prefix="betproviders-upload") as uploads, self._reading() as read:
            upload: Future[None] = uploads.submit(lambda: None)
            for interval in slots:
                try:
                    replaced = self._replaced(lake, interval, held)
                    rows = sum(receipt.rows if receipt else 0 for receipt in replaced.values()) if replaced else None
                    slot = self._read_kept(read, interval, lake, rows)
                    slot.previous = replaced.get(interval)
                except Exception:
                    if failure := upload.exception():
                        log.error("the slot before could not be published: %s", failure)  # noqa: TRY400 - its own traceback is not this one's
                    raise
                before, upload = upload, uploads.submit(_publish, upload, lake, slot, stored, tell)
                before.result()
            upload.result()
        return stored

    def _replaced(self, lake: Lake, slot: Interval, held: Mapping[Interval, str]) -> dict[Interval, Receipt | None]:
        """The receipts of the objects that the slot will replace, smaller ones inside it included."""
        receipts = {}
        for other, path in held.items():
            if slot.contains(other):
                with suppress(FileNotFoundError):  # another task has replaced it meanwhile
                    receipts[other] = read_receipt(lake.fs, path)
                    self.check_concealed(other, receipts[other])
        return receipts

    def check_concealed(self, slot: Interval, receipt: Receipt | None) -> None:
        """Refuse to bring back plain values of columns that a stored slot conceals.

        Raises:
            InvalidArgument: names the slot and the cure.
        """
        uncovered = set(receipt.pii if receipt else ()) - set(self._conceal.rules if self._conceal else ())
        if receipt and uncovered:
            from airflow_betproviders.exceptions import InvalidArgument

            raise InvalidArgument(
                f"slot {slot} is stored with pii={receipt.pii}, and this would bring back the plain values of "
                f"{', '.join(sorted(uncovered))}. Give the same pii, or delete the slot first."
            )

    def _read_kept(self, read: ReadSlot, interval: Interval, lake: Lake, previous_rows: int | None) -> Slot:
        """Read a slot and keep its replies, where that is wanted; of one that fails, what came is stored as evidence."""
        if not self._archives:
            return read(interval, previous_rows=previous_rows)
        with ExitStack() as unfinished:
            archive = unfinished.enter_context(Archive(self._source.utc_offset))
            try:
                slot = read(interval, previous_rows=previous_rows, archive=archive)
            except Exception:
                if archive.replies and not archive.closed:
                    archive.close(self._receipt(interval, datetime.now(timezone.utc)))
                    try:
                        put(lake.fs, archive.path, lake.failed(interval))
                    except Exception:  # the failure of the slot is what matters
                        log.exception("what was received of the failed slot %s could not be stored", interval)
                    else:
                        log.info("what was received of the failed slot %s is in %s", interval, lake.failed(interval))
                raise
            unfinished.pop_all()
        return slot

    def _call(self, caller: Caller[Page], window: Interval | None, params: Mapping[str, Any]) -> Page:
        if window is not None and self._check_time is not None:
            self._check_time(window)
        return caller(window, params)

    def _receipt(self, interval: Interval, now: datetime, previous_rows: int | None = None) -> Receipt:
        return Receipt(
            provider=self._stream.provider,
            stream=self._stream.name,
            account=self._source.account,
            filters=self._filters,
            start=interval.start.isoformat(),
            end=interval.end.isoformat(),
            extracted_at=now.isoformat(timespec="milliseconds"),
            pii=self._conceal.rules if self._conceal else {},
            previous_rows=previous_rows,
            **self._stamp,
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


def _publish(before: Future[None], lake: Lake, slot: Slot, stored: Stored, tell: Callable[[Slot], None]) -> None:
    """Finish and publish a slot, unless the one before it failed, and remove its local files."""
    with slot.archive or nullcontext(), slot.spool:
        before.result()
        slot.finish()
        if slot.receipt.shrunken:
            log.warning(
                "slot %s shrank from %s to %d rows: the provider no longer reports %d of them",
                slot.interval,
                slot.receipt.previous_rows,
                slot.receipt.rows,
                (slot.receipt.previous_rows or 0) - slot.receipt.rows,
            )
        stored.paths[slot.interval] = publish(
            lake, slot.interval, slot.spool.path, slot.bad_rows, slot.archive.path if slot.archive else None
        )
        stored.receipts.append(slot.receipt)
        stored.size = (stored.size or 0) + slot.spool.path.stat().st_size
        tell(slot)


def _tell(of: int, stored: Stored, began: float, slot: Slot) -> None:
    number, rows, seconds = len(stored.receipts), stored.total("rows"), time.monotonic() - began
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
