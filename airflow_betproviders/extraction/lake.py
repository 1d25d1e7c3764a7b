"""Where a stream lives in the object store.

``<path>/provider=aig/stream=transactions/account=agent001/date=2026-11-20/20261120T050000Z-20261120T060000Z.parquet``

An object's key follows from account, stream, filters and slot alone, never from the run: a retry, a cleared task and a
backfill overwrite each other.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any
from urllib.parse import quote

from airflow_betproviders.extraction.interval import Interval

QUARANTINE = "_quarantine"


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
        return f"{self._folder(slot.start.date())}/{slot.name}.parquet"

    def quarantine(self, slot: Interval) -> str:
        """The slot's quarantined rows, one JSON document a line."""
        return f"{self.base}/{QUARANTINE}/date={slot.start:%Y-%m-%d}/{slot.name}.jsonl"

    def stored(self, interval: Interval) -> dict[Interval, str]:
        """The objects that overlap the interval, by their slot. Costs one listing a day."""
        found: dict[Interval, str] = {}
        for day in interval.days:
            for path in self._list(self._folder(day)):
                slot = Interval.from_name(path.rsplit("/", 1)[-1].removesuffix(".parquet"))
                if slot is not None and path.endswith(".parquet") and slot.overlaps(interval):
                    found[slot] = path
        return found

    def _folder(self, day: date) -> str:
        return f"{self.base}/date={day:%Y-%m-%d}"

    def _list(self, folder: str) -> list[str]:
        self.fs.invalidate_cache(folder)
        try:
            return [str(path) for path in self.fs.ls(folder, detail=False)]
        except FileNotFoundError:
            return []


def refuse_overlap(slots: Iterable[Interval], stored: Mapping[Interval, str]) -> None:
    """Refuse slots that cut across a stored object; one that holds it whole may replace it.

    Raises:
        OverlappingSlot: names the object and the cure.
    """
    for slot in slots:
        for other, path in stored.items():
            if slot.overlaps(other) and not slot.contains(other):
                from airflow_betproviders.exceptions import OverlappingSlot

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
