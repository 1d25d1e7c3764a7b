"""What a piece of work changes in the table: which rows give way, which are no longer reported, which are added.

The keys of the files concerned are read a few row groups at a time and matched with the piece, so that memory follows
the piece, never the table.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from airflow_betproviders.bets_table.schema import INSTANT, KEY, STORED
from airflow_betproviders.bets_table.table import DataFile, NewFiles, Snapshot, reading

if TYPE_CHECKING:
    from deltalake.transaction import AddAction

_SOURCE = ("stream", "slot_start", "slot_end", "extracted_at")
_READ = (*KEY, "updated_at", *_SOURCE, "missing_since")
_RANK = ("updated_at", "extracted_at", "slot_start", "slot_end", "stream")
_TOGETHER = 4  # row groups whose keys are looked up at once
_SMALL = 10_000  # rows that are no file of their own
_WRITTEN = 50_000  # rows of a piece that are written at once
_SEPARATOR = "\x1f"

Mask = npt.NDArray[np.bool_]
Rows = npt.NDArray[np.int64]


@dataclass(frozen=True)
class ReextractedSlot:
    """A slot that was merged before and has been merged again: rows that only an older version of it brought are missing.

    Attributes:
        account: its account.
        stream: its stream's label.
        start: of the slot.
        end: of the slot.
        extracted_at: of its present version.
        dates: on which its rows may lie.
    """

    account: str
    stream: str
    start: datetime
    end: datetime
    extracted_at: datetime
    dates: frozenset[date]

    def missing(self, rows: pa.Table) -> Mask:
        """Which rows of the table it brought before and brings no longer."""
        found = pc.and_(pc.equal(rows["account"], self.account), pc.equal(rows["stream"], self.stream))
        found = pc.and_(found, pc.greater_equal(rows["slot_start"], pa.scalar(self.start, INSTANT)))
        found = pc.and_(found, pc.less_equal(rows["slot_end"], pa.scalar(self.end, INSTANT)))
        found = pc.and_(found, pc.less(rows["extracted_at"], pa.scalar(self.extracted_at, INSTANT)))
        return _mask(pc.and_(found, pc.is_null(rows["missing_since"])))


class MergeBatch:
    """Bets to be merged at once, each key once, and the slots that were read again.

    Args:
        bets: rows of the bets table of one provider, any key any number of times.
        reread: slots whose last rows are in this piece, merged before.
    """

    def __init__(self, provider: str, bets: pa.Table, reread: Sequence[ReextractedSlot]) -> None:
        self.provider = provider
        self.bets = newest(bets)
        self.reread = reread
        self.keys = _keys(self.bets)
        self.versions = self.bets.select(["updated_at", *_SOURCE])
        self.dates: frozenset[date] = frozenset(pc.unique(self.bets["bet_date"]).to_pylist())

    def concerned(self, files: Iterable[DataFile], moved_within: timedelta | None) -> list[DataFile]:
        """The files that may hold one of its bets, under its own date or another, or a row that is missing."""
        marked = {day for slot in self.reread for day in slot.dates}
        if moved_within is None and self.dates:
            return list(files)
        reach = range(-(moved_within or timedelta(0)).days, (moved_within or timedelta(0)).days + 1)
        near = {day + timedelta(days=step) for day in self.dates for step in reach}
        return [file for file in files if file.day in near | marked]


@dataclass
class Change:
    """What becomes of one file of so many rows: some give way, some are marked with when they were first missing."""

    rows: int
    dropped: Rows
    marked: Rows
    since: list[datetime]


@dataclass
class Plan:
    """What a piece does to the files of a snapshot.

    Attributes:
        changes: by file; files that stay as they are are not named.
        beaten: rows of the piece that the table knows in a newer version.
        replaced: rows of the piece that the table knew in an older one.
    """

    changes: dict[DataFile, Change] = field(default_factory=dict)
    beaten: set[int] = field(default_factory=set)
    replaced: set[int] = field(default_factory=set)

    @property
    def missing(self) -> int:
        """Rows that are marked."""
        return sum(len(change.marked) for change in self.changes.values())


def make(snapshot: Snapshot, piece: MergeBatch, files: Iterable[DataFile]) -> Plan:
    """Hold the piece against files of the table."""
    plan = Plan()
    for file in files:
        dropped: list[Rows] = []
        marked: dict[int, datetime] = {}
        begin = 0
        slots = [slot for slot in piece.reread if file.day in slot.dates]
        with reading(snapshot.fs, file.path) as parquet:
            for groups in _together(parquet.num_row_groups):
                keys = parquet.read_row_groups(groups, list(KEY), use_threads=False)
                theirs, ours = _pairs(piece, keys)
                mine = theirs
                if slots or len(theirs):
                    rows = parquet.read_row_groups(groups, list(_READ), use_threads=False)
                    mine = _giving_way(piece, rows, theirs, ours, plan)
                    for slot in slots:
                        gone = slot.missing(rows)
                        gone[mine] = False
                        marked |= dict.fromkeys((np.flatnonzero(gone) + begin).tolist(), slot.extracted_at)
                dropped.append(mine + begin)
                begin += keys.num_rows
        change = Change(
            begin, np.concatenate([np.empty(0, np.int64), *dropped]), np.array(sorted(marked), np.int64), []
        )
        change.since = [marked[row] for row in change.marked.tolist()]
        if len(change.dropped) or marked:
            plan.changes[file] = change
    return plan


def apply(snapshot: Snapshot, piece: MergeBatch, plan: Plan) -> list[AddAction]:
    """Write the files that take the place of the changed ones, with the piece's own rows."""
    files = NewFiles(snapshot.fs, piece.provider)
    added: list[AddAction] = []
    for file, change in plan.changes.items():
        begin = 0
        # A large file is rewritten by itself, so that bets of one hour stay together and the next piece changes few
        # files; and it is finished at once, since an open one holds the rows of its last row group.
        large = change.rows - len(change.dropped) > _SMALL
        target = NewFiles(snapshot.fs, piece.provider) if large else files
        with reading(snapshot.fs, file.path) as parquet:
            for group in range(parquet.num_row_groups):
                rows = parquet.read_row_group(group, STORED.names, use_threads=False)
                target.write(file.day, _changed(rows, change, begin))
                begin += rows.num_rows
        if large:
            added += target.close()
    kept = np.ones(piece.bets.num_rows, bool)
    kept[list(plan.beaten)] = False
    for begin in range(0, piece.bets.num_rows, _WRITTEN):
        some = piece.bets.slice(begin, _WRITTEN)
        some = some.filter(pa.array(kept[begin : begin + _WRITTEN]))
        for day in pc.unique(some["bet_date"]).to_pylist():
            rows = some.filter(pc.equal(some["bet_date"], pa.scalar(day, pa.date32())))
            files.write(day, rows.select(STORED.names))
    return added + files.close()


