"""Parse the parameters of a request to the page. Each has a bound; a value beyond it is refused before anything is read."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta, timezone
from typing import Annotated

from fastapi import Depends, HTTPException, Query

from airflow_betproviders.declare.interval import DAY, Interval
from airflow_betproviders.exceptions import InvalidArgument
from airflow_betproviders.plugin.views.streams import Selection

MAX_DAYS = 400
EARLIEST = datetime(2000, 1, 1, tzinfo=timezone.utc)

Name = Annotated[str | None, Query(max_length=250)]
Days = Annotated[int, Query(ge=1, le=MAX_DAYS)]


def selection(
    lake: Annotated[int | None, Query(ge=0, le=999)] = None,
    provider: Name = None,
    stream: Name = None,
    account: Name = None,
    filters: Annotated[str | None, Query(max_length=2000)] = None,
    *,
    narrowed: bool = False,
) -> Selection:
    """Return the streams that a request selects."""
    return Selection(lake, provider, stream, account, filters, narrowed)


def present() -> datetime:
    """Return the current time; all parameters of a request use this value."""
    return datetime.now(timezone.utc)


Now = Annotated[datetime, Depends(present)]


def days_of(now: Now, days: Days = 60, last: date | None = None) -> Interval:
    """Return the days that a request selects, the last one included; default today.

    Raises:
        HTTPException: 422, the last day lies before 2000 or after tomorrow.
    """
    latest = now.date() + DAY  # in zones east of Greenwich the next day may have begun
    if last and not EARLIEST.date() <= last <= latest:
        raise HTTPException(422, f"last: must be a day from {EARLIEST.date()} to {latest}.")
    return span_of(days, last, now)


def requested_slot(now: Now, start: datetime, end: datetime) -> Interval:
    """Return the slot that a request selects.

    Raises:
        HTTPException: 422, one of the ends has no time zone or lies before 2000 or after tomorrow, or the slot is wider
            than a day.
    """
    for name, instant in (("start", start), ("end", end)):
        if instant.tzinfo is None:
            raise HTTPException(422, f"{name}: has no time zone; write 2026-11-20T05:00:00Z.")
        if not EARLIEST <= instant <= now + 2 * DAY:
            raise HTTPException(422, f"{name}: must lie between {EARLIEST.date()} and tomorrow.")
    try:
        slot = Interval(start, end)
    except InvalidArgument:
        raise HTTPException(422, "start: must lie before end.") from None
    if slot.width > DAY:
        raise HTTPException(422, "end: a slot is at most one day wide.")
    return slot


def span_of(days: int, last: date | None, now: datetime) -> Interval:
    """Return the days that the page shows, up to the end of the last one; default today."""
    midnight = datetime.combine(last or now.date(), time(), timezone.utc)
    return Interval(midnight - (days - 1) * DAY, midnight + timedelta(days=1))


Chosen = Annotated[Selection, Depends(selection)]
Span = Annotated[Interval, Depends(days_of)]
Slot = Annotated[Interval, Depends(requested_slot)]
