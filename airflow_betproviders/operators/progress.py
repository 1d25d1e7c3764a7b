"""Find the slots that a task stored before it deferred."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from airflow_betproviders.declare.interval import Interval

if TYPE_CHECKING:
    from airflow_betproviders.extraction.slots import Stored
    from airflow_betproviders.lake.layout import Lake


def stored_before_deferral(lake: Lake, intervals: Sequence[Interval], until: str | None) -> Stored:
    """Return the slots that the task had stored before it deferred.

    Args:
        lake: the stream's place.
        intervals: the slots of the task.
        until: end of the slots that were stored, ISO 8601; None if the task has not deferred.
    """
    from airflow_betproviders.extraction.slots import Stored
    from airflow_betproviders.lake.publish import read_receipt

    stored = Stored()
    end = datetime.fromisoformat(until) if until else intervals[0].start
    if end > intervals[0].start:
        paths = lake.stored(Interval(intervals[0].start, end))
        for slot in intervals:
            receipt = read_receipt(lake.fs, paths[slot]) if slot in paths and slot.end <= end else None
            if receipt is not None:
                stored.paths[slot] = paths[slot]
                stored.receipts.append(receipt)
                stored.size = (stored.size or 0) + int(lake.fs.size(paths[slot]))
    return stored
