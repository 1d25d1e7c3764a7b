"""Cache the footers of a lake's objects, one small JSON object a month, so that a survey need not open each.

``<path>/_betproviders/receipts-cache/.../2026-11.json`` has the footer of each object and the object's identity as a
listing shows it: an ETag, or inode and times. The store is always listed first, and a footer is read again where the
identity differs. So a replaced object, a lost cache, or a cache that another task overwrote costs time and nothing else.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import MISSING, fields
from datetime import date
from itertools import groupby
from typing import Any, TypeAlias

import msgspec

from airflow_betproviders.declare.interval import Interval
from airflow_betproviders.lake.discovery import warn_of_foreign
from airflow_betproviders.lake.layout import Lake, days_in, refuse_old_layout, slot_named
from airflow_betproviders.lake.publish import Footer, read_footer
from airflow_betproviders.lake.receipt import Receipt
from airflow_betproviders.lake.store.atomic_put import is_object_store, put_bytes
from airflow_betproviders.lake.store.listing import Entry, find_entries, last_part, scan_entries

log = logging.getLogger(__name__)

_FORMAT = "objects-2"  # another number, should the members change
_THREADS = 16  # footers read at once
_LISTINGS = 3  # tries when objects vanish between the listing and the reading
_UNFINISHED = re.compile(r"\..*\.[0-9a-f]{32}\.tmp")  # unfinished files of `store.atomic_put`
_NONE = object()
_FIELDS = {each.name for each in fields(Receipt)}
_DEFAULTS = {each.name: each.default for each in fields(Receipt) if each.default is not MISSING} | {
    each.name: each.default_factory() for each in fields(Receipt) if each.default_factory is not MISSING
}


# A survey makes a million of these objects. Structs that the garbage collector need not visit halve its time.
class _Cached(msgspec.Struct, array_like=True, gc=False):
    """A cached footer.

    Attributes:
        identity: the object's identity in a listing.
        rows: the object's number of rows; None if it is not readable Parquet.
        own: the members of its receipt that not all receipts share; None if it has no receipt.
    """

    identity: str
    rows: int | None
    own: dict[str, Any] | None


class _Cache(msgspec.Struct):
    """The cached footers of a month.

    Attributes:
        same: members that all receipts share.
        objects: by the object's name.
    """

    same: dict[str, Any]
    objects: dict[str, _Cached]

    def footers(self, names: Iterable[str]) -> dict[str, Footer | None]:
        """Return the footers of some objects."""
        same = {**_DEFAULTS, **self.same}
        fitting = same.keys() <= _FIELDS
        missing = _FIELDS - same.keys()
        found: dict[str, Footer | None] = {}
        for name in names:
            cached = self.objects[name]
            if cached.rows is None:
                found[name] = None
            elif cached.own is None:
                found[name] = Footer(cached.rows, None)
            else:
                complete = fitting and missing <= cached.own.keys() <= _FIELDS
                found[name] = Footer(cached.rows, {**same, **cached.own}, complete)
        return found


_DECODER = msgspec.json.Decoder(dict[str, _Cache])


class _Listed(msgspec.Struct, gc=False):
    """An object as a listing shows it. Its identity is None where the listing does not distinguish versions."""

    slot: Interval
    path: str
    identity: str | None
    size: int


_Listing: TypeAlias = dict[str, _Listed]  # by the object's name without its suffix; these sort as the slots do


class StoredObject(msgspec.Struct, frozen=True, gc=False):
    """A stored slot and what its footer says.

    Attributes:
        interval: the slot, from the object's name.
        path: the object's path.
        rows: the object's number of rows; None if it is not readable Parquet.
        receipt: the object's receipt; None if it has none that can be read.
    """

    interval: Interval
    path: str
    rows: int | None
    receipt: Receipt | None


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
    return [entry for entry in found if interval is None or entry.interval.overlaps(interval)]


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
        """Return the stored slots, in order of time, and bring the cache up to date."""
        cache = self._load()
        for _ in range(_LISTINGS):
            listing = self._list()
            footers, vanished = self._footers(listing, cache)
            if not vanished:
                break  # else a larger slot may have taken their place
        self._save(cache, listing, footers)
        found = []
        for name in sorted(footers):
            each, footer = listing[name], footers[name]
            rows, receipt = (footer.rows, footer.receipt) if footer else (None, None)
            found.append(StoredObject(each.slot, each.path, rows, receipt))
        return found

    def _list(self) -> _Listing:
        fs, base = self._lake.fs, self._lake.base
        entries: Iterable[Entry]
        if is_object_store(fs):  # one listing for the month
            entries = find_entries(fs, base, f"slot_date={self._month}")
        else:
            entries = (entry for day in sorted(self._days) for entry in scan_entries(fs, self._lake.folder(day)))
        listing: _Listing = {}
        self.foreign = []
        days = {last_part(self._lake.folder(day)): f"{day:%Y%m%d}" for day in self._days}
        last, day = "", ""
        for folder, file, identity, size in entries:
            if folder != last:
                last, day = folder, last_part(folder)
            name = file.removesuffix(".parquet")
            slot = slot_named(name) if name != file and size is not None else None
            if slot is not None and size is not None and name[:8] == days.get(day):
                listing[name] = _Listed(slot, f"{folder}/{file}", identity, size)
            # An object in another day's folder is no slot: no extraction will ever replace it.
            elif (slot is None or day != f"slot_date={slot.start:%Y-%m-%d}") and not _UNFINISHED.fullmatch(file):
                self.foreign.append(f"{folder}/{file}")
        return listing

    def _footers(self, listing: _Listing, cache: _Cache) -> tuple[dict[str, Footer | None], bool]:
        """Return the footers of the listed objects, and whether some objects were gone before they were read."""
        known: list[str] = []
        new: list[str] = []
        for name, each in listing.items():
            cached = cache.objects.get(name)
            (new if cached is None or cached.identity != each.identity else known).append(name)
        footers = cache.footers(known)
        vanished = False
        if not new:
            return footers, vanished
        with ThreadPoolExecutor(_THREADS, thread_name_prefix="betproviders-footers") as pool:
            reads = [(name, pool.submit(self._read, listing[name])) for name in new]
        for name, read in reads:
            try:
                footers[name] = read.result()
            except FileNotFoundError:
                vanished = True
        return footers, vanished

    def _read(self, each: _Listed) -> Footer | None:
        return read_footer(self._lake.fs, each.path) if each.size else None

    def _load(self) -> _Cache:
        path = self._lake.receipts_cache(self._month)
        try:
            # Without a start, s3fs would ask for the size first.
            return _DECODER.decode(self._lake.fs.cat_file(path, start=0))[_FORMAT]
        except FileNotFoundError:
            pass
        except (OSError, KeyError, ValueError, msgspec.MsgspecError) as problem:
            log.warning("the receipts cache %s cannot be read and is rebuilt: %s", path, problem)
        return _Cache({}, {})

    def _save(self, cache: _Cache, listing: _Listing, footers: Mapping[str, Footer | None]) -> None:
        """Store the footers of the listed objects, and those of other days that the cache has, if anything has changed."""
        days = {f"{day:%Y%m%d}" for day in self._days}
        gone = [name for name in cache.objects if name[:8] in days and name not in footers]
        new = [
            name
            for name in footers
            if (cached := cache.objects.get(name)) is None or cached.identity != listing[name].identity
        ]
        if not gone and not any(listing[name].identity for name in new):  # else there is nothing that could be stored
            return
        others = [name for name in cache.objects if name[:8] not in days]
        identities = {name: cache.objects[name].identity for name in others}
        identities |= {name: identity for name in footers if (identity := listing[name].identity)}
        path = self._lake.receipts_cache(self._month)
        text = msgspec.json.encode({_FORMAT: _packed(identities, {**cache.footers(others), **footers})})
        try:
            put_bytes(self._lake.fs, path, text)
        except Exception as problem:  # noqa: BLE001 - whatever forbids it, the next survey only takes longer
            log.warning("the receipts cache %s cannot be written, so footers will be read again: %s", path, problem)


def _packed(identities: Mapping[str, str], footers: Mapping[str, Footer | None]) -> _Cache:
    """Write a member that all receipts share only once, and leave out members with the default of `Receipt`."""
    receipts = [footer.members for footer in footers.values() if footer and footer.members]
    first = receipts[0] if receipts else {}
    same = {name: value for name, value in first.items() if all(each.get(name) == value for each in receipts)}
    cache = _Cache(same, {})
    for name in sorted(identities):
        footer = footers[name]
        own = None
        if footer and footer.members is not None:
            own = {
                key: value
                for key, value in footer.members.items()
                if key not in same and value != _DEFAULTS.get(key, _NONE)
            }
        cache.objects[name] = _Cached(identities[name], footer.rows if footer else None, own)
    return cache
