"""Count the calls of each slot separately, while slots are prefetched."""

from __future__ import annotations

import threading
from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from types import TracebackType

from airflow_betproviders.declare.interval import Interval
from airflow_betproviders.extraction.archive import ArchiveWriter
from airflow_betproviders.extraction.decode.decoder import Page
from airflow_betproviders.extraction.fetch.calls import Reply


@dataclass
class CallStats:
    """Counts of the calls of one slot.

    Attributes:
        calls: calls made, refused and repeated ones included.
        retries: calls without a usable answer.
        requested: calls requested so far, waiting ones included; a repeated call counts once.
        bytes: bytes of the answers, decompressed.
        since: when the slot's first call was requested, or when its turn came, whichever was earlier.
        archive: the replies, if they are archived.
    """

    calls: int = 0
    requested: int = 0
    retries: int = 0
    bytes: int = 0
    since: datetime | None = None
    archive: ArchiveWriter | None = None


class SlotCallStats:
    """Count each reply under its slot. A context manager that removes the archives that were not handed over."""

    def __init__(self, slots: Sequence[Interval], archive: Callable[[], ArchiveWriter] | None) -> None:
        """Start counting.

        Args:
            slots: the slots, in order of time.
            archive: creates the archive of a slot; None to archive nothing.
        """
        self._starts = [slot.start for slot in slots]
        self._entries = {slot.start: CallStats() for slot in slots}
        self._archive = archive
        self._open_archives: set[ArchiveWriter] = set()
        self._lock = threading.Lock()

    def of(self, slot: Interval) -> CallStats:
        """Return the entry of a slot."""
        return self._entries[slot.start]

    def begin(self, window: Interval | None) -> datetime:
        """Return when the first call of a window's slot was requested: now, if this is the first; any thread may call it."""
        entry = self._of_window(window)
        with self._lock:
            entry.since = entry.since or datetime.now(timezone.utc)
            return entry.since

    def calls_before(self, window: Interval | None) -> int:
        """Count a requested call, and return how many its slot had requested before; any thread may call it."""
        entry = self._of_window(window)
        with self._lock:
            entry.requested += 1
            return entry.requested - 1

    def note(self, reply: Reply, page: Page | None) -> None:
        """Count a reply, and archive it; any thread may call it. ``page`` has its rows, or is None if the reply was refused."""
        entry = self._of_window(reply.window)
        with self._lock:
            entry.calls += 1
            entry.retries += page is None
            entry.bytes += len(reply.body or b"")
            if entry.archive is None and self._archive is not None:
                entry.archive = self._archive()
                self._open_archives.add(entry.archive)
        if entry.archive is not None:
            entry.archive.add(reply, page)

    def precedes(self, window: Interval) -> bool:
        """Return whether a window begins before the first slot: the extra call around the slot's start."""
        return window.start < self._starts[0]

    def hand_over(self, slot: Interval) -> ArchiveWriter | None:
        """Return the archive of a slot; the caller then removes it."""
        archive = self.of(slot).archive
        with self._lock:
            self._open_archives.discard(archive)
        return archive

    def __enter__(self) -> SlotCallStats:
        """Use as a context manager."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Remove the archives, and create none for calls that are still running."""
        with self._lock:
            self._archive = None
            for archive in self._open_archives:
                archive.__exit__(kind, error, trace)

    def _of_window(self, window: Interval | None) -> CallStats:
        """Return the entry of a window's slot. The middle of the extra call around a slot's start is that start."""
        place = max(0, bisect_right(self._starts, window.start + window.width / 2) - 1) if window else 0
        return self._entries[self._starts[place]]
