"""Cache the footers of a lake's objects, one small JSON object a month, so that a survey need not open each.

``<path>/_betproviders/receipts-cache/.../2026-11.json`` has the footer of each object and the object's identity as a
listing shows it: an ETag, or inode and times. The store is always listed first, and a footer is read again where the
identity differs. So a replaced object, a lost cache, or a cache that another task wrote meanwhile costs time only.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from itertools import groupby
from typing import Any, TypeAlias

from airflow_betproviders.declare.interval import Interval
from airflow_betproviders.lake.discovery import warn_of_foreign
from airflow_betproviders.lake.layout import Lake, days_in, last_part, listed, refuse_old_layout, slot_of
from airflow_betproviders.lake.publish import Footer, is_object_store, put_bytes, read_footer
from airflow_betproviders.lake.receipt import Receipt

log = logging.getLogger(__name__)

_FORMAT = "objects-1"  # another number, should the members change
_THREADS = 16  # footers read at once
_LISTINGS = 3  # tries when objects vanish between the listing and the reading
_UNFINISHED = re.compile(r"\..*\.[0-9a-f]{32}\.tmp")  # uploads of `lake.publish`
# Of these, whichever a listing shows; an object with one of the strong ones has another value after each write.
_STRONG = ("ETag", "etag", "generation", "ino")
_IDENTITY = (*_STRONG, "LastModified", "last_modified", "updated", "mtime", "created", "size")

_Listing: TypeAlias = dict[Interval, dict[str, Any]]
_Known: TypeAlias = dict[str, tuple[str, Footer | None]]  # by an object's name: its identity and its footer


@dataclass(frozen=True)
class StoredObject:
    """A stored slot and its footer.

    Attributes:
        interval: its start and end, by its name.
        path: its object.
        footer: None where the object is no readable Parquet.
    """

    interval: Interval
    path: str
    footer: Footer | None

    @cached_property
    def receipt(self) -> Receipt | None:
        """Its receipt, or None where it has none that can be read."""
        return self.footer.receipt if self.footer else None


def stored_objects(
    lake: Lake, interval: Interval | None = None, *, warn: Callable[[str], object] = log.warning
) -> list[StoredObject]:
    """List the stored slots that overlap the interval, or all, in order of time, and bring the cache up to date.

    With a cache that is up to date it costs the listings, and one read a month.

    Args:
        lake: the stream's.
        interval: of interest.
        warn: gets one message that names the entries which this package does not make. They are left alone.

    Raises:
        InvalidArgument: the lake has an older layout.
    """
    refuse_old_layout(lake.fs, lake.root)
    foreign: list[str] = []
    days: Iterable[date]
    if interval is None or not is_object_store(lake.fs):
        days, foreign = days_in(lake.fs, lake.base)
        days = [day for day in days if interval is None or day in set(interval.days)]
    else:
        days = interval.days
    found: list[StoredObject] = []
    for month, group in groupby(days, lambda day: f"{day:%Y-%m}"):
        objects = _Month(lake, month, set(group))
        found += objects.stored_objects()
        foreign += objects.foreign
    warn_of_foreign(sorted(set(foreign)), warn)
    return sorted(
        (entry for entry in found if interval is None or entry.interval.overlaps(interval)),
        key=lambda entry: entry.interval,
    )


class _Month:
    """Some days of one month of a lake. Of the other days the cache keeps what it has.

    Attributes:
        foreign: paths of entries that this package does not make.
    """

    def __init__(self, lake: Lake, month: str, days: set[date]) -> None:
        self._lake = lake
        self._month = month
        self._days = days
        self.foreign: list[str] = []

    def stored_objects(self) -> list[StoredObject]:
        known = self._load()
        for _ in range(_LISTINGS):
            listing = self._list()
            footers, vanished = self._footers(listing, known)
            if not vanished:
                break  # else a larger slot may have taken their place
        self._save(known, listing, footers)
        return [StoredObject(slot, str(listing[slot]["name"]), footer) for slot, footer in footers.items()]

    def _list(self) -> _Listing:
        fs, base = self._lake.fs, self._lake.base
        found: Iterable[dict[str, Any]]
        if is_object_store(fs):  # one listing for the month
            fs.invalidate_cache(base)
            found = fs.find(base, prefix=f"slot_date={self._month}", detail=True).values()
        else:
            found = [each for day in sorted(self._days) for each in listed(fs, self._lake.folder(day), detail=True)]
        listing: _Listing = {}
        self.foreign = []
        for each in found:
            path = str(each["name"])
            slot = slot_of(path)
            # An object in another day's folder is no slot: no extraction will ever replace it.
            if slot is None or path.rsplit("/", 2)[-2] != last_part(self._lake.folder(slot.start.date())):
                if not _UNFINISHED.fullmatch(last_part(path)):
                    self.foreign.append(path)
            elif slot.start.date() in self._days:
                listing[slot] = each
        return listing

    def _footers(self, listing: _Listing, known: _Known) -> tuple[dict[Interval, Footer | None], bool]:
        """Return the footers of the listed objects, and whether some objects were gone before they were read."""
        footers, new = {}, []
        for slot, each in listing.items():
            identity, footer = known.get(slot.name, (None, None))
            if identity is not None and identity == _identity(each):
                footers[slot] = footer
            else:
                new.append(slot)
        vanished = False
        with ThreadPoolExecutor(_THREADS, thread_name_prefix="betproviders-footers") as pool:
            reads = [(slot, pool.submit(self._read, listing[slot])) for slot in new]
        for slot, read in reads:
            try:
                footers[slot] = read.result()
            except FileNotFoundError:
                vanished = True
        return footers, vanished

    def _read(self, each: Mapping[str, Any]) -> Footer | None:
        return read_footer(self._lake.fs, str(each["name"])) if each["size"] else None

    def _load(self) -> _Known:
        path = self._lake.receipts_cache(self._month)
        try:
            # Without a start, s3fs would ask for the size first.
            document = json.loads(self._lake.fs.cat_file(path, start=0))
            return {
                name: (identity, Footer(**members) if members else None)
                for name, (identity, members) in document[_FORMAT].items()
            }
        except FileNotFoundError:
            pass
        except (OSError, AttributeError, KeyError, TypeError, ValueError) as problem:
            log.warning("the receipts cache %s cannot be read and is rebuilt: %s", path, problem)
        return {}

    def _save(self, known: _Known, listing: _Listing, footers: Mapping[Interval, Footer | None]) -> None:
        days = {f"{day:%Y%m%d}" for day in self._days}
        members = {name: member for name, member in known.items() if name[:8] not in days}
        for slot, footer in sorted(footers.items(), key=lambda item: item[0]):
            if identity := _identity(listing[slot]):
                members[slot.name] = (identity, footer)
        if members == known:
            return
        path = self._lake.receipts_cache(self._month)
        objects = {name: (identity, vars(footer) if footer else None) for name, (identity, footer) in members.items()}
        text = json.dumps({_FORMAT: objects}, separators=(",", ":"))
        try:
            put_bytes(self._lake.fs, path, text.encode())
        except Exception as problem:  # noqa: BLE001 - whatever forbids it, the next survey only takes longer
            log.warning("the receipts cache %s cannot be written, so footers will be read again: %s", path, problem)


def _identity(listed: Mapping[str, Any]) -> str | None:
    """Return what distinguishes the versions of an object, or None where the listing does not show it."""
    if not any(listed.get(name) for name in _STRONG):
        return None
    return "|".join(f"{name}={listed[name]}" for name in _IDENTITY if listed.get(name) is not None)