def newest(bets: pa.Table) -> pa.Table:
    """Each key once, in its newest version: by updated_at, then extracted_at, then the slot's name and stream.

    The rows come by date and time of placing, so that readers who look for a time can skip most of a file.
    """
    if not bets.num_rows:
        return bets
    codes = _keys(bets).combine_chunks().dictionary_encode().indices
    ranked = pa.table({"key": codes, "row": np.arange(bets.num_rows), **{n: bets[n] for n in _RANK}})
    ranked = ranked.sort_by([(name, "ascending") for name in ("key", *_RANK)])
    keys = ranked["key"].to_numpy()
    last = ranked["row"].filter(pa.array(np.append(keys[1:] != keys[:-1], True)))
    times = bets.select(["bet_date", "placed_at", "bet_id"]).take(last)
    order = pc.sort_indices(times, [(name, "ascending") for name in times.column_names])
    return bets.take(last.take(order))


def _together(groups: int) -> list[list[int]]:
    return [list(range(first, min(first + _TOGETHER, groups))) for first in range(0, groups, _TOGETHER)]


def _pairs(piece: MergeBatch, keys: pa.Table) -> tuple[Rows, Rows]:
    """Rows of a row group and rows of the piece that are of one bet."""
    if not piece.bets.num_rows:
        return np.empty(0, np.int64), np.empty(0, np.int64)
    found = pc.index_in(_keys(keys), piece.keys)
    return np.flatnonzero(_mask(pc.is_valid(found))), pc.drop_null(found).to_numpy().astype(np.int64)


def _giving_way(piece: MergeBatch, rows: pa.Table, theirs: Rows, ours: Rows, plan: Plan) -> Rows:
    """Which rows of a row group give way to rows of the piece; notes those of the piece that do not win."""
    if not len(theirs):
        return theirs
    wins = _wins(piece.versions.take(pa.array(ours)), rows.take(pa.array(theirs)))
    plan.beaten.update(ours[~wins].tolist())
    plan.replaced.update(ours[wins].tolist())
    return theirs[wins]


def _wins(new: pa.Table, old: pa.Table) -> Mask:
    """Which of the new versions take the place of the old ones, pair by pair.

    The newer of the two wins; and what a slot says when it is read again holds against what it said before, and what is
    read of a bet that was missing against what was known of it.
    """
    wins = np.zeros(new.num_rows, bool)
    open_ = np.ones(new.num_rows, bool)
    for name in _RANK:
        wins |= open_ & _mask(pc.greater(new[name], old[name]))
        open_ &= _mask(pc.equal(new[name], old[name]))
    inside = pc.and_(pc.equal(new["stream"], old["stream"]), pc.less_equal(new["slot_start"], old["slot_start"]))
    inside = pc.and_(inside, pc.greater_equal(new["slot_end"], old["slot_end"]))
    again = _mask(pc.and_(inside, pc.greater_equal(new["extracted_at"], old["extracted_at"])))
    back = _mask(pc.and_(pc.is_valid(old["missing_since"]), pc.greater(new["extracted_at"], old["extracted_at"])))
    result: Mask = wins | again | back
    return result


def _changed(rows: pa.Table, change: Change, begin: int) -> pa.Table:
    end = begin + rows.num_rows
    first, last = np.searchsorted(change.marked, (begin, end))
    if last > first:
        mask = np.zeros(rows.num_rows, bool)
        mask[change.marked[first:last] - begin] = True
        since = pc.replace_with_mask(
            rows["missing_since"].combine_chunks(), pa.array(mask), pa.array(change.since[first:last], INSTANT)
        )
        rows = rows.set_column(rows.column_names.index("missing_since"), "missing_since", since)
    inside = change.dropped[(change.dropped >= begin) & (change.dropped < end)]
    if len(inside):
        kept = np.ones(rows.num_rows, bool)
        kept[inside - begin] = False
        rows = rows.filter(pa.array(kept))
    return rows


def _keys(rows: pa.Table) -> Any:
    return pc.binary_join_element_wise(*(rows[name] for name in KEY), _SEPARATOR)


def _mask(condition: Any) -> Mask:
    known = pc.fill_null(condition, False)
    chunks = known.chunks if isinstance(known, pa.ChunkedArray) else [known]
    return np.concatenate([np.empty(0, bool), *(chunk.to_numpy(zero_copy_only=False) for chunk in chunks)])
