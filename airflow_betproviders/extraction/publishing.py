"""Publish the slots of a run, each while the next is read, and log the progress."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, nullcontext, suppress
from dataclasses import dataclass, field
from functools import partial

from airflow_betproviders.declare.interval import Interval
from airflow_betproviders.exceptions import StoreError
from airflow_betproviders.extraction.slot_builder import Slot
from airflow_betproviders.lake.layout import Lake
from airflow_betproviders.lake.publish import publish, read_receipt
from airflow_betproviders.lake.receipt import Receipt

log = logging.getLogger(__name__)


@dataclass
class Stored:
    """The stored slots of a run.

    Attributes:
        paths: the paths of their objects, without protocol, by slot.
        receipts: their receipts, in the same order.
        size: bytes of all objects; None if they were not counted.
    """

    paths: dict[Interval, str] = field(default_factory=dict)
    receipts: list[Receipt] = field(default_factory=list)
    size: int | None = 0

    def total(self, name: str) -> int:
        """Sum a member of the receipts, such as ``rows``."""
        return sum(getattr(receipt, name) for receipt in self.receipts)


def publish_slots(
    read: Generator[Slot, None, None],
    slots: Sequence[Interval],
    lake: Lake,
    stored: Stored,
    previous: Mapping[Interval, Receipt | None],
) -> None:
    """Publish slots in order, each while the next is read.

    Args:
        read: reads the slots; it is closed at the end.
        slots: the slots, in order.
        lake: where they are published.
        stored: receives the stored slots; after an error it has those that were stored before.
        previous: the receipt of the object of the same slot that each one replaces.
    """
    report = partial(_report, len(slots), len(stored.receipts), stored, time.monotonic())
    with ThreadPoolExecutor(1, thread_name_prefix="betproviders-upload") as uploads, closing(read):
        upload: Future[None] = uploads.submit(lambda: None)
        for interval in slots:
            try:
                slot = next(read)
                slot.previous = previous.get(interval)
            except Exception:
                if failure := upload.exception():
                    log.error("the slot before could not be published: %s", failure)  # noqa: TRY400 - its own traceback is not this one's
                raise
            last, upload = upload, uploads.submit(_publish, upload, lake, slot, stored, report)
            last.result()
        upload.result()


def _publish(before: Future[None], lake: Lake, slot: Slot, stored: Stored, report: Callable[[Slot], None]) -> None:
    """Finish and publish a slot, unless the slot before could not be published. Always remove its local files."""
    with slot.archive or nullcontext(), slot.writer:
        before.result()
        slot.finish()
        if newer := _newer(lake, slot):
            log.warning(
                "slot %s was stored meanwhile by another task, which began to read it at %s, later than this one: its object stays",
                slot.interval,
                newer.extracted_at,
            )
            stored.paths[slot.interval] = lake.data(slot.interval)
            stored.receipts.append(newer)
            return
        if slot.receipt.shrunken:
            log.warning(
                "slot %s shrank from %s to %d rows: the provider no longer reports %d of them",
                slot.interval,
                slot.receipt.previous_rows,
                slot.receipt.rows,
                (slot.receipt.previous_rows or 0) - slot.receipt.rows,
            )
        stored.paths[slot.interval] = publish(
            lake,
            slot.interval,
            slot.writer.path,
            slot.bad_rows,
            slot.archive.path if slot.archive else None,
            made_at=slot.receipt.made_at,
        )
        stored.receipts.append(slot.receipt)
        stored.size = (stored.size or 0) + slot.writer.path.stat().st_size
        report(slot)


def _newer(lake: Lake, slot: Slot) -> Receipt | None:
    """Return the receipt of the slot's object if another task read it no earlier and stored it meanwhile; else None.

    This task may lack rows that are in it, and the bets table, which may have them already, takes no older version of a slot.
    """
    # Where a folder is in its place, or the store fails, `publish` says what to do.
    with suppress(FileNotFoundError, StoreError):
        receipt = read_receipt(lake.fs, lake.data(slot.interval))
        if receipt and receipt != slot.previous and receipt.made_at >= slot.receipt.made_at:
            return receipt
    return None


def _report(of: int, before: int, stored: Stored, began: float, slot: Slot) -> None:
    """Log the progress of a run.

    Args:
        of: number of slots of the run.
        before: number of slots in ``stored`` when the run began.
        stored: the stored slots.
        began: when the run began, seconds of the monotonic clock.
        slot: the slot that was published last.
    """
    receipts = stored.receipts[before:]
    number, rows, seconds = len(receipts), sum(receipt.rows for receipt in receipts), time.monotonic() - began
    log.info(
        "slot %d/%d %s: %d rows, %d calls; %d rows in all, %.0f rows/s, %s left",
        number,
        of,
        slot.interval,
        slot.receipt.rows,
        slot.receipt.calls,
        rows,
        rows / seconds if seconds else 0,
        f"{seconds / number * (of - number):.0f} s",
    )
