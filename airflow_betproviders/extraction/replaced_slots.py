"""Read the receipts of the stored objects that a run will replace."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

from airflow_betproviders.declare.interval import Interval
from airflow_betproviders.lake.layout import Lake
from airflow_betproviders.lake.publish import read_receipt
from airflow_betproviders.lake.receipt import Receipt

_THREADS = 8  # receipts that are read at once


def replaced_receipts(
    lake: Lake, slots: Sequence[Interval], stored: Mapping[Interval, str]
) -> dict[Interval, dict[Interval, Receipt | None]]:
    """Return for each slot the receipts of the objects that it will replace: its own and those of smaller slots inside it.

    Args:
        lake: where the slots are stored.
        slots: the slots of the run, in order of time.
        stored: paths of the objects around them, by their slot.

    Returns:
        The receipts by the slot of the run and the slot of the object; None for an object without a readable receipt.
    """
    starts = [slot.start for slot in slots]
    receipts: dict[Interval, dict[Interval, Receipt | None]] = {slot: {} for slot in slots}

    def read(other: Interval) -> None:
        slot = slots[max(0, bisect_right(starts, other.start) - 1)]
        if slot.contains(other):
            with suppress(FileNotFoundError):  # another task has replaced it meanwhile
                receipts[slot][other] = read_receipt(lake.fs, stored[other])

    with ThreadPoolExecutor(_THREADS, thread_name_prefix="betproviders-receipts") as pool:
        list(pool.map(read, stored))
    return receipts
