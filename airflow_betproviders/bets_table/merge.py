"""Merge raw slots into the bets table: in any order, any number of times, side by side with others."""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from airflow_betproviders.bets_table import merge_state
from airflow_betproviders.bets_table import plan as planning
from airflow_betproviders.bets_table.arrow.data_files import removal
from airflow_betproviders.bets_table.batch import MergeBatch, ReextractedSlot, StagedRows
from airflow_betproviders.bets_table.parts import MergePart, PartReader
from airflow_betproviders.bets_table.plan import Plan
from airflow_betproviders.bets_table.raw_slots import RawSlot, RawStream
from airflow_betproviders.bets_table.table import BetsTable, CommitConflict, Snapshot
from airflow_betproviders.declare.interval import Interval
from airflow_betproviders.exceptions import TableContended, UnmergeableSlot

log = logging.getLogger(__name__)

BATCH_ROWS = 1_000_000
MOVED_WITHIN = timedelta(days=3)
COMMIT_TIMEOUT = timedelta(minutes=10)


@dataclass
class MergeStats:
    """Counts of one merge.

    Attributes:
        slots: slots that were new to the table, or newer than its version.
        unchanged: slots that the table already had in their present version.
        rows: rows read.
        added: bets that the table did not have.
        replaced: bets of which the table had an older version.
        older: rows that lost to another version of their bet.
        missing: bets that were marked as missing: their slot no longer reports them.
        without_payout: rows read that are settled, cancelled or void and have no payout.
        commits: versions of the table that this merge made.
        conflicts: attempts that were repeated because another merge committed first.
    """

    slots: int = 0
    unchanged: int = 0
    rows: int = 0
    added: int = 0
    replaced: int = 0
    older: int = 0
    missing: int = 0
    without_payout: int = 0
    commits: int = 0
    conflicts: int = 0


