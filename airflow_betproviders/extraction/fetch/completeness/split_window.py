"""Compare the parts of a split window with the answer for the complete window."""

from __future__ import annotations

from collections.abc import Iterator

from airflow_betproviders.declare.interval import Interval
from airflow_betproviders.declare.stream import Stream
from airflow_betproviders.extraction.answers import keys
from airflow_betproviders.extraction.answers.instants import ends
from airflow_betproviders.extraction.answers.keys import Hashes
from airflow_betproviders.extraction.answers.row_versions import RowVersions
from airflow_betproviders.extraction.answers.window_rows import WindowRows
from airflow_betproviders.extraction.decode import arrays
from airflow_betproviders.extraction.fetch.completeness.moved_rows import MovedRows
from airflow_betproviders.extraction.fetch.completeness.slot_changed import SlotChanged


class SplitWindow:
    """Check that the parts of a window add up to the total of its own answer, and bring the rows of that answer.

    Attributes:
        window: the window.
        left: parts that are still to be read.
        parent: the split window that this one is a part of.
    """

    def __init__(
        self,
        stream: Stream,
        window: Interval | None,
        shown: RowVersions | None,
        counted: int,
        parts: int,
        parent: SplitWindow | None,
        earlier: RowVersions | None,
    ) -> None:
        """Note the answer for a window, which may itself be a part of a split one.

        Args:
            stream: the stream.
            window: the window.
            shown: rows that its answers showed, each key once; None where rows have no key.
            counted: rows that the provider counts in it.
            parts: number of windows that replace it.
            parent: the split window that it is a part of.
            earlier: rows that answers of earlier reads showed. Rows that have moved to later windows since may be gone.
        """
        self.window = window
        self.left = parts
        self.parent = parent
        self._stream = stream
        self._missing = shown
        self._shown_earlier = self._earlier = earlier
        self._counted = counted
        self._brought = 0
        self._on_edge: Hashes | None = None

    def split_part(self, parts: int) -> None:
        """Note that one of the parts is read in so many parts itself."""
        self.left += parts - 1

    def complete_part(self, rows: WindowRows, moved: MovedRows) -> None:
        """Add a complete part to every window that it is a part of, and check the windows whose parts are all read.

        Raises:
            SlotChanged: the parts of a window contradict it.
        """
        for split in self._with_parents():
            split.add(rows)
        for split in self._with_parents():
            split.left -= 1
            if split.left:
                return
            if problem := split.contradiction(moved):
                raise SlotChanged(problem)

    def _with_parents(self) -> Iterator[SplitWindow]:
        """Yield this window, then the one that it is a part of, and so on."""
        split: SplitWindow | None = self
        while split is not None:
            yield split
            split = split.parent

    def add(self, rows: WindowRows) -> None:
        """Count the rows of a part; parts come in order. A row on the edge of two parts counts once."""
        self._brought += rows.distinct
        if (versions := rows.versions(self._stream)) is None:
            return
        if self._earlier is not None:
            self._earlier = self._earlier.lacking_in(versions)
        if self._missing is None:
            return
        self._missing = self._missing.lacking_in(versions)
        if self._on_edge is not None:
            self._brought -= len(self._on_edge) - len(keys.without(self._on_edge, versions.hashes))
        self._on_edge = None
        if self._stream.time_column and rows.window is not None:
            column = rows.table[self._stream.time_column]
            self._on_edge = versions.hashes[arrays.integers(column) == ends(rows.window, column.type)[1]]

    def contradiction(self, moved: MovedRows) -> str | None:
        """Say how the parts contradict the window, once all are read; None if they don't."""
        if self._brought < self._counted:
            return f"the provider counts {self._counted} rows in {self.window}, {self._brought} came in its parts"
        missing = 0 if self._missing is None else len(self._missing)
        if self._earlier is not None and self._shown_earlier is not None:
            explained = not missing and moved.explain(self._earlier, self._shown_earlier, self.window)
            missing = max(missing, 0 if explained else len(self._earlier))
        if missing:
            return f"{missing} rows that the provider showed in {self.window} did not come in its parts, or came older"
        return None
