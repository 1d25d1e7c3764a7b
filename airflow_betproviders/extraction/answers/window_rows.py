"""Combine the pages of one window into its rows, each key once."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from airflow_betproviders.declare.interval import Interval
from airflow_betproviders.declare.stream import Stream
from airflow_betproviders.extraction.answers import keys
from airflow_betproviders.extraction.answers.instants import as_text, ends, units
from airflow_betproviders.extraction.answers.rejected_times import RejectedTimes
from airflow_betproviders.extraction.answers.row_versions import RowVersions
from airflow_betproviders.extraction.decode import arrays
from airflow_betproviders.extraction.decode.coerce import OddCounts
from airflow_betproviders.extraction.decode.decoder import Page
from airflow_betproviders.lake.quarantine import RejectedRow


@dataclass
class WindowRows:
    """The rows of one window, each key once.

    Attributes:
        window: the requested window; None for a snapshot.
        table: the rows that fit the schema.
        hashes: hashes of these rows' keys; None where the stream has no key.
        rejected: the rejected rows.
        total: the provider's count of rows; None where it gives none.
        duplicates: number of rows that were dropped because their key came again.
        counts: counts of values that were not as declared.
        slow_pages: answers that were decoded row by row.
        calls: the numbers of the calls that returned the rows.
        proof: what shows that the window is complete (`airflow_betproviders.declare.pagination`).
    """

    window: Interval | None
    table: pa.Table
    hashes: keys.Hashes | None = None
    rejected: list[RejectedRow] = field(default_factory=list)
    total: int | None = None
    duplicates: int = 0
    counts: OddCounts = field(default_factory=OddCounts)
    slow_pages: int = 0
    calls: tuple[int, ...] = ()
    proof: str = ""

    @classmethod
    def from_pages(cls, stream: Stream, window: Interval | None, pages: Sequence[Page]) -> WindowRows:
        """Combine the pages of a window. Where a key comes twice, the newest version is kept."""
        table = pa.concat_tables([page.table for page in pages])
        rejected = list({row.raw: row for page in pages for row in page.rejected}.values())
        calls = tuple(page.call for page in pages)
        slow_pages = sum(not page.fast for page in pages)
        rows = cls(window, table, rejected=rejected, total=pages[0].total, slow_pages=slow_pages, calls=calls)
        for page in pages:
            rows.counts.add(page.counts)
        if stream.key:
            rows.hashes = keys.hashes(table, stream.key)
            repeated = keys.shared(np.sort(rows.hashes))
            if len(repeated):
                suspects = np.flatnonzero(keys.occur(rows.hashes, repeated))
                dropped = keys.superseded(table.take(arrays.rows(suspects)), stream.key, stream.version_columns)
                once = np.ones(table.num_rows, bool)
                once[suspects[dropped]] = False
                rows.filter(once)
                rows.duplicates = len(dropped)
        return rows

    def versions(self, stream: Stream) -> RowVersions | None:
        """Return the keys and versions of the rows; None where the stream has no key."""
        return None if self.hashes is None else RowVersions.of(stream, self.table, self.hashes)

    @property
    def distinct(self) -> int:
        """Return the number of distinct rows, including those that don't fit the schema."""
        return int(self.table.num_rows) + len(self.rejected)

    def filter(self, mask: npt.NDArray[np.bool_]) -> None:
        """Drop the rows that the mask leaves out."""
        if mask.all():
            return
        self.table = self.table.filter(arrays.mask(mask))
        if self.hashes is not None:
            self.hashes = self.hashes[mask]

    def reject(self, mask: npt.NDArray[np.bool_], reason: Callable[[dict[str, Any]], str]) -> None:
        """Move the rows of a mask to the rejected ones. ``reason`` gets a row and returns why it is rejected."""
        for row in self.table.filter(arrays.mask(mask)).to_pylist():
            members = {name: value for name, value in row.items() if value is not None}
            self.rejected.append(RejectedRow(json.dumps(members, default=as_text), reason(row)))
        self.filter(~mask)

    def keep_window(self, time_column: str, time_of: RejectedTimes) -> None:
        """Drop the rows outside the window; rejected ones without a readable time stay."""
        assert self.window is not None  # noqa: S101 - only what has a time has rows outside
        instants = arrays.integers(self.table[time_column])
        start, end = ends(self.window, self.table[time_column].type)
        self.filter((instants >= start) & (instants < end))
        self.rejected = time_of.inside(self.rejected, self.window)

    def at(self, instant: datetime, time_column: str, time_of: RejectedTimes) -> tuple[WindowRows, list[RejectedRow]]:
        """Return the rows at an instant, and the rejected rows without a readable time."""
        times = [(row, time_of(row)) for row in self.rejected]
        rows = replace(self, rejected=[row for row, time in times if time == instant])
        column = self.table[time_column]
        rows.filter(arrays.integers(column) == units(instant, column.type))
        return rows, [row for row, time in times if time is None]

    def without(self, others: WindowRows) -> WindowRows:
        """Return the rows that the others lack. Rows are compared by key, rejected rows by their text."""
        assert self.hashes is not None  # noqa: S101 - compared by them
        assert others.hashes is not None  # noqa: S101 - compared by them
        known = {row.raw for row in others.rejected}
        left = replace(self, rejected=[row for row in self.rejected if row.raw not in known])
        left.filter(~keys.occur(self.hashes, others.hashes))
        return left

    def take_newer(self, others: WindowRows, stream: Stream) -> int:
        """Replace each row that the others have in a newer version; return how many were replaced."""
        ours, theirs = self.versions(stream), others.versions(stream)
        assert ours is not None  # noqa: S101 - compared by their keys
        assert theirs is not None  # noqa: S101 - compared by their keys
        newer = theirs.older_in(ours).hashes
        if len(newer):
            replacements = replace(others, rejected=[])
            replacements.filter(keys.occur(theirs.hashes, newer))
            self.filter(~keys.occur(ours.hashes, newer))
            self.prepend(replacements)
        return len(newer)

    def prepend(self, others: WindowRows) -> None:
        """Put the others' rows before these."""
        assert self.hashes is not None  # noqa: S101 - both have keys
        assert others.hashes is not None  # noqa: S101 - both have keys
        self.table = pa.concat_tables([others.table, self.table])
        self.hashes = np.concatenate([others.hashes, self.hashes])
        self.rejected = [*others.rejected, *self.rejected]

    def move_out(self) -> tuple[pa.Table, keys.Hashes | None]:
        """Return the rows and forget them, so that nothing else keeps them in memory."""
        taken = self.table, self.hashes
        self.table, self.hashes = self.table.slice(0, 0), None
        return taken
