"""Build the paths of a stream's objects in the lake.

```
<path>/provider=aig/stream=transactions/account=agent001/slot_date=2026-11-20/20261120T050000Z-20261120T060000Z.parquet
<path>/filtered/provider=pv/stream=history/account=~101/filter=game_id%3D2011/slot_date=2026-11-20/....parquet
<path>/_betproviders/{archive,quarantine,receipts-cache,reconciliation}/provider=.../stream=.../account=.../...
```

Only data lies under ``provider=``. An object's path follows from account, stream, filters and slot, never from the run:
a retry, a cleared task and a backfill overwrite each other. No folder is named like a column of its files.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache
from typing import Any

from airflow_betproviders.declare.interval import Interval
from airflow_betproviders.exceptions import InvalidArgument, OverlappingSlot
from airflow_betproviders.lake.folder_names import folder_name, percent_encoded, value_of
from airflow_betproviders.lake.store.listing import folder_entries, last_part, scan_entries

FILTERED = "filtered"
BESIDE = "_betproviders"
ARCHIVE = "archive"
QUARANTINE = "quarantine"
RECEIPTS_CACHE = "receipts-cache"
RECONCILIATION = "reconciliation"
SLOT_DATE = "slot_date"  # not "date": PV's stage_summary has such a column
# Columns that readers make of folders. No field of a stream may have such a name.
COLUMNS = ("provider", "stream", "account", "filter", SLOT_DATE)
_OLD_LAYOUT = re.compile(r"date=\d{4}-\d\d-\d\d|_index|_archive|_quarantine|_reconciliation")


@dataclass(frozen=True)
class Lake:
    """One stream of one account under a path of a file system.

    Attributes:
        fs: an fsspec file system.
        root: the path in it, without protocol.
        provider: connection type.
        stream: stream name.
        account: the account's login at the provider.
        filters: the provider's own filters, where the stream was narrowed.
    """

    fs: Any
    root: str
    provider: str
    stream: str
    account: str
    filters: Mapping[str, Any] = field(default_factory=dict)

    @property
    def filter_texts(self) -> list[str]:
        """Return the filters as text, in one order: ``["currency=CNY", "game_id=2011"]``."""
        names = sorted(self.filters)
        return [f"{percent_encoded(name)}={percent_encoded(_text(self.filters[name]), ',@')}" for name in names]

    @property
    def base(self) -> str:
        """Return the folder above the days."""
        return "/".join([self.root.rstrip("/"), *([FILTERED] if self.filters else []), *self._folders])

    def beside(self, kind: str) -> str:
        """Return a folder beside the data: of archives, quarantined rows, cached receipts or reconciliations."""
        return "/".join([self.root.rstrip("/"), BESIDE, kind, *self._folders])

    def folder(self, day: date) -> str:
        """Return the folder of the slots that begin on that day."""
        return f"{self.base}/{_day(day)}"

    def data(self, slot: Interval) -> str:
        """Return the path of the slot's Parquet object."""
        return f"{self.folder(slot.start.date())}/{slot.name}.parquet"

    def quarantine(self, slot: Interval) -> str:
        """Return the path of the slot's quarantined rows, one JSON document a line."""
        return f"{self.beside(QUARANTINE)}/{_day(slot.start.date())}/{slot.name}.jsonl"

    def archive(self, slot: Interval) -> str:
        """Return the archive of the slot's raw answers. It is Parquet, with another ending so that no glob takes it for bets."""
        return f"{self.beside(ARCHIVE)}/{_day(slot.start.date())}/{slot.name}.archive"

    def failed(self, slot: Interval) -> str:
        """Return the archive of the last failed extraction of the slot. It is kept for inspection; no replay uses it."""
        return self.archive(slot).replace(".archive", ".failed.archive")

    def receipts_cache(self, month: str) -> str:
        """Return the path of the cached receipts of a month such as ``2026-11``; see `lake.survey.footer_cache`."""
        return f"{self.beside(RECEIPTS_CACHE)}/{month}.json"

    def stored(self, interval: Interval) -> dict[Interval, str]:
        """Return the objects that overlap the interval, by their slot. Costs one listing a day.

        Raises:
            InvalidArgument: the lake has an older layout.
        """
        refuse_old_layout(self.fs, self.root)
        return self._found(interval, self.base, ".parquet")

    def archived(self, interval: Interval) -> dict[Interval, str]:
        """Return the archives that overlap the interval, by their slot. Costs one listing a day."""
        return self._found(interval, self.beside(ARCHIVE), ".archive")

    def archive_days(self) -> dict[date, str]:
        """Return the folders of archives, by their day. Costs one listing."""
        days, _ = days_in(self.fs, self.beside(ARCHIVE))
        return {day: f"{self.beside(ARCHIVE)}/{_day(day)}" for day in days}

    def days(self) -> list[date]:
        """Return the days that have a folder, in order. Costs one listing.

        Raises:
            InvalidArgument: the lake has an older layout.
        """
        refuse_old_layout(self.fs, self.root)
        return days_in(self.fs, self.base)[0]

    @property
    def _folders(self) -> Iterator[str]:
        for key, value in (("provider", self.provider), ("stream", self.stream), ("account", self.account)):
            yield folder_name(key, value)
        if self.filters:
            yield folder_name("filter", "&".join(self.filter_texts))

    def _found(self, interval: Interval, base: str, suffix: str) -> dict[Interval, str]:
        paths: dict[Interval, str] = {}
        for day in interval.days:
            for folder, name, _, size in scan_entries(self.fs, f"{base}/{_day(day)}"):
                slot = slot_of(name, suffix)
                # A folder or a link to nowhere may have such a name too.
                if slot is not None and size is not None and slot.overlaps(interval):
                    paths[slot] = f"{folder}/{name}"
        return paths


