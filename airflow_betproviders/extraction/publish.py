"""Putting a finished slot into the store in one step.

An object store shows an object when its upload is whole, so one PUT (or one multipart upload) of a finished local file
is all or nothing. Other file systems get a hidden sibling that is renamed. `with fs.open(..., "wb")` is not used: it
publishes what was written so far when it is left by an exception.
"""

from __future__ import annotations

import contextlib
import json
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from airflow_betproviders.extraction.interval import DAY, Interval
from airflow_betproviders.extraction.lake import Lake, refuse_overlap
from airflow_betproviders.extraction.receipt import Receipt
from airflow_betproviders.extraction.rows import BadRow

_MEGABYTE = 1024 * 1024
_UPLOADS: dict[str, dict[str, int]] = {
    # Bounded parts keep the memory of an upload from growing with the slot.
    "s3": {"chunksize": 8 * _MEGABYTE, "max_concurrency": 2},
    "gs": {"chunksize": 8 * _MEGABYTE},
    "abfs": {},
    "adl": {},
}


def publish(lake: Lake, slot: Interval, file: Path, bad_rows: list[BadRow]) -> str:
    """Store a slot: quarantine first, then the data, then remove what it replaces. Returns the object's path.

    Raises:
        OverlappingSlot: another task stored an object across this slot meanwhile; this slot's object is removed.
    """
    _quarantine(lake, slot, bad_rows)
    target = lake.data(slot)
    _put(lake.fs, file, target)
    stored = lake.stored(slot)
    try:
        refuse_overlap([slot], stored)
    except Exception:
        _remove(lake.fs, target)
        raise
    for other, path in stored.items():
        if other != slot:
            _remove(lake.fs, path)
            _remove(lake.fs, lake.quarantine(other))
    return target


def read_receipt(fs: Any, path: str) -> Receipt | None:
    """The receipt of a stored object, or None where there is no object."""
    try:
        with fs.open(path, "rb", cache_type="readahead") as handle:
            return Receipt.from_footer(pq.read_metadata(handle).metadata)
    except FileNotFoundError:
        return None


def _quarantine(lake: Lake, slot: Interval, bad_rows: list[BadRow]) -> None:
    target = lake.quarantine(slot)
    if not bad_rows:
        _remove(lake.fs, target)
        return
    lines = (f'{{"reason":{json.dumps(row.reason)},"row":{row.raw}}}\n' for row in bad_rows)
    _atomically(lake.fs, target, lambda path: lake.fs.pipe_file(path, "".join(lines).encode()))


def _put(fs: Any, file: Path, target: str) -> None:
    options = next((_UPLOADS[name] for name in _protocols(fs) if name in _UPLOADS), {})
    _atomically(fs, target, lambda path: fs.put_file(str(file), path, **options))


def _atomically(fs: Any, target: str, write: Callable[[str], None]) -> None:
    if any(name in _UPLOADS for name in _protocols(fs)):
        write(target)
        return
    folder, name = target.rsplit("/", 1)
    fs.makedirs(folder, exist_ok=True)
    _sweep(fs, folder, f".{name}.")
    hidden = f"{folder}/.{name}.{uuid.uuid4().hex}.tmp"
    try:
        write(hidden)
        if "file" in _protocols(fs):
            Path(fs._strip_protocol(hidden)).replace(fs._strip_protocol(target))  # noqa: SLF001 - fsspec's own spelling
        else:
            fs.mv(hidden, target)
    finally:
        _remove(fs, hidden)


def _sweep(fs: Any, folder: str, prefix: str) -> None:
    """Remove what a killed worker left of this object more than a day ago."""
    for entry in fs.ls(folder, detail=True):
        name = entry["name"].rsplit("/", 1)[-1]
        age = time.time() - float(entry.get("mtime") or time.time())
        if name.startswith(prefix) and name.endswith(".tmp") and age > DAY.total_seconds():
            _remove(fs, entry["name"])


def _remove(fs: Any, path: str) -> None:
    with contextlib.suppress(FileNotFoundError):
        fs.rm_file(path)


def _protocols(fs: Any) -> tuple[str, ...]:
    return (fs.protocol,) if isinstance(fs.protocol, str) else tuple(fs.protocol)
