"""Refuse a report whose rows are of other days than those asked for: the provider's days begin at another hour."""

from __future__ import annotations

import re
from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np

from airflow_betproviders.declare.interval import Interval
from airflow_betproviders.declare.stream import Stream
from airflow_betproviders.exceptions import ProviderRequestError
from airflow_betproviders.extraction.answers.window_rows import WindowRows

if TYPE_CHECKING:
    from airflow_betproviders.extraction.fetch.source import Source

_DAY = re.compile(r"(\d{4})-?(\d\d)-?(\d\d)(?:[T ].*)?", re.ASCII | re.DOTALL)


def refuse_other_days(rows: WindowRows, window: Interval, source: Source, stream: Stream) -> None:
    """Compare the day that each row names with the days of its window.

    | the row names | it |
    |---|---|
    | a day of the window | is kept |
    | the day that begins at the window's end, and has no figure but 0 | is left out: the next window has it |
    | another day | fails the task |
    | no day that can be read | is kept |

    Args:
        rows: the rows; those left out are taken from them.
        window: what was asked for.
        source: the account, for messages.
        stream: the stream; `Stream.day_column` names the column. Without it, nothing is compared.

    Raises:
        ProviderRequestError: names the day and the cure.
    """
    if stream.day_column is None or not rows.table.num_rows:
        return
    first, end = window.start.date(), window.end.date()
    after_end = end if window.end.timestamp() % 86_400 == 0 else date.max
    kept = np.ones(rows.table.num_rows, bool)
    for number, row in enumerate(rows.table.to_pylist()):
        day = _day(row[stream.day_column])
        if day is None or (first <= day < after_end and day <= end):
            continue
        if day != after_end or any(row[field.name] for field in stream.fields if field.name != stream.day_column):
            raise ProviderRequestError(
                f"{source.label}, stream {stream.name}, window {window}: the answer has figures of {day}, which is not a day of the "
                "window. Nothing of it was stored. The provider's days begin at another hour than midnight UTC, or it answered "
                "another request; ask the provider."
            )
        kept[number] = False
    if not kept.all():
        rows.filter(kept)


def _day(value: Any) -> date | None:
    found = _DAY.fullmatch(str(value).strip())
    try:
        return date(*map(int, found.groups())) if found else None
    except ValueError:
        return None
