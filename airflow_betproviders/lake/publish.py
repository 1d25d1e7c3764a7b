"""Publish a finished slot in one step, and read the footers of published ones."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from airflow_betproviders.declare.interval import Interval
from airflow_betproviders.exceptions import IncompleteWindow
from airflow_betproviders.lake.layout import Lake, refuse_overlap
from airflow_betproviders.lake.quarantine import RejectedRow
from airflow_betproviders.lake.receipt import Receipt
from airflow_betproviders.lake.store.atomic_put import protocols, put, put_bytes, remove
from airflow_betproviders.lake.store.explain import explain_read

_FOOTER = 64 * 1024  # bytes that nearly every footer fits into
_WITHOUT_SUFFIX_RANGES = {"abfs", "adl"}  # their servers cannot return the last bytes of an object


def publish(
    lake: Lake,
    slot: Interval,
    file: Path,
    bad_rows: list[RejectedRow],
    archive: Path | None = None,
    *,
    made_at: datetime | None = None,
) -> str:
    """Store a slot: quarantine and archive first, then the data. Then remove the objects that it replaces.

    A quarantine that the slot no longer has is removed after the data: the object before lacks the rows in it.

    Args:
        lake: where the slot is stored.
        slot: the slot.
        file: its finished local file.
        bad_rows: its rows for quarantine.
        archive: its finished local archive; None for none.
        made_at: when the slot was read; it replaces no smaller slot that was read later. None if it replaces any.

    Returns:
        The object's path.

    Raises:
        OverlappingSlot: another task has stored an object that partly overlaps this slot; this slot's object is removed.
        IncompleteWindow: another task has stored a smaller slot inside this one, which it read later; this slot's object is removed.
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
        if made_at is not None:
            _refuse_newer(lake, slot, made_at, stored)
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


def _refuse_newer(lake: Lake, slot: Interval, made_at: datetime, stored: Mapping[Interval, str]) -> None:
    """Refuse to replace smaller slots that were read later: this slot may lack rows that are in them."""
    for other, path in stored.items():
        receipt = None
        if other != slot:
            with suppress(FileNotFoundError):  # another task has replaced it meanwhile
                receipt = read_receipt(lake.fs, path)
        if receipt and receipt.made_at > made_at:
            raise IncompleteWindow(
                f"slot {slot} was read from {made_at:%Y-%m-%dT%H:%M:%SZ} on. Meanwhile another task has stored {path}, which it read "
                f"later, at {receipt.made_at:%Y-%m-%dT%H:%M:%SZ}, so it may have more rows. Nothing was replaced. Run the task again."
            )


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
