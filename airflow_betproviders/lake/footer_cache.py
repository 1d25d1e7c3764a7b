"""Cache the footers of a lake's objects, one small JSON object a month, so that a survey need not open each.

``<path>/_betproviders/receipts-cache/.../2026-11.json`` has the footer of each object and the object's identity as a
listing shows it: an ETag, or inode and times. The store is always listed first, and a footer is read again where the
identity differs. So a replaced object, a lost cache, or a cache that another task overwrote costs time and nothing else.
"""

from __future__ import annotations

import json
import logging
import os
import re
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import MISSING, dataclass, fields
from datetime import date
from functools import cached_property
from itertools import groupby
from typing import Any, NamedTuple, TypeAlias

from airflow_betproviders.declare.interval import Interval
from airflow_betproviders.lake.discovery import warn_of_foreign
from airflow_betproviders.lake.layout import Lake, days_in, last_part, listed, refuse_old_layout, slot_of
from airflow_betproviders.lake.publish import Footer, is_object_store, put_bytes, read_footer
from airflow_betproviders.lake.receipt import Receipt

log = logging.getLogger(__name__)

_FORMAT = "objects-2"  # another number, should the members change
_THREADS = 16  # footers read at once
_LISTINGS = 3  # tries when objects vanish between the listing and the reading
_UNFINISHED = re.compile(r"\..*\.[0-9a-f]{32}\.tmp")  # uploads of `lake.publish`
# Of these, whichever a listing shows; an object with one of the strong ones has another value after each write.
_STRONG = ("ETag", "etag", "generation", "ino")
_IDENTITY = (*_STRONG, "LastModified", "last_modified", "updated", "mtime", "created", "size")

_NONE = object()
_FIELDS = {each.name for each in fields(Receipt)}
_DEFAULTS = {each.name: each.default for each in fields(Receipt) if each.default is not MISSING} | {
    each.name: each.default_factory() for each in fields(Receipt) if each.default_factory is not MISSING
}

_Known: TypeAlias = dict[str, tuple[str, Footer | None]]  # by an object's name: its identity and its footer


class _Listed(NamedTuple):
    """An object as a listing shows it. Its identity is None where the listing does not distinguish versions."""

    path: str
    name: str
    identity: str | None
    size: int


_Listing: TypeAlias = dict[Interval, _Listed]


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
        """Return the object's receipt, or None where it has none that can be read."""
        return self.footer.receipt if self.footer else None


