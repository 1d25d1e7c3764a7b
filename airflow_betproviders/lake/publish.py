"""Publish a finished slot in one step, and read the footers of published ones."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from airflow_betproviders.declare.interval import Interval
from airflow_betproviders.lake.layout import Lake, refuse_overlap
from airflow_betproviders.lake.quarantine import RejectedRow
from airflow_betproviders.lake.receipt import Receipt
from airflow_betproviders.lake.store.atomic_put import protocols, put, put_bytes, remove
from airflow_betproviders.lake.store.explain import explain_read

_FOOTER = 64 * 1024  # bytes that nearly every footer fits into
_WITHOUT_SUFFIX_RANGES = {"abfs", "adl"}  # their servers cannot return the last bytes of an object


def publish(lake: Lake, slot: Interval, file: Path, bad_rows: list[RejectedRow], archive: Path | None = None) -> str:
    """Store a slot: quarantine and archive first, then the data. Then remove the objects that it replaces.

    A quarantine that the slot no longer has is removed after the data: the object before lacks the rows in it.

    Returns:
        The object's path.

    Raises:
        OverlappingSlot: another task has stored an object that partly overlaps this slot; this slot's object is removed.
    """
    if bad_rows:
        lines = (f'{{"reason":{json.dumps(row.reason)},"row":{row.raw}}}\n' for row in bad_rows)
        put_bytes(lake.fs, lake.quarantine(slot), "".join(lines).encode())
    if archive is not None:
        put(lake.fs, archive, lake.archive(slot))
    target = lake.data(slot)
    put(lake.fs, file, target)
    stored = lake.stored(slot)
    try:
        refuse_overlap([slot], stored)
    except Exception:
        remove(lake.fs, target)
        remove(lake.fs, lake.quarantine(slot))
        if archive is not None:
            remove(lake.fs, lake.archive(slot))
        raise
    if not bad_rows:
        remove(lake.fs, lake.quarantine(slot))
    for other, path in stored.items():
        if other != slot:
            remove(lake.fs, path)
            remove(lake.fs, lake.quarantine(other))
            remove(lake.fs, lake.archive(other))
    return target


def read_receipt(fs: Any, path: str) -> Receipt | None:
    """Return the receipt of a stored object, or None where it has none or is no readable Parquet.

    Raises:
        FileNotFoundError: there is no such object, or no longer.
        StoreError: the store refuses it, or cannot be reached.
    """
    footer = read_footer(fs, path)
    return footer.receipt if footer else None


class Footer(msgspec.Struct, frozen=True, gc=False):
    """The footer of a stored object.

    Attributes:
        rows: the number of rows.
        receipt: the receipt; None where there is none that can be read.
    """

    rows: int
    receipt: Receipt | None


def read_footer(fs: Any, path: str) -> Footer | None:
    """Return the footer of a stored object, or None where it is no readable Parquet.

    Makes one read of the object's end, so that all of it is of one version even when the object is replaced meanwhile.

    Raises:
        FileNotFoundError: there is no such object, or no longer.
        StoreError: the store refuses it, or cannot be reached.
    """
    end = _read_end(fs, path, _FOOTER)
    if end[-4:] != b"PAR1":
        return None
    if (size := int.from_bytes(end[-8:-4], "little") + 8) > len(end):
        end = _read_end(fs, path, size)
    try:
        metadata = pq.read_metadata(pa.BufferReader(end))
    except (OSError, ValueError):  # what Arrow raises for a broken footer
        return None
    return Footer(metadata.num_rows, Receipt.from_footer(metadata.metadata))


def _read_end(fs: Any, path: str, size: int) -> bytes:
    """Return the last bytes of an object, or all of them where it is smaller."""
    with explain_read(path):
        return _end(fs, path, size)


def _end(fs: Any, path: str, size: int) -> bytes:
    if not _WITHOUT_SUFFIX_RANGES.intersection(protocols(fs)):
        end: bytes = fs.cat_file(path, start=-size)
        return end
    while True:
        before = fs.info(path, refresh=True)
        length = int(before["size"])
        end = fs.cat_file(path, start=max(0, length - size), end=length) if length else b""
        if fs.info(path, refresh=True)["etag"] == before["etag"]:  # else it was replaced meanwhile
            return end
