"""Rebuild slots from their archives, without a call to the provider.

The replies are decoded with today's schema and checked as they were when they were received. The archive lists the calls of each
window, so no window is planned, and the result does not depend on the time of the replay.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

from airflow_betproviders.declare.interval import Interval
from airflow_betproviders.declare.stream import Stream
from airflow_betproviders.exceptions import BetProviderError, InvalidArgument
from airflow_betproviders.extraction.answers.window_rows import WindowRows
from airflow_betproviders.extraction.archive import ArchiveReader
from airflow_betproviders.extraction.decode.decoder import Decoder
from airflow_betproviders.extraction.earlier_runs import EarlierRuns
from airflow_betproviders.extraction.fetch.completeness.assembly import WindowAssembler
from airflow_betproviders.extraction.fetch.completeness.window_boundaries import WindowBoundaries
from airflow_betproviders.extraction.fetch.completeness.window_ends import WindowEnds
from airflow_betproviders.extraction.fetch.source import Source
from airflow_betproviders.extraction.privacy import PiiPolicy
from airflow_betproviders.extraction.publishing import Stored
from airflow_betproviders.extraction.slot_builder import Slot
from airflow_betproviders.extraction.slot_pipeline import SlotPipeline
from airflow_betproviders.lake.layout import Lake, refuse_overlap
from airflow_betproviders.lake.publish import read_receipt
from airflow_betproviders.lake.receipt import Receipt


class Replay(SlotPipeline):
    """Rebuild slots of one stream of one account from the archives that `Extraction` wrote."""

    def __init__(
        self,
        source: Source,
        stream: Stream,
        lake: Lake,
        *,
        run_metadata: Mapping[str, Any] | None = None,
        pii_policy: PiiPolicy | None = None,
        force: bool = False,
    ) -> None:
        """Bind the account and the stream.

        Args:
            source: the account. It only checks the status inside a reply; it makes no call.
            stream: the stream as it is declared today.
            lake: where archives and data are stored.
            run_metadata: members of the receipts.
            pii_policy: which columns that identify a player are dropped or hashed; None for none.
            force: whether to replace a slot that was extracted again after its archive was made, or one that drops or
                hashes columns whose plain values the replay would store.
        """
        super().__init__(source, stream, lake.filters, run_metadata=run_metadata, pii_policy=pii_policy)
        self._lake = lake
        self._force = force

    def slots(self, interval: Interval) -> list[Interval]:
        """Return the archived slots of the interval, in order.

        Raises:
            InvalidArgument: one reaches beyond the interval.
        """
        archived, stored = self._lake.archived(interval), self._lake.stored(interval)
        # A killed worker may have left the archive of a slot that it did not store: others are stored instead.
        current = [slot for slot in archived if slot in stored or not any(slot.overlaps(other) for other in stored)]
        slots = sorted(slot for slot in current if not any(other != slot and other.contains(slot) for other in current))
        refuse_overlap(slots, {slot: archived[slot] for slot in slots})
        for slot in slots:
            if not interval.contains(slot):
                wider = Interval(min(interval.start, slots[0].start), max(interval.end, slots[-1].end))
                raise InvalidArgument(f"the archived slot {slot} reaches beyond {interval}. Give {wider}.")
        return slots

    def store(self, slots: Sequence[Interval], lake: Lake, stored: Stored | None = None) -> Stored:
        """Rebuild and publish slots one after the other. A slot that cannot be rebuilt does not keep the others out.

        Raises:
            InvalidArgument: before the first slot, when one was extracted again after its archive was made, or when a stored slot
                drops or hashes columns whose plain values the replay would store.
            BetProviderError: after the last slot, when archives are damaged or do not pass today's checks; it names each.
        """
        stored = Stored() if stored is None else stored
        for slot, path in lake.stored(Interval(slots[0].start, slots[-1].end)).items():
            if not self._force and slot in slots:
                receipt = read_receipt(lake.fs, path)
                self.check_pii(slot, receipt)
                self._check_age(slot, receipt, read_receipt(lake.fs, lake.archive(slot)))
        failures, left = [], [*slots]
        while left:
            before = self._stored_before(left, lake)
            try:
                self._publish(left, lake, before, stored)
            except BetProviderError as error:
                failures.append(error)
            left = [slot for slot in left if slot not in stored.paths][1:]
        if failures:
            raise type(failures[0])("; ".join(map(str, failures))) from failures[0]
        return stored

    def _slots(
        self,
        slots: Sequence[Interval],
        lake: Lake | None = None,  # noqa: ARG002 - the replies are archived already
        *,
        extracted_at: datetime | None = None,
        replaced: Mapping[Interval, Sequence[Receipt | None]] | None = None,
        earlier: EarlierRuns | None = None,
    ) -> Generator[Slot, None, None]:
        """Rebuild the slots in order.

        Raises:
            BetProviderError: the archived replies of a slot do not pass today's checks.
        """
        after_stored = earlier is not None and earlier.after_stored
        for before, interval in zip([None, *slots], slots, strict=False):
            with ArchiveReader.opened(self._lake, interval) as archived:
                first = archived.receipt
                now = extracted_at or datetime.fromisoformat(first.extracted_at)
                receipt = self._receipt(interval, now, (replaced or {}).get(interval))
                receipt.calls, receipt.retries, receipt.bytes = first.calls, first.retries, first.bytes
                receipt.reread = first.reread
                receipt.proven_rows, receipt.proven_bytes = first.proven_rows, first.proven_bytes
                receipt.asked_for_less = first.asked_for_less
                receipt.starts_held_at, receipt.ends_held_at = first.starts_held_at, first.ends_held_at
                receipt.replayed_at = datetime.now(timezone.utc).isoformat(timespec="milliseconds")
                replies = _Replies(
                    archived,
                    interval,
                    Decoder(self._stream, archived.utc_offset, quotes=self._pii_policy is None),
                    WindowAssembler(self._source, self._stream),
                    self._source,
                )
                boundaries = WindowBoundaries(
                    self._source,
                    self._stream,
                    WindowEnds(self._source, self._stream),
                    replies.on_start,
                    after_stored=after_stored if before is None else before.end == interval.start,
                )
                slot = self._build(interval, replies.windows(), receipt, boundaries)
                receipt.proof = first.proof
            yield slot

    def _check_age(self, slot: Interval, stored: Receipt | None, archived: Receipt | None) -> None:
        if stored and archived and stored.extracted_at > archived.extracted_at:
            raise InvalidArgument(
                f"slot {slot} was extracted again at {stored.extracted_at}, after its archive of {archived.extracted_at}: a "
                "replay would restore older rows. Leave it out of the interval, or set force=True."
            )

    def check_pii(self, slot: Interval, receipt: Receipt | None) -> None:
        """Check as `SlotPipeline.check_pii` does, unless ``force`` is set."""
        if not self._force:
            super().check_pii(slot, receipt)


@dataclass
class _Replies:
    """The archived replies of one slot, decoded by today's schema."""

    archived: ArchiveReader
    slot: Interval
    decode: Decoder
    assemble: WindowAssembler
    source: Source

    def windows(self) -> Iterator[WindowRows]:
        """Yield the windows that the slot was made of."""
        for window, calls in self.archived.windows:
            if window is None or window.start >= self.slot.start:
                yield self._assemble(window, calls)

    def on_start(self, _start: datetime) -> WindowRows | None:
        """Return the rows of the extra call around the slot's start; None if the extraction made none."""
        for window, calls in self.archived.windows:
            if window is not None and window.start < self.slot.start:
                return self._assemble(window, calls)
        return None

    def _assemble(self, window: Interval | None, calls: Sequence[int]) -> WindowRows:
        pages = [self.decode(self.archived.body(call), self.source.check) for call in calls]
        return self.assemble.assemble_archived(window, pages)