def stored_objects(
    lake: Lake, interval: Interval | None = None, *, warn: Callable[[str], object] = log.warning
) -> list[StoredObject]:
    """List the stored slots that overlap the interval, or all, in order of time, and bring the cache up to date.

    With a cache that is up to date it costs the listings, and one read a month.

    Args:
        lake: where the stream is stored.
        interval: the time of interest; None for all slots.
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
        key=lambda entry: (entry.interval.start, entry.interval.end),
    )


class _Month:
    """Some days of one month of a lake. The cache keeps its entries of the other days.

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
        return [StoredObject(slot, listing[slot].path, footer) for slot, footer in footers.items()]

    def _list(self) -> _Listing:
        fs, base = self._lake.fs, self._lake.base
        found: Iterable[dict[str, Any]]
        if is_object_store(fs):  # one listing for the month
            fs.invalidate_cache(base)
            found = fs.find(base, prefix=f"slot_date={self._month}", detail=True).values()
        else:
            found = [each for day in sorted(self._days) for each in _scan(fs, self._lake.folder(day))]
        listing: _Listing = {}
        self.foreign = []
        folders = {last_part(self._lake.folder(day)): f"{day:%Y%m%d}" for day in self._days}
        for each in found:
            path = str(each["name"])
            _, folder, name = path.rsplit("/", 2)
            slot = slot_of(path)
            if slot is not None and name[:8] == folders.get(folder):
                listing[slot] = _Listed(path, name.removesuffix(".parquet"), _identity(each), each["size"])
            # An object in another day's folder is no slot: no extraction will ever replace it.
            elif (slot is None or folder != f"slot_date={slot.start:%Y-%m-%d}") and not _UNFINISHED.fullmatch(name):
                self.foreign.append(path)
        return listing

    def _footers(self, listing: _Listing, known: _Known) -> tuple[dict[Interval, Footer | None], bool]:
        """Return the footers of the listed objects, and whether some objects were gone before they were read."""
        footers, new = {}, []
        for slot, each in listing.items():
            identity, footer = known.get(each.name, (None, None))
            if identity is not None and identity == each.identity:
                footers[slot] = footer
            else:
                new.append(slot)
        vanished = False
        if not new:
            return footers, vanished
        with ThreadPoolExecutor(_THREADS, thread_name_prefix="betproviders-footers") as pool:
            reads = [(slot, pool.submit(self._read, listing[slot])) for slot in new]
        for slot, read in reads:
            try:
                footers[slot] = read.result()
            except FileNotFoundError:
                vanished = True
        return footers, vanished

    def _read(self, each: _Listed) -> Footer | None:
        return read_footer(self._lake.fs, each.path) if each.size else None

    def _load(self) -> _Known:
        path = self._lake.receipts_cache(self._month)
        try:
            # Without a start, s3fs would ask for the size first.
            document = json.loads(self._lake.fs.cat_file(path, start=0))
            objects = document[_FORMAT]["objects"]
            same = {**_DEFAULTS, **document[_FORMAT]["same"]}
            return {name: (identity, _footer(rows, same, own)) for name, (identity, rows, own) in objects.items()}
        except FileNotFoundError:
            pass
        except (OSError, AttributeError, KeyError, TypeError, ValueError) as problem:
            log.warning("the receipts cache %s cannot be read and is rebuilt: %s", path, problem)
        return {}

    def _save(self, known: _Known, listing: _Listing, footers: Mapping[Interval, Footer | None]) -> None:
        days = {f"{day:%Y%m%d}" for day in self._days}
        objects = {name: member for name, member in known.items() if name[:8] not in days}
        for slot, footer in footers.items():
            if identity := listing[slot].identity:
                objects[listing[slot].name] = (identity, footer)
        if objects.keys() == known.keys() and all(objects[name][1] is known[name][1] for name in objects):
            return
        path = self._lake.receipts_cache(self._month)
        text = json.dumps({_FORMAT: _packed(objects)}, separators=(",", ":"))
        try:
            put_bytes(self._lake.fs, path, text.encode())
        except Exception as problem:  # noqa: BLE001 - whatever forbids it, the next survey only takes longer
            log.warning("the receipts cache %s cannot be written, so footers will be read again: %s", path, problem)


def _footer(rows: int | None, same: Mapping[str, Any], own: Mapping[str, Any] | None) -> Footer | None:
    if rows is None:
        return None
    if own is None:
        return Footer(rows, None)
    members = {**same, **own}
    return Footer(rows, members, complete=len(members) == len(_FIELDS) and own.keys() <= _FIELDS)


def _packed(objects: _Known) -> dict[str, Any]:
    """Write a member that all receipts share only once, and leave out members with the default of `Receipt`."""
    receipts = [footer.members for _, footer in objects.values() if footer and footer.members]
    first = receipts[0] if receipts else {}
    same = {name: value for name, value in first.items() if all(each.get(name) == value for each in receipts)}
    packed: dict[str, Any] = {}
    for name in sorted(objects):
        identity, footer = objects[name]
        own = None
        if footer and footer.members is not None:
            own = {
                key: value
                for key, value in footer.members.items()
                if key not in same and value != _DEFAULTS.get(key, _NONE)
            }
        packed[name] = (identity, footer.rows if footer else None, own)
    return {"same": same, "objects": packed}


def _identity(listed: Mapping[str, Any]) -> str | None:
    """Return what distinguishes the versions of an object, or None where the listing does not show it."""
    for name in _STRONG:
        if listed.get(name):
            return "|".join([f"{each}={listed[each]}" for each in _IDENTITY if listed.get(each) is not None])
    return None


def _scan(fs: Any, folder: str) -> list[dict[str, Any]]:
    """List a folder of a file system. Of local files this takes a third of the time of fsspec's own listing."""
    if type(fs).__name__ != "LocalFileSystem":
        return listed(fs, folder, detail=True)
    try:
        with os.scandir(folder) as entries:
            found = [(f"{folder}/{entry.name}", entry.stat()) for entry in entries]
    except (FileNotFoundError, NotADirectoryError):
        return []
    return [
        {"name": name, "size": stat.st_size, "ino": stat.st_ino, "mtime": stat.st_mtime, "created": stat.st_ctime}
        for name, stat in found
    ]
