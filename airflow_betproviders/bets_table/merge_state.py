"""Record which version of each raw slot has been merged: one small object a stream and day, swapped by the merge's own commit.

The commit names the object by a number under an application id of its own (Delta's ``txn`` action), so that rows and
what is known of them change in one step, and two merges of one day conflict.
"""

from __future__ import annotations

import logging
import secrets
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from urllib.parse import quote

import msgspec
import pyarrow.fs as pafs

from airflow_betproviders.bets_table.raw_slots import RawSlot, RawStream
from airflow_betproviders.bets_table.table import BetsTable, CommitConflict, Snapshot
from airflow_betproviders.declare.interval import Interval
from airflow_betproviders.lake.folder_names import shortened

log = logging.getLogger(__name__)

_FOLDER = "_merged"
# So many numbers are there for the objects of one microsecond.
_NUMBERS = 1 << 10


@dataclass
class SlotState:
    """The state of one slot in the table.

    Attributes:
        extracted_at: its version in the table; None while its first merge is under way.
        dates: bet dates on which rows of it may lie, whatever the version.
    """

    extracted_at: datetime | None = None
    dates: set[date] = field(default_factory=set)


@dataclass
class DayState:
    """The slots of one stream and day.

    Attributes:
        app: the application id in the table's log.
        number: the number of the object that this state was read from; None if there was none.
        slots: the state of each slot.
        lost: the dates of all files of the provider if the object is lost or damaged, as rows of any slot may lie there; else
            empty.
    """

    app: str
    number: int | None
    slots: dict[Interval, SlotState]
    lost: frozenset[date] = frozenset()

    def due(self, slot: RawSlot) -> bool:
        """Return whether the slot's present version is newer than what is in the table."""
        known = self.slots.get(slot.interval)
        return known is None or known.extracted_at is None or known.extracted_at < slot.extracted_at

    def inside(self, interval: Interval) -> set[date]:
        """Return the dates of rows that the slot, or smaller ones that it replaces, brought before."""
        known = {day for slot, merged in self.slots.items() if interval.contains(slot) for day in merged.dates}
        return known | self.lost

    def touch(self, slot: RawSlot, dates: Iterable[date]) -> None:
        """Note that rows of the slot will lie on these dates."""
        self.slots.setdefault(slot.interval, SlotState()).dates.update(dates, self.lost)

    def finish(self, slot: RawSlot) -> None:
        """Note that the slot is in the table, and forget the slots inside it."""
        mine = self.slots.setdefault(slot.interval, SlotState())
        mine.extracted_at = slot.extracted_at
        for other in [other for other in self.slots if slot.interval.contains(other) and other != slot.interval]:
            mine.dates |= self.slots.pop(other).dates

    def to_json(self) -> dict[str, object]:
        """Return the members as they are stored."""
        return {
            slot.name: {
                "extracted_at": merged.extracted_at.isoformat() if merged.extracted_at else None,
                "dates": sorted(day.isoformat() for day in merged.dates),
            }
            for slot, merged in self.slots.items()
        }


def load_day(table: BetsTable, snapshot: Snapshot, stream: RawStream, day: date) -> DayState:
    """Load a day's state from a snapshot.

    Raises:
        CommitConflict: a commit has swapped the object meanwhile.
    """
    app = app_of(stream, day)
    number = snapshot.pointer(app)
    if number is None:
        return DayState(app, None, {})
    path = path_of(app, number)
    try:
        stored = msgspec.convert(table.read_json(path), dict[str, SlotState])
    except ValueError as problem:
        if table.snapshot().pointer(app) != number:
            raise CommitConflict(f"{app} has moved on") from problem
        log.warning("%s/%s cannot be read (%s), so all slots of its day are merged again", table.uri, path, problem)
        return DayState(app, number, {}, frozenset(file.day for file in snapshot.files(stream.lake.provider)))
    return DayState(app, number, {slot: state for name, state in stored.items() if (slot := Interval.from_name(name))})


def save_day(table: BetsTable, day: DayState) -> int:
    """Store a day's state under a new number, and return the number for the commit."""
    number = _first_number_at(time.time_ns() // 1000) + secrets.randbelow(_NUMBERS)
    table.write_json(path_of(day.app, number), day.to_json())
    return number


def remove_unused(table: BetsTable, retention: timedelta) -> int:
    """Remove objects that no day needs any longer, such as those of a killed merge, and return how many.

    A day's newest object stays, and so does each that is younger than ``retention``: a merge may be about to commit it.
    """
    selector = pafs.FileSelector(_FOLDER, recursive=True, allow_not_found=True)
    numbers_of: dict[str, list[int]] = {}
    for file in table.fs.get_file_info(selector):
        app, _, name = file.path.partition(f"{_FOLDER}/")[2].rpartition("/")
        if name.endswith(".json") and name.removesuffix(".json").isdigit():
            numbers_of.setdefault(app, []).append(int(name.removesuffix(".json")))
    snapshot = table.snapshot()
    oldest = _first_number_at(time.time_ns() // 1000 - int(retention.total_seconds() * 1e6))
    removed = 0
    for app, numbers in numbers_of.items():
        current = snapshot.pointer(app)
        for number in numbers:
            if number != current and number < oldest:
                table.remove(path_of(app, number))
                removed += 1
    return removed


def _first_number_at(microsecond: int) -> int:
    """Return the least number of an object that is stored in a microsecond since 1970."""
    return microsecond * _NUMBERS


def app_of(stream: RawStream, day: date) -> str:
    """Return the application id of a stream's day."""
    parts = (stream.lake.provider, stream.lake.account, *stream.label.split("/"), f"date={day:%Y-%m-%d}")
    return "/".join(shortened(quote(part, safe="@+,="), part) for part in parts)


def path_of(app: str, number: int) -> str:
    """Return the object that holds a day, in the table's folder; names that begin with ``_`` are no data to Delta."""
    return f"{_FOLDER}/{app}/{number}.json"
