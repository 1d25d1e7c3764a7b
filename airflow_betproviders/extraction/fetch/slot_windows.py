"""Read the windows of one slot, and begin a slot again that contradicts itself, a bounded number of times."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from typing import TYPE_CHECKING

from airflow_betproviders.declare.interval import Interval
from airflow_betproviders.extraction.answers.window_rows import WindowRows
from airflow_betproviders.extraction.fetch.completeness.slot_changed import SlotChanged
from airflow_betproviders.extraction.fetch.planner import MAX_READS

if TYPE_CHECKING:
    from airflow_betproviders.extraction.fetch.reader import WindowReader


class SlotWindows:
    """Read the windows of one slot, in order. Slots are read one after the other.

    Attributes:
        windows: the windows; None for a snapshot.
    """

    def __init__(self, reader: WindowReader, number: int, windows: Sequence[Interval | None]) -> None:
        """Name the slot's windows."""
        self.windows = tuple(windows)
        self._reader = reader
        self._number = number
        self._attempts = 0

    @property
    def _slot(self) -> Interval | None:
        first, last = self.windows[0], self.windows[-1]
        return Interval(first.start, last.end) if first and last else None

    def rows(self) -> Generator[WindowRows, None, None]:
        """Yield the rows of each window, or of its parts where it has to be split.

        Raises:
            SlotChanged: everything that was yielded is to be discarded; call `begin_again`, then this.
            IncompleteWindow: a window was not proven complete after bounded attempts; the message names the counts.
        """
        self._attempts += 1
        yield from self._reader.read_slot(self._number, self._slot)

    def begin_again(self, changed: SlotChanged) -> None:
        """Ask for all windows again.

        Raises:
            IncompleteWindow: the slot contradicted itself in each of its reads.
        """
        if self._attempts == MAX_READS:
            raise self._reader.incomplete(self._slot, f"{changed}, in each of {MAX_READS} reads") from None
        self._reader.restart(self._number, self.windows)