class Merge:
    """Merge the slots of raw streams into a table.

    Rows wait in local files until their commit. Memory holds some 100 bytes for each of them, and a few row groups.

    Args:
        table: the bets table.
        batch_rows: rows that one commit merges at most.
        moved_within: how far the date of a bet may move between versions. Its old version is looked for within so many
            days of its new date; None looks through all of the table.
        commit_timeout: how long to try again when other merges commit first.
    """

    def __init__(
        self,
        table: BetsTable,
        *,
        batch_rows: int = BATCH_ROWS,
        moved_within: timedelta | None = MOVED_WITHIN,
        commit_timeout: timedelta = COMMIT_TIMEOUT,
    ) -> None:
        self._table = table
        self._batch_rows = batch_rows
        self._moved_within = moved_within
        self._commit_timeout = commit_timeout.total_seconds()
        self.stats = MergeStats()
        self._unmergeable: list[str] = []

    def run(self, stream: RawStream, intervals: Sequence[Interval]) -> MergeStats:
        """Merge every slot that overlaps the intervals and is not in the table in its present version.

        Raises:
            TableContended: other merges came first for longer than ``commit_timeout``.
            UnmergeableSlot: some slots cannot become bets; all others were merged.
        """
        began, attempt, self.stats = time.monotonic(), 0, MergeStats()
        while True:
            try:
                self._merge_due(stream, intervals)
            except CommitConflict as conflict:
                attempt += 1
                self._wait(attempt, began, conflict)
            else:
                if self._unmergeable:
                    raise UnmergeableSlot("\n".join(self._unmergeable))
                return self.stats

    def _merge_due(self, stream: RawStream, intervals: Sequence[Interval]) -> None:
        """Find the slots that are due, and merge them."""
        snapshot = self._table.snapshot()
        slots, self._unmergeable = stream.slots(intervals)
        around = sorted({day for interval in intervals for day in interval.days})
        days = {day: merge_state.load_day(self._table, snapshot, stream, day) for day in around}
        due = [slot for slot in slots if days[slot.day].due(slot)]
        reader = PartReader(stream, due, self._batch_rows)
        try:
            with closing(reader.read()) as parts:
                for part in parts:
                    self._merge(stream, days, part)
        finally:
            self._unmergeable += reader.unmergeable
            self.stats.without_payout += reader.without_payout
        listed = {slot.interval for slot in slots}
        known = [item for day in days.values() for item in day.slots.items()]
        unlisted = [
            interval for interval, _ in known if interval not in listed and any(map(interval.overlaps, intervals))
        ]
        if gone := [slot for interval in unlisted if (slot := self._gone(stream, days, interval, snapshot))]:
            with TemporaryDirectory(prefix="betproviders-") as folder:
                self._merge(stream, days, MergePart(StagedRows(stream, Path(folder)), gone=gone))
        self.stats.unchanged = max(0, len(slots) - self.stats.slots)

    def _gone(
        self, stream: RawStream, days: dict[date, merge_state.DayState], interval: Interval, snapshot: Snapshot
    ) -> RawSlot | None:
        """Return a merged slot whose object was deleted, if others, extracted later, cover its time and are merged.

        A bet that these do not report is missing, as if the slot had been extracted again when the first of them was.
        """
        others, _ = stream.slots([interval])
        for day in {slot.day for slot in others} - days.keys():
            days[day] = merge_state.load_day(self._table, snapshot, stream, day)
        if interval.without(slot.interval for slot in others) or any(days[slot.day].due(slot) for slot in others):
            return None
        since = min(slot.extracted_at for slot in others)
        before = days[interval.start.date()].slots[interval].extracted_at
        return None if before and since <= before else RawSlot(stream, interval, "", since, 0)

    def _merge(self, stream: RawStream, days: dict[date, merge_state.DayState], part: MergePart) -> None:
        """Commit one part. Try again while other commits come first."""
        candidates = (_reextracted(stream, slot, days[slot.day]) for slot in (*part.ended, *part.gone))
        batch = MergeBatch(part.staged, [slot for slot in candidates if slot])
        mine = {slot.day for slot in (*part.touched, *part.gone)}
        for slot, dates in part.touched.items():
            days[slot.day].touch(slot, dates)
        for slot in part.ended:
            days[slot.day].finish(slot)
        for slot in part.gone:
            del days[slot.day].slots[slot.interval]
        before = {day: days[day].number for day in mine}
        numbers = {day: merge_state.save_day(self._table, days[day]) for day in mine}
        pointers = {days[day].app: numbers[day] for day in mine}
        plan = self._commit(batch, {days[day].app: before[day] for day in mine}, pointers, len(part.ended))
        for day in mine:
            if (old := before[day]) is not None:
                self._table.remove(merge_state.path_of(days[day].app, old))
            days[day].number = numbers[day]
        self._count(batch, plan, part)

    def _commit(
        self,
        batch: MergeBatch,
        before: dict[str, int | None],
        pointers: dict[str, int],
        ended: int,
    ) -> Plan:
        """Plan and commit on the newest version. Use written files again if the versions in between do not matter.

        Raises:
            CommitConflict: another merge of the same day came first, so the due slots must be looked up again.
        """
        began, attempt = time.monotonic(), 0
        snapshot = self._table.snapshot()
        _refuse_if_moved(snapshot, before)
        while True:
            scanned = set(batch.files_to_read(snapshot.files(batch.provider), self._moved_within))
            plan = planning.make(snapshot.fs, batch, sorted(scanned, key=lambda file: file.path))
            added = planning.apply(snapshot.fs, batch, plan)
            removed = [removal(file) for file in plan.changes]
            summary = {"slots": ended, "rows": len(batch) - int(plan.beaten.sum()), "missing": plan.missing}
            holds = True
            while holds:
                try:
                    snapshot.commit(added, removed, pointers, summary)
                except CommitConflict as conflict:
                    attempt += 1
                    self._wait(attempt, began, conflict)
                    snapshot = self._table.snapshot()
                    if not _has(snapshot, pointers):  # else it was ours, and only its answer was lost
                        _refuse_if_moved(snapshot, before)
                        holds = self._still_holds(snapshot, batch, plan, scanned)
                        continue
                self.stats.commits += 1
                return plan
            # Never committed, as the pointers show; files of any other failure are left to vacuum.
            for action in added:
                self._table.remove(action.path)

    def _still_holds(self, snapshot: Snapshot, batch: MergeBatch, plan: Plan, scanned: set[Any]) -> bool:
        """Return whether the plan, made on an older version, holds for this version too."""
        files = snapshot.files(batch.provider)
        if not plan.changes.keys() <= set(files):
            return False
        new = [file for file in batch.files_to_read(files, self._moved_within) if file not in scanned]
        more = planning.make(snapshot.fs, batch, new)
        gone = scanned - set(files)
        if more.changes or more.beaten.any() or (gone and plan.beaten.any()):
            return False
        scanned |= set(new)
        return True

    def _wait(self, attempt: int, began: float, conflict: CommitConflict) -> None:
        self.stats.conflicts += 1
        if time.monotonic() - began > self._commit_timeout:
            raise TableContended(
                f"{self._table.uri}: other commits came first {attempt} times, for more than {self._commit_timeout:.0f} s. Run "
                f"fewer merges side by side (a pool), or set commit_timeout. The last conflict: {conflict}"
            ) from conflict
        time.sleep(random.uniform(0, min(0.5, 0.02 * 2 ** min(attempt, 5))))

    def _count(self, batch: MergeBatch, plan: Plan, part: MergePart) -> None:
        read = part.staged.rows
        kept = len(batch) - int(plan.beaten.sum())
        replaced = int((plan.replaced & ~plan.beaten).sum())
        self.stats.slots += len(part.ended)
        self.stats.rows += read
        self.stats.added += kept - replaced
        self.stats.replaced += replaced
        self.stats.older += read - kept
        self.stats.missing += plan.missing
        log.info(
            "merged %d slots, %d rows: %d bets new, %d replaced, %d older than the table has, %d missing",
            len(part.ended), read, kept - replaced, replaced, read - kept, plan.missing,
        )  # fmt: skip


def _reextracted(stream: RawStream, slot: RawSlot, day: merge_state.DayState) -> ReextractedSlot | None:
    """Return the slot as one that was merged before, if it was."""
    dates = day.inside(slot.interval)
    if not dates:
        return None
    ends = slot.interval.start, slot.interval.end
    return ReextractedSlot(stream.lake.account, stream.label, *ends, slot.extracted_at, frozenset(dates))


def _has(snapshot: Snapshot, pointers: Mapping[str, int | None]) -> bool:
    return all(snapshot.pointer(app) == number for app, number in pointers.items())


def _refuse_if_moved(snapshot: Snapshot, before: Mapping[str, int | None]) -> None:
    if not _has(snapshot, before):
        raise CommitConflict("another merge has dealt with the same day meanwhile")
