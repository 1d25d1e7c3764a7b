"""Plan a batch's changes to the table: rows to replace, rows that are no longer reported, rows to add.

The keys of the files that may change are read a few row groups at a time and matched with the batch. So memory follows the
batch, never the table.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import date, datetime
from itertools import groupby
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from airflow_betproviders.bets_table.arrow.data_files import DataFile, read_rows, reading
from airflow_betproviders.bets_table.arrow.new_files import NewFiles, Target
from airflow_betproviders.bets_table.batch import Mask, MergeBatch, ReextractedSlot, RowNumbers, as_mask
from airflow_betproviders.bets_table.schema import INSTANT, KEY, STORED

if TYPE_CHECKING:
    import pyarrow.fs as pafs
    from deltalake.transaction import AddAction

_RANK = ("updated_at", "extracted_at", "slot_start", "slot_end", "stream")
_KEY, _VERSION = (pa.schema([STORED.field(name) for name in names]) for names in (KEY, (*_RANK, "missing_since")))
_TOGETHER = 4  # row groups whose keys are looked up at once
_SMALL = 10_000  # rows that are no file of their own


@dataclass
class Change:
    """The change of one file: the rows to drop, and the rows to mark as missing, with when they were first missing."""

    rows: int
    dropped: RowNumbers
    marked: RowNumbers
    since: list[datetime]


@dataclass
class Plan:
    """The changes of a batch to the files of a snapshot.

    Attributes:
        changes: by file; files that stay as they are are not named.
        beaten: for each bet of the batch, whether the table knows it in a newer version.
        replaced: for each bet of the batch, whether the table knew it in an older one.
    """

    beaten: Mask
    replaced: Mask
    changes: dict[DataFile, Change] = field(default_factory=dict)

    @property
    def missing(self) -> int:
        """Return how many rows are marked as missing."""
        return sum(len(change.marked) for change in self.changes.values())


def make(fs: pafs.FileSystem, batch: MergeBatch, files: Iterable[DataFile]) -> Plan:
    """Compare the batch with files of the table."""
    plan = Plan(np.zeros(len(batch), bool), np.zeros(len(batch), bool))
    for file in files:
        with reading(fs, file.path) as parquet:
            change = _compare(parquet, batch, file.day, plan)
        if len(change.dropped) or len(change.marked):
            plan.changes[file] = change
    return plan


def apply(fs: pafs.FileSystem, batch: MergeBatch, plan: Plan) -> list[AddAction]:
    """Write the files that take the place of the changed ones, and the batch's own rows."""
    # A large file is rewritten by itself, so that bets of one hour stay together and the next batch changes few files.
    small = {file: change for file, change in plan.changes.items() if change.rows - len(change.dropped) <= _SMALL}
    with ThreadPoolExecutor(1, thread_name_prefix="betproviders-write") as pool:
        written = _write_batch(fs, pool, batch, plan.beaten, small)
        for file, change in plan.changes.items():
            if file not in small:
                written += _rewrite(fs, pool, file, change)
    return written


def _compare(parquet: pq.ParquetFile, batch: MergeBatch, day: date, plan: Plan) -> Change:
    """Find what changes in one file. Note in the plan which bets of the batch win and which do not."""
    slots = [slot for slot in batch.reextracted if day in slot.dates]
    dropped: list[RowNumbers] = [np.empty(0, np.int64)]
    marked: dict[int, datetime] = {}
    for groups, begin, numbers in _groups(parquet, batch, slots):
        rows = read_rows(parquet, groups, _KEY)
        theirs, ours = batch.find(rows, numbers)
        if not slots and not len(theirs):
            continue
        versions = read_rows(parquet, groups, _VERSION)
        if len(theirs):
            won = wins(batch.versions(ours), versions.take(pa.array(theirs)))
            plan.beaten[ours[~won]] = True
            plan.replaced[ours[won]] = True
            theirs = theirs[won]
        for slot in slots:
            gone = slot.missing(versions.append_column("account", rows["account"]))
            gone[theirs] = False
            marked |= dict.fromkeys((np.flatnonzero(gone) + begin).tolist(), slot.extracted_at)
        dropped.append(theirs + begin)
    lost = np.array(sorted(marked), np.int64)
    return Change(parquet.metadata.num_rows, np.concatenate(dropped), lost, [marked[row] for row in lost.tolist()])


def _groups(
    parquet: pq.ParquetFile, batch: MergeBatch, slots: list[ReextractedSlot]
) -> Iterator[tuple[list[int], int, range]]:
    """Yield row groups to be read at once, the position of their first row, and the numbers of the bets that may be there.

    A row group is left out if its statistics exclude every bet of the batch and every slot.
    """
    together: list[int] = []
    first, begin, numbers = 0, 0, range(0)
    for group in range(parquet.num_row_groups):
        min_max = _min_max(parquet, group)
        here = batch.numbers(min_max)
        wanted = bool(here) or any(slot.may_be_in(min_max) for slot in slots)
        if together and (not wanted or len(together) == _TOGETHER):
            yield together, first, numbers
            together = []
        if wanted:
            numbers = range(min(numbers.start, here.start), max(numbers.stop, here.stop)) if together else here
            first = first if together else begin
            together.append(group)
        begin += parquet.metadata.row_group(group).num_rows
    if together:
        yield together, first, numbers


