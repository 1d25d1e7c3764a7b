"""Refuse answers that the provider gave before the window was over by its own clock.

Such an answer cannot be complete: the worker's clock is ahead of the provider's by more than the lag, or a cache answered.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from airflow_betproviders.declare.interval import Interval
from airflow_betproviders.exceptions import IncompleteWindow, WindowNotReady

# A task defers for a difference of the clocks up to this one. A greater one should be seen.
_LONGEST_WAIT = timedelta(hours=1)
# A date that differs by more comes from a clock that nobody set, and shows nothing.
_GREATEST_DIFFERENCE = timedelta(days=1)


def check_answered_at(answered_at: datetime | None, window: Interval, lag: timedelta, now: datetime) -> None:
    """Refuse an answer that is older than the end of its window.

    A window that is not yet over by the worker's own clock is not checked, nor is an answer without a date.

    Args:
        answered_at: when the provider answered, by its own clock; None if it does not say.
        window: what was requested.
        lag: the time after which the provider has all rows of a window.
        now: the worker's clock.

    Raises:
        WindowNotReady: the answer is older; ``retry_at`` is when the window is ready by the provider's clock.
        IncompleteWindow: likewise, if the clocks differ by so much that no wait helps.
    """
    if answered_at is None or not answered_at < window.end <= now - lag:
        return
    difference = now - answered_at
    if difference > _GREATEST_DIFFERENCE:
        return
    text = (
        f"the answer's Date header says {answered_at:%Y-%m-%dT%H:%M:%SZ}, when the window was not over, and this worker's clock "
        f"says {now:%Y-%m-%dT%H:%M:%SZ}. Set the worker's clock by NTP. If the clock of the provider's gateway is wrong, give a "
        f"lag= above {difference.total_seconds() / 60:.0f} minutes."
    )
    if difference - lag > _LONGEST_WAIT:
        raise IncompleteWindow(text)
    error = WindowNotReady(text)
    error.retry_at = now + (window.end + lag - answered_at)
    raise error
