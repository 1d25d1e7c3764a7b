"""Find out which of its ends a window includes, from the rows that answers bring.

Rows on boundaries inside a slot show it. What the runs of the last day saw counts too, unless a slot has a row on its end and none on a
start. If nothing was seen, a window is requested that starts at a row of the slot, and if it lacks this row, one that ends there.
"""

from __future__ import annotations

import logging
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

from airflow_betproviders.declare.interval import Interval
from airflow_betproviders.declare.stream import Stream
from airflow_betproviders.exceptions import IncompleteWindow
from airflow_betproviders.extraction.answers.instants import duration, ends
from airflow_betproviders.extraction.answers.rejected_times import RejectedTimes
from airflow_betproviders.extraction.answers.window_rows import WindowRows

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pyarrow as pa

    from airflow_betproviders.extraction.fetch.source import Source

log = logging.getLogger(__name__)


class ReadWindow(Protocol):
    """Read a short window inside a slot, which starts or ends at one of its rows."""

    def __call__(self, window: Interval, /) -> WindowRows:
        """Return the rows of the window.

        Raises:
            IncompleteWindow: the window cannot be proven complete.
            SlotChanged: it brings rows of the slot that the slot's own windows did not bring.
        """


class WindowEnds:
    """Remember what the answers of a run have shown about the ends of windows. Slots come in order.

    Attributes:
        starts_held: whether windows hold their start; None while nothing has shown it.
        starts_held_at: the start of the last slot whose rows showed that windows hold their start; None if no slot did, or
            if a later one showed the contrary.
        ends_held_at: the start of the last slot that showed that windows hold their end; None if no slot did.
    """

    def __init__(
        self,
        source: Source,
        stream: Stream,
        read_window: ReadWindow | None = None,
        *,
        starts_held_at: datetime | None = None,
        ends_held_at: datetime | None = None,
    ) -> None:
        """Begin a run.

        Args:
            source: the account.
            stream: the stream.
            read_window: makes the call for a window that starts or ends at a row; None where the rows are known to be complete.
            starts_held_at: start of the last slot of earlier runs whose rows showed that windows hold their start.
            ends_held_at: the same for the ends of windows.
        """
        self._source = source
        self._stream = stream
        self._read_window = read_window
        self._time_of = RejectedTimes(stream, source.utc_offset)
        rule = stream.windows
        self.starts_held: bool | None = True if (rule and rule.ends) or starts_held_at else None
        self.starts_held_at = starts_held_at
        self.ends_held_at = ends_held_at
        self._remembered = starts_held_at is not None
        self._slot: Interval | None = None
        self._on_step: datetime | None = None

    def begin(self, slot: Interval) -> None:
        """Begin a slot, or begin it again."""
        self._slot = slot
        self._on_step = None

    def note_start(self) -> None:
        """Note that a window brought a row on its own start."""
        self.starts_held, self.starts_held_at = True, self._slot.start if self._slot else None
        self._remembered = False

    def note_end(self) -> None:
        """Note that a window brought a row on its own end."""
        self.ends_held_at = self._slot.start if self._slot else None

    def note_inside(self, instants: npt.NDArray[np.int64], window: Interval, instant: pa.TimestampType) -> None:
        """Remember a row inside a window at which another window can start and end, while nothing else shows what windows hold.

        Args:
            instants: the times of the window's rows.
            window: the window.
            instant: the type of the time column.
        """
        rule = self._stream.windows
        if rule is None or self.starts_held is not None or self._on_step or not self._stream.reject_outside_window:
            return
        steps = _row_on_step(instants, *ends(window, instant), duration(rule.step, instant))
        self._on_step = None if steps is None else window.start + steps * rule.step

    def note_left_out(self, window: Interval) -> None:
        """Note that a window did not bring the rows on its own start; warn of it the first time."""
        if self.starts_held is not False:
            log.warning(
                "stream %s: rows of %s did not come with the window that starts there, so the provider seems to leave out the "
                "start of a window; they are kept in the slot that starts there all the same",
                self._stream.name,
                window.start.isoformat(),
            )
        self.starts_held, self.starts_held_at = False, None

    def find_out(self, *, row_on_end: bool) -> None:
        """Request windows that start and end at a row of the slot, if nothing has shown which of them hold it.

        Args:
            row_on_end: whether a row lies on the end of the slot.

        Raises:
            IncompleteWindow: neither window holds the row, though a window around it does.
        """
        if self._remembered and row_on_end:
            # Rows on an end and none on a start: windows may have changed to leave out their start.
            self._remembered, self.starts_held, self.starts_held_at = False, None, None
        at, rule, slot = self._on_step, self._stream.windows, self._slot
        if self.starts_held is not None or self.ends_held_at is not None:
            return
        if at is None or rule is None or slot is None or self._read_window is None:
            return
        if self._brings(self._read_window, Interval(at, at + rule.step), at):
            self.starts_held, self.starts_held_at = True, slot.start
        elif self._brings(self._read_window, Interval(at - rule.step, at), at):
            self.starts_held, self.ends_held_at = False, slot.start
        elif self._brings(self._read_window, Interval(at - rule.step, at + rule.step), at):
            raise IncompleteWindow(
                f"{self._source.label}, stream {self._stream.name}, window {slot}: rows of {at.isoformat()} come neither with the window "
                "that starts there nor with the one that ends there, so rows on the ends of windows would be lost. Nothing was "
                "stored for it. Ask the provider which ends a window includes."
            )

    def _brings(self, read_window: ReadWindow, window: Interval, instant: datetime) -> bool:
        found, _ = read_window(window).at(instant, str(self._stream.time_column), self._time_of)
        return found.distinct > 0


def _row_on_step(instants: npt.NDArray[np.int64], start: int, end: int, step: int) -> int | None:
    """Return how many steps after a window's start a row inside it lies, if one lies on a step; else None."""
    after = instants[(instants > start) & (instants < end)] - start
    steps = after[after % step == 0] // step
    return int(steps[0]) if len(steps) else None
