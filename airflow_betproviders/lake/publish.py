"""Publish a finished slot in one step.

An object store shows an object only when its upload is complete, so one PUT (or one multipart upload) of a finished local
file is all or nothing. On other file systems a hidden file beside it is renamed. `with fs.open(..., "wb")` is not used:
left by an exception, it publishes what was written so far.
"""

from __future__ import annotations

import contextlib
import json
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from airflow_betproviders.declare.interval import DAY, Interval
from airflow_betproviders.lake.layout import Lake, refuse_overlap
from airflow_betproviders.lake.quarantine import RejectedRow
from airflow_betproviders.lake.receipt import FOOTER_KEY, Receipt

_MEGABYTE = 1024 * 1024
_FOOTER = 64 * 1024  # bytes that nearly every footer fits into
_UPLOADS: dict[str, dict[str, int]] = {
    # Bounded parts keep the memory of an upload from growing with the slot.
    "s3": {"chunksize": 8 * _MEGABYTE, "max_concurrency": 2},
    "gs": {"chunksize": 8 * _MEGABYTE},
    "abfs": {},
    "adl": {},
}
_NO_ENDS = {"abfs", "adl"}  # their servers cannot return the last bytes of an object


def publish(lake: Lake, slot: Interval, file: Path, bad_rows: list[RejectedRow], archive: Path | None = None) -> str:
    """Store a slot: quarantine and archive first, then the data. Then remove the objects that it replaces.

    Returns:
        The object's path.

    Raises:
        OverlappingSlot: another task has stored an object that partly overlaps this slot; this slot's object is removed.
    """
    _quarantine(lake, slot, bad_rows)
    if archive is not None:
        put(lake.fs, archive, lake.archive(slot))
    target = lake.data(slot)
    put(lake.fs, file, target)
    stored = lake.stored(slot)
    try:
        refuse_overlap([slot], stored)
    except Exception:
        _remove(lake.fs, target)
        if archive is not None:
            _remove(lake.fs, lake.archive(slot))
        raise
    for other, path in stored.items():
        if other != slot:
            _remove(lake.fs, path)
            _remove(lake.fs, lake.quarantine(other))
            _remove(lake.fs, lake.archive(other))
    return target


def read_receipt(fs: Any, path: str) -> Receipt | None:
    """Return the receipt of a stored object, or None where it has none or is no readable Parquet.

    Raises:
        FileNotFoundError: there is no such object, or no longer.
    """
    footer = read_footer(fs, path)
    return footer.receipt if footer else None


class Footer(msgspec.Struct, frozen=True, gc=False):
    """The end of a stored object.

    Attributes:
        rows: rows of the object.
        members: of its receipt; None where it has none.
        complete: whether these are exactly the members of `Receipt`.
    """

    rows: int
    members: dict[str, Any] | None
    complete: bool = False

    @property
    def receipt(self) -> Receipt | None:
        """Return the receipt, or None where this package wrote none."""
        if self.complete:  # several times faster than a call with thirty arguments
            receipt = Receipt.__new__(Receipt)
            receipt.__dict__ = self.members or {}
            return receipt
        try:
            return Receipt.from_members(self.members) if self.members is not None else None
        except (AttributeError, TypeError):
            return None


def read_footer(fs: Any, path: str) -> Footer | None:
    """Return the footer of a stored object, or None where it is no readable Parquet.

    Makes one read of the object's end, so that all of it is of one version even when the object is replaced meanwhile.

    Raises:
        FileNotFoundError: there is no such object, or no longer.
    """
    end = _end(fs, path, _FOOTER)
    if end[-4:] != b"PAR1":
        return None
    if (size := int.from_bytes(end[-8:-4], "little") + 8) > len(end):
        end = _end(fs, path, size)
    try:
        metadata = pq.read_metadata(pa.BufferReader(end))
        text = (metadata.metadata or {}).get(FOOTER_KEY.encode())
        return Footer(metadata.num_rows, None if text is None else json.loads(text))
    except (OSError, ValueError):  # what Arrow raises for a broken footer
        return None


def _end(fs: Any, path: str, size: int) -> bytes:
    """Return the last bytes of an object, or all of them where it is smaller."""
    if not _NO_ENDS.intersection(_protocols(fs)):
        end: bytes = fs.cat_file(path, start=-size)
        return end
    while True:
        before = fs.info(path, refresh=True)
        length = int(before["size"])
        end = fs.cat_file(path, start=max(0, length - size), end=length) if length else b""
        if fs.info(path, refresh=True)["etag"] == before["etag"]:  # else it was replaced meanwhile
            return end


def put_bytes(fs: Any, target: str, content: bytes) -> None:
    """Put a small object in one step."""
    _atomically(fs, target, lambda path: fs.pipe_file(path, content))


def _quarantine(lake: Lake, slot: Interval, bad_rows: list[RejectedRow]) -> None:
    target = lake.quarantine(slot)
    if not bad_rows:
        _remove(lake.fs, target)
        return
    lines = (f'{{"reason":{json.dumps(row.reason)},"row":{row.raw}}}\n' for row in bad_rows)
    put_bytes(lake.fs, target, "".join(lines).encode())


def put(fs: Any, file: Path, target: str) -> None:
    """Store a finished file in one step."""
    options = next((_UPLOADS[name] for name in _protocols(fs) if name in _UPLOADS), {})
    _atomically(fs, target, lambda path: fs.put_file(str(file), path, **options))


def is_object_store(fs: Any) -> bool:
    """Return whether uploads become visible only when complete, and one listing covers all folders."""
    return any(name in _UPLOADS for name in _protocols(fs))


def _atomically(fs: Any, target: str, write: Callable[[str], None]) -> None:
    if is_object_store(fs):
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