def values_in(fs: Any, folder: str, key: str) -> tuple[dict[str, str], list[str]]:
    """List the folders of one key, ``account=`` for instance.

    Returns:
        Their values, by the folder's name, and the paths of entries that this package does not make.
    """
    values, foreign = {}, []
    for path in sorted(folder_entries(fs, folder, detail=False)):
        name = last_part(path)
        value = value_of(key, name)
        if value is None:
            foreign.append(path)
        else:
            values[name] = value
    return values, foreign


def days_in(fs: Any, folder: str) -> tuple[list[date], list[str]]:
    """List the days that have a folder, in order, and the paths of entries that this package does not make."""
    days, foreign = [], []
    for path in sorted(folder_entries(fs, folder, detail=False)):
        day = None
        with suppress(ValueError):
            day = date.fromisoformat(last_part(path).removeprefix(f"{SLOT_DATE}="))
        if day is None or _day(day) != last_part(path):
            foreign.append(path)
        else:
            days.append(day)
    return days, foreign


def slot_of(path: str, suffix: str = ".parquet") -> Interval | None:
    """Return the slot whose object has this path, or None where it is no slot's."""
    name = last_part(path)
    return slot_named(name.removesuffix(suffix)) if name.endswith(suffix) else None


@lru_cache(maxsize=50_000)
def slot_named(name: str) -> Interval | None:
    """Parse a slot's name. Accounts have slots of the same names, and parsing takes most of a survey's time."""
    return Interval.from_name(name)


@lru_cache(maxsize=256)
def refuse_old_layout(fs: Any, root: str) -> None:
    """Refuse a lake of an older layout. Costs one to four listings, once a process and path.

    Raises:
        InvalidArgument: names a folder of the older layout, and the cure.
    """
    folder = root.rstrip("/")
    names = [last_part(path) for path in folder_entries(fs, folder, detail=False)]
    if BESIDE in names:
        return
    for key in ("provider=", "stream=", "account=", "date="):
        old = next((name for name in names if _OLD_LAYOUT.fullmatch(name)), None)
        if old:
            raise InvalidArgument(
                f"{folder}/{old} belongs to a lake of an older layout, which this version does not read. Give an empty path "
                "and extract or replay again, or keep the version that wrote it."
            )
        folder = f"{folder}/{next((name for name in names if name.startswith(key)), '')}"
        if folder.endswith("/"):
            return
        names = [last_part(path) for path in folder_entries(fs, folder, detail=False)]


def refuse_overlap(slots: Iterable[Interval], stored: Mapping[Interval, str]) -> None:
    """Refuse slots that partly overlap a stored object; a slot that contains the object may replace it.

    Raises:
        OverlappingSlot: names the object and the cure.
    """
    for slot in slots:
        for other, path in stored.items():
            if slot.overlaps(other) and not slot.contains(other):
                raise OverlappingSlot(
                    f"slot {slot} overlaps a part of the stored object {path}, so rows would be stored twice. Use "
                    f"the slot width of that object ({other.width}), or a slot that contains it, or delete it first."
                )


def _day(day: date) -> str:
    return f"{SLOT_DATE}={day:%Y-%m-%d}"


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, list | tuple | set):
        return ",".join(sorted(_text(item) for item in value))
    return json.dumps(value, sort_keys=True)
