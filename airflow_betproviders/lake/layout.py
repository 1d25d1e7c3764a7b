"""Where a stream lives in the object store.

``<path>/provider=aig/stream=transactions/account=agent001/date=2026-11-20/20261120T050000Z-20261120T060000Z.parquet``

An object's key follows from account, stream, filters and slot alone, never from the run: a retry, a cleared task and a
backfill overwrite each other.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any
from urllib.parse import quote, unquote

from airflow_betproviders.declare.interval import Interval
from airflow_betproviders.exceptions import OverlappingSlot

QUARANTINE = "_quarantine"
ARCHIVE = "_archive"
INDEX = "_index"


@dataclass(frozen=True)
class Lake:
    """One stream of one account under a path of a file system.

    Attributes:
        fs: an fsspec file system.
        root: the path in it, without protocol.
        provider: connection type.
        stream: stream name.
        account: the account's login at the provider.
        filters: the provider's own filters that narrow the stream.
    """

    fs: Any
    root: str
    provider: str
    stream: str
    account: str
    filters: Mapping[str, Any] = field(default_factory=dict)

    @property
    def base(self) -> str:
        """The folder above the dates."""
        parts = {"provider": self.provider, "stream": self.stream, "account": self.account}
        parts |= {name: _text(value) for name, value in sorted(self.filters.items())}
        folders = (f"{name}={quote(value, safe='@+,')}" for name, value in parts.items())
        return "/".join([self.root.rstrip("/"), *folders])

    def data(self, slot: Interval) -> str:
        """The slot's Parquet object."""
        return f"{self.folder(slot.start.date())}/{slot.name}.parquet"

    def quarantine(self, slot: Interval) -> str:
        """The slot's quarantined rows, one JSON document a line."""
        return f"{self.folder(slot.start.date(), QUARANTINE)}/{slot.name}.jsonl"

    def archive(self, slot: Interval) -> str:
        """The slot's replies as the provider gave them."""
        return f"{self.folder(slot.start.date(), ARCHIVE)}/{slot.name}.parquet"

    def failed(self, slot: Interval) -> str:
        """The replies of the last read of the slot that failed; no archive, but evidence."""
        return self.archive(slot).replace(".parquet", ".failed.parquet")

    def archive_days(self) -> dict[date, str]:
        """The folders of archives, by their date. Costs one listing."""
        days = {}
        for path in self._list(f"{self.base}/{ARCHIVE}"):
            with suppress(ValueError):
                days[date.fromisoformat(path.rstrip("/").rpartition("/date=")[2])] = path
        return days

    def index(self, month: str) -> str:
        """What is known of the objects of a month, ``2026-11``; see `extraction.index`."""
        return f"{self.base}/{INDEX}/{month}.json"

    def stored(self, interval: Interval) -> dict[Interval, str]:
        """The objects that overlap the interval, by their slot. Costs one listing a day."""
        return self._found(interval, "")

    def archived(self, interval: Interval) -> dict[Interval, str]:
        """The archives that overlap the interval, by their slot. Costs one listing a day."""
        return self._found(interval, ARCHIVE)

    def _found(self, interval: Interval, kind: str) -> dict[Interval, str]:
        found: dict[Interval, str] = {}
        for day in interval.days:
            for path in self._list(self.folder(day, kind)):
                slot = slot_of(path)
                if slot is not None and slot.overlaps(interval):
                    found[slot] = path
        return found

    def days(self) -> list[date]:
        """The days that there are folders of."""
        return [date.fromisoformat(name) for name in names(self.fs, self.base, "date")]

    def folder(self, day: date, kind: str = "") -> str:
        """The folder of the slots that begin on that day, or of their archives or quarantined rows."""
        return "/".join([self.base, *([kind] if kind else []), f"date={day:%Y-%m-%d}"])

    def _list(self, folder: str) -> list[str]:
        return listed(self.fs, folder, detail=False)


def lakes(
    fs: Any,
    root: str,
    *,
    provider: str | None = None,
    stream: str | None = None,
    account: str | None = None,
    filters: Mapping[str, Any] | None = None,
) -> Iterator[Lake]:
    """The streams of accounts that lie under a folder.

    Args:
        fs: an fsspec file system.
        root: the folder in it.
        provider: only this one.
        stream: only this one.
        account: only this one.
        filters: only what was extracted with these (``{}``: with none); default, whatever it was extracted with. A
            filter's value is text then, as in its folder's name.
    """
    root = root.rstrip("/")
    for vendor in [provider] if provider else names(fs, root, "provider"):
        for kind in [stream] if stream else names(fs, f"{root}/provider={vendor}", "stream"):
            for login in names(fs, f"{root}/provider={vendor}/stream={kind}", "account"):
                if account in {None, login}:
                    lake = Lake(fs, root, vendor, kind, login, dict(filters or {}))
                    yield from (lake,) if filters is not None else _narrowed(lake)


def names(fs: Any, folder: str, kind: str) -> list[str]:
    """The values of a folder's own folders of one kind: of ``date=2026-11-20`` and the like, ``2026-11-20``."""
    found = (path.rstrip("/").rsplit("/", 1)[-1] for path in listed(fs, folder, detail=False))
    return sorted(unquote(name.removeprefix(f"{kind}=")) for name in found if name.startswith(f"{kind}="))


def listed(fs: Any, folder: str, *, detail: bool) -> list[Any]:
    """The paths in a folder, or what the store says of each; nothing where there is no folder."""
    fs.invalidate_cache(folder)
    try:
        found: list[Any] = fs.ls(folder, detail=detail)
    except FileNotFoundError:
        return []
    return found


def slot_of(path: str) -> Interval | None:
    """The slot that an object's path stands for, or None where it is no slot's."""
    name = path.rsplit("/", 1)[-1]
    return Interval.from_name(name.removesuffix(".parquet")) if name.endswith(".parquet") else None


def _narrowed(lake: Lake) -> Iterator[Lake]:
    """The lake itself if it holds days, and those that filters make below it."""
    paths = listed(lake.fs, lake.base, detail=False)
    folders = [path.rstrip("/").rsplit("/", 1)[-1].partition("=") for path in paths]
    if any(name == "date" for name, _, _ in folders):
        yield lake
    for name, equals, value in sorted(folders):
        if equals and name != "date":
            yield from _narrowed(replace(lake, filters={**lake.filters, name: unquote(value)}))


def refuse_overlap(slots: Iterable[Interval], stored: Mapping[Interval, str]) -> None:
    """Refuse slots that cut across a stored object; one that holds it whole may replace it.

    Raises:
        OverlappingSlot: names the object and the cure.
    """
    for slot in slots:
        for other, path in stored.items():
            if slot.overlaps(other) and not slot.contains(other):
                raise OverlappingSlot(
                    f"slot {slot} would cut across the stored object {path}, and its rows would be there twice. Use "
                    f"the slot width of that object ({other.width}), or a slot that holds it whole, or delete it first."
                )


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, list | tuple | set):
        return ",".join(sorted(_text(item) for item in value))
    return json.dumps(value, sort_keys=True)
