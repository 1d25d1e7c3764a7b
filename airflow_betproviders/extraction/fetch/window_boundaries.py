"""Rows on the border of two windows.

JDB and GM-Ag do not say whether a window holds its start, its end, or both. A row on a border is kept with the window that
begins there; where the provider gave it with the earlier window only, it is kept all the same, and so are the rows on the
end of the slot, which the next slot will then not be given.
"""

from __future__ import annotations

import logging
from datetime import datetime, timezone

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from airflow_betproviders.declare.interval import Interval
from airflow_betproviders.declare.stream import Stream
from airflow_betproviders.exceptions import ProviderRequestError
from airflow_betproviders.extraction.decode import arrays
from airflow_betproviders.extraction.fetch.source import Source
from airflow_betproviders.extraction.fetch.window_rows import WindowRows

log = logging.getLogger(__name__)

_Milliseconds = npt.NDArray[np.int64]


class WindowBoundaries:
    """Puts the rows of a slot's windows, which come in order, in their places.

    Attributes:
        outside: rows whose clock lies outside the window that brought them.
    """

    def __init__(self, source: Source, stream: Stream) -> None:
        """Begin a slot."""
        self._source = source
        self._stream = stream
        self._held: WindowRows | None = None
        self._starts_left_out = False
        self.outside = 0

    def place(self, rows: WindowRows) -> None:
        """Hold back what lies on the window's end, and add what was held back at its start and did not come again.

        Raises:
            ProviderRequestError: rows lie outside the window, of a stream where that means a wrong time zone.
        """
        clock, window = self._stream.time_column, rows.window
        if clock is None or window is None:
            return
        instants = arrays.integers(rows.table[clock])
        start, end = (int(instant.timestamp() * 1000) for instant in (window.start, window.end))
        outside = (instants < start) | (instants > end)
        if outside.any() and self._stream.reject_outside_window:
            raise self._wrong_zone(window, int(instants[outside][0]))
        self.outside += int(outside.sum())
        before, self._held = self._held, None
        if (instants == end).any():
            self._held = WindowRows(window, rows.table, rows.hashes)
            self._held.keep(instants == end)
            rows.keep(instants != end)
        if before is not None and before.hashes is not None and rows.hashes is not None:
            before.keep(~np.isin(before.hashes, rows.hashes))
            if before.table.num_rows:
                self._tell(window)
                rows.table = pa.concat_tables([before.table, rows.table])
                rows.hashes = np.concatenate([before.hashes, rows.hashes])

    def rest(self) -> WindowRows | None:
        """What lies on the end of the slot and belongs to it after all."""
        return self._held if self._starts_left_out else None

    def _tell(self, window: Interval) -> None:
        if not self._starts_left_out:
            self._starts_left_out = True
            log.warning(
                "stream %s: rows of %s came with the window before it only, so the provider seems to leave out the start "
                "of a window; rows on a border are kept with the earlier one",
                self._stream.name,
                window.start.isoformat(),
            )

    def _wrong_zone(self, window: Interval, instant: int) -> Exception:
        moment = datetime.fromtimestamp(instant / 1000, timezone.utc)
        return ProviderRequestError(
            f"{self._source.label}, stream {self._stream.name}, window {window}: a row has {self._stream.time_column} "
            f"{moment:%Y-%m-%dT%H:%M:%SZ}, outside the window. The account's times are probably not at UTC offset "
            f"{self._source.utc_offset}: set utc_offset in the connection's extra (e.g. -04:00 or +08:00)."
        )
