"""Compare rows by their keys and versions, without the rows themselves."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from airflow_betproviders.declare.stream import Stream
from airflow_betproviders.extraction.answers.keys import Hashes
from airflow_betproviders.extraction.decode import arrays

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True, eq=False)
class RowVersions:
    """The keys of rows with their versions: eight bytes a row, and eight for each version column of the stream.

    Attributes:
        hashes: hashes of the rows' keys.
        versions: the values of each version column; the first column decides, then the next.
    """

    hashes: Hashes
    versions: tuple[npt.NDArray[np.int64], ...] = ()

    @classmethod
    def of(cls, stream: Stream, table: pa.Table, hashes: Hashes) -> RowVersions:
        """Return the keys and versions of a table's rows; ``hashes`` are those of its keys."""
        # Copies, so that the table isn't kept in memory.
        return cls(hashes, tuple(arrays.integers(table[name]).copy() for name in stream.version_columns))

    @classmethod
    def joined(cls, several: Iterable[RowVersions]) -> RowVersions:
        """Return the rows of several objects in one."""
        some = [rows for rows in several if len(rows)]
        if len(some) < 2:
            return some[0] if some else NO_ROWS
        columns = zip(*(rows.versions for rows in some), strict=True)
        return cls(np.concatenate([rows.hashes for rows in some]), tuple(map(np.concatenate, columns)))

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.hashes)

    def where(self, chosen: npt.NDArray[np.bool_] | npt.NDArray[np.intp]) -> RowVersions:
        """Return some of the rows, by a mask or by their numbers."""
        return RowVersions(self.hashes[chosen], tuple(column[chosen] for column in self.versions))

    @cached_property
    def newest(self) -> RowVersions:
        """Return the rows sorted by key, each key once in its greatest version."""
        ordered = self.where(np.lexsort((*reversed(self.versions), self.hashes)))
        last = np.append(ordered.hashes[1:] != ordered.hashes[:-1], True)[: len(self)]
        return ordered.where(last)

    def lacking_in(self, others: RowVersions) -> RowVersions:
        """Return the rows that the others lack, or have in older versions only."""
        present, older = self._compared(others)
        return self.where(~present | older)

    def older_in(self, others: RowVersions) -> RowVersions:
        """Return the rows that the others have in older versions only."""
        return self.where(self._compared(others)[1])

    def _compared(self, others: RowVersions) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
        """Return two masks: rows that the others have, and rows that they have in older versions only."""
        older = np.zeros(len(self), bool)
        if not len(self) or not len(others):
            return older, older
        newest = others.newest
        places = np.minimum(np.searchsorted(newest.hashes, self.hashes), len(newest) - 1)
        present: npt.NDArray[np.bool_] = newest.hashes[places] == self.hashes
        same = present.copy()
        for ours, theirs in zip(self.versions, newest.versions, strict=True):
            older |= same & (ours > theirs[places])
            same &= ours == theirs[places]
        return present, older


NO_ROWS = RowVersions(np.empty(0, np.uint64))
