"""List the stored slots of a stream with what their footers say."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import date, timedelta
from itertools import groupby
from typing import TypeAlias

import msgspec

from airflow_betproviders.declare.interval import Interval
from airflow_betproviders.lake.discovery import warn_of_foreign
from airflow_betproviders.lake.layout import Lake, days_in, refuse_old_layout, slot_named
from airflow_betproviders.lake.publish import Footer, read_footer
from airflow_betproviders.lake.receipt import Receipt
from airflow_betproviders.lake.store.atomic_put import is_object_store
from airflow_betproviders.lake.store.listing import Entry, find_entries, last_part, scan_entries
from airflow_betproviders.lake.survey.footer_cache import load_footers, save_footers

log = logging.getLogger(__name__)

_THREADS = 16  # footers read at once
_LISTINGS = 3  # tries when objects vanish between the listing and the reading
_WIDE = timedelta(days=62)  # then one listing of the stored days spares one of each month without any
_UNFINISHED = re.compile(r"\..*\.[0-9a-f]{32}\.tmp")  # unfinished files of `store.atomic_put`


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

    def damage(self, lake: Lake) -> str | None:
        """Return how the object contradicts its receipt, as the end of a sentence; None if it does not."""
        if self.receipt is None:
            return "has no receipt in its footer"
        if self.receipt.rows != self.rows:
            return f"has {self.rows} rows, and its receipt says {self.receipt.rows}"
        return self.receipt.misplaced(lake, self.interval)


def list_stored_objects(
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
    if interval is None or interval.width > _WIDE or not is_object_store(lake.fs):
        days, foreign = days_in(lake.fs, lake.base)
        if interval is not None:
            days = sorted({*days} & {*interval.days})
    else:
        days = interval.days
    entries: list[StoredObject] = []
    for month, group in groupby(days, lambda day: f"{day:%Y-%m}"):
        objects = _Month(lake, month, set(group))
        entries += objects.stored_objects()
        foreign += objects.foreign
    warn_of_foreign(sorted(set(foreign)), warn)
    return [entry for entry in entries if interval is None or entry.interval.overlaps(interval)]


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
        identities, cached = load_footers(self._lake, self._month)
        for _ in range(_LISTINGS):
            listing = self._list()
            footers = {
                name: cached[name]
                for name, listed in listing.items()
                if listed.identity and identities.get(name) == listed.identity
            }
            new = [name for name in listing if name not in footers]
            read = self._read(listing, new)
            footers |= read
            if len(read) == len(new):
                break  # else a larger slot may have taken the place of those that are gone
        self._save(identities, cached, listing, footers)
        entries = []
        for name in sorted(footers):
            listed, footer = listing[name], footers[name]
            rows, receipt = (footer.rows, footer.receipt) if footer else (None, None)
            entries.append(StoredObject(listed.slot, listed.path, rows, receipt))
        return entries

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

    def _read(self, listing: _Listing, names: Sequence[str]) -> dict[str, Footer | None]:
        """Read the footers of some objects, except those that are gone by now."""
        footers: dict[str, Footer | None] = {}
        if not names:
            return footers
        with ThreadPoolExecutor(_THREADS, thread_name_prefix="betproviders-footers") as pool:
            reads = [(name, pool.submit(self._read_one, listing[name])) for name in names]
        for name, read in reads:
            with suppress(FileNotFoundError):
                footers[name] = read.result()
        return footers

    def _read_one(self, listed: _Listed) -> Footer | None:
        return read_footer(self._lake.fs, listed.path) if listed.size else None

    def _save(
        self,
        identities: Mapping[str, str],
        cached: Mapping[str, Footer | None],
        listing: _Listing,
        footers: Mapping[str, Footer | None],
    ) -> None:
        """Cache the footers of the listed objects, and keep those of the month's other days, if anything has changed."""
        days = {f"{day:%Y%m%d}" for day in self._days}
        before = {name: identity for name, identity in identities.items() if name[:8] in days}
        now = {name: identity for name in footers if (identity := listing[name].identity)}
        if now == before:
            return
        others = {name: identity for name, identity in identities.items() if name[:8] not in days}
        save_footers(self._lake, self._month, {**others, **now}, {**cached, **footers})