def _min_max(parquet: pq.ParquetFile, group: int) -> dict[str, tuple[Any, Any]]:
    columns = parquet.metadata.row_group(group)
    min_max = {}
    for name in ("bet_id", "slot_start", "slot_end", "extracted_at"):
        place = parquet.schema_arrow.get_field_index(name)
        statistics = columns.column(place).statistics if place >= 0 else None
        if statistics is not None and statistics.has_min_max:
            min_max[name] = (statistics.min, statistics.max)
    return min_max


def wins(new: Any, old: Any) -> Mask:
    """Return which of the new versions replace the old ones, pair by pair.

    | compared | the new version |
    |---|---|
    | its updated_at is greater | wins |
    | updated_at is equal, its extracted_at is greater | wins |
    | both are equal, its slot_start is greater (then slot_end, then stream, compared in this order) | wins |
    | it comes from the same stream and from a slot that contains the old one's, extracted no earlier | wins |
    | the old one is missing, and this was extracted after the old one | wins |
    | none of these | loses |

    Args:
        new: updated_at, extracted_at, slot_start, slot_end and stream of the new versions.
        old: the same columns of the old versions, and missing_since.
    """
    greater = np.zeros(len(new["updated_at"]), bool)
    equal = ~greater
    for name in _RANK:
        greater |= equal & as_mask(pc.greater(new[name], old[name]))
        equal &= as_mask(pc.equal(new[name], old[name]))
    contains = pc.and_(pc.equal(new["stream"], old["stream"]), pc.less_equal(new["slot_start"], old["slot_start"]))
    contains = pc.and_(contains, pc.greater_equal(new["slot_end"], old["slot_end"]))
    again = as_mask(pc.and_(contains, pc.greater_equal(new["extracted_at"], old["extracted_at"])))
    later = pc.greater(new["extracted_at"], old["extracted_at"])
    back = as_mask(pc.and_(pc.is_valid(old["missing_since"]), later))
    result: Mask = greater | again | back
    return result


def _write_batch(
    fs: pafs.FileSystem, pool: Executor, batch: MergeBatch, beaten: Mask, small: dict[DataFile, Change]
) -> list[AddAction]:
    """Write the batch's own rows, date by date, together with the remaining rows of small files of the same dates."""
    left: dict[date, list[DataFile]] = {}
    for file in small:
        left.setdefault(file.day, []).append(file)
    done: list[AddAction] = []
    parts = (part for rows in batch.rows(beaten) for part in _by_date(rows))
    for day, days in groupby(parts, lambda part: part[0]):
        files = NewFiles(Target(fs, pool, STORED, batch.provider, day))
        _move(fs, small, left.pop(day, []), files)
        for _, rows in days:
            files.write(rows)
        done += files.close()
    for day, rest in left.items():
        files = NewFiles(Target(fs, pool, STORED, batch.provider, day))
        _move(fs, small, rest, files)
        done += files.close()
    return done


def _by_date(rows: pa.Table) -> Iterator[tuple[date, pa.Table]]:
    """Yield the rows of each date; the rows come by date."""
    begin = 0
    for date_count in pc.value_counts(rows["bet_date"]).to_pylist():
        yield date_count["values"], rows.slice(begin, date_count["counts"]).select(STORED.names)
        begin += date_count["counts"]


def _rewrite(fs: pafs.FileSystem, pool: Executor, file: DataFile, change: Change) -> list[AddAction]:
    files = NewFiles(Target(fs, pool, STORED, file.provider, file.day))
    _move(fs, {file: change}, [file], files)
    return files.close()


def _move(fs: pafs.FileSystem, changes: dict[DataFile, Change], files: Iterable[DataFile], target: NewFiles) -> None:
    """Write the remaining rows of some files to new ones."""
    for file in files:
        change, begin = changes[file], 0
        with reading(fs, file.path) as parquet:
            for group in range(parquet.num_row_groups):
                end = begin + parquet.metadata.row_group(group).num_rows
                kept = np.ones(end - begin, bool)
                kept[change.dropped[(change.dropped >= begin) & (change.dropped < end)] - begin] = False
                rows = read_rows(parquet, [group], STORED, kept)
                target.write(_with_marks(rows, change, begin, kept))
                begin = end


def _with_marks(rows: pa.Table, change: Change, begin: int, kept: Mask) -> pa.Table:
    """Mark rows of a row group as missing.

    Args:
        rows: the rows that are kept.
        change: the change of the file; no row that it marks is dropped.
        begin: the position of the row group's first row in the file.
        kept: which rows of the row group are kept.
    """
    first, last = np.searchsorted(change.marked, (begin, begin + len(kept)))
    if first == last:
        return rows
    mask = np.zeros(len(kept), bool)
    mask[change.marked[first:last] - begin] = True
    column = rows["missing_since"].combine_chunks()
    since = pc.replace_with_mask(column, pa.array(mask[kept]), pa.array(change.since[first:last], INSTANT))
    return rows.set_column(rows.column_names.index("missing_since"), "missing_since", since)
