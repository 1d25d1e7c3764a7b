"""Read what earlier runs learned about a stream of an account, from the receipts in the lake.

A run starts from these facts, so that hourly runs don't prove the same thing again and again. A provider may change, so
most of them are used for a day only.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime

from airflow_betproviders.declare.interval import DAY, Interval
from airflow_betproviders.lake.layout import Lake
from airflow_betproviders.lake.publish import read_receipt
from airflow_betproviders.lake.receipt import Receipt


@dataclass(frozen=True)
class EarlierRuns:
    """The facts that a run starts from.

    Attributes:
        proven: rows, and bytes, of the largest answers without a total that were proven not to be cut off.
        starts_held_at: the start of the last slot whose rows proved that windows include their start; None if none did
            within a day.
        ends_held_at: the same for the ends of windows.
        asked_for_less: ``rows`` of a page and ``seconds`` of a window that the provider answers, if that is less than
            documented.
        new_day: whether the run begins on another day than the slot before; then larger requests are tried again.
        after_stored: whether the slot before is stored.
    """

    proven: tuple[int, int] = (0, 0)
    starts_held_at: datetime | None = None
    ends_held_at: datetime | None = None
    asked_for_less: Mapping[str, float] = field(default_factory=dict)
    new_day: bool = False
    after_stored: bool = False

    @classmethod
    def before(cls, slot: Interval, previous: Receipt | None, replaced: Sequence[Receipt]) -> EarlierRuns:
        """Gather the facts from receipts.

        Args:
            slot: the run's first slot.
            previous: receipt of the slot before it; None if that is not stored.
            replaced: receipts of the objects that the run will replace.
        """
        receipts = [receipt for receipt in (previous, *replaced) if receipt is not None]
        newest = max(receipts, key=lambda receipt: receipt.made_at, default=None)
        return cls(
            proven=(
                max((receipt.proven_rows for receipt in receipts), default=0),
                max((receipt.proven_bytes for receipt in receipts), default=0),
            ),
            starts_held_at=_fresh(newest.starts_held_at, slot) if newest else None,
            ends_held_at=_fresh(newest.ends_held_at, slot) if newest else None,
            asked_for_less=receipts[0].asked_for_less if receipts else {},
            new_day=bool(receipts) and datetime.fromisoformat(receipts[0].start).date() != slot.start.date(),
            after_stored=previous is not None and datetime.fromisoformat(previous.end) == slot.start,
        )

    @classmethod
    def read(
        cls, lake: Lake, slot: Interval, stored: Mapping[Interval, str], replaced: Sequence[Receipt]
    ) -> EarlierRuns:
        """Read the facts from the lake. Costs one read of a footer.

        Args:
            lake: where the stream is stored.
            slot: the run's first slot.
            stored: paths of the objects around it, by their slot.
            replaced: receipts of the objects that the run will replace.
        """
        previous = None
        before = max((other for other in stored if other.end <= slot.start), key=lambda other: other.end, default=None)
        if before is not None:
            with suppress(FileNotFoundError):  # another task has replaced it meanwhile
                previous = read_receipt(lake.fs, stored[before])
        return cls.before(slot, previous, replaced)


def _fresh(at: str | None, slot: Interval) -> datetime | None:
    """Return the start of an earlier slot, given as text, if it is at most a day from a slot; else None."""
    start = datetime.fromisoformat(at) if at else None
    return start if start and abs(start - slot.start) <= DAY else None
