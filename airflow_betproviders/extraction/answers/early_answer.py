"""Refuse answers that the provider gave before the window was over by its own clock.

Such an answer cannot be complete: the worker's clock is ahead of the provider's by more than the lag, or a cache answered.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from airflow_betproviders.declare.interval import Interval
from airflow_betproviders.exceptions import IncompleteWindow, WindowNotReady

# A task defers for a difference of the clocks up to this one. A greater one should be seen.
_LONGEST_WAIT = timedelta(hours=1)
# A date that differs by more comes from a clock that nobody set, and shows nothing.
_GREATEST_DIFFERENCE = timedelta(days=1)


@dataclass(frozen=True)
class EarlyAnswers:
    """The answers to a request that are too early to be complete.

    Attributes:
        window: what was requested.
        lag: the time after which the provider has all rows of a window.
        now: the worker's clock.
    """

    window: Interval
    lag: timedelta
    now: datetime

    def refuse(self, answered_at: datetime | None) -> None:
        """Refuse an answer that is older than the end of its window.

        A window that is not yet over by the worker's own clock is not checked, nor is an answer without a date.

        Args:
            answered_at: when the provider answered, by its own clock; None if it does not say.

        Raises:
            WindowNotReady: the answer is older; ``retry_at`` is when the window is ready by the provider's clock.
            IncompleteWindow: the answer is older, and the clocks differ by so much that no wait helps.
        """
        if answered_at is None or not answered_at < self.window.end <= self.now - self.lag:
            return
        difference = self.now - answered_at
        if difference > _GREATEST_DIFFERENCE:
            return
        text = (
            f"the answer's Date header says {answered_at:%Y-%m-%dT%H:%M:%SZ}, when the window was not over, and this worker's "
            f"clock says {self.now:%Y-%m-%dT%H:%M:%SZ}. Set the worker's clock by NTP. If the clock of the provider's gateway is "
            f"wrong, give a lag= above {difference.total_seconds() / 60:.0f} minutes."
        )
        if difference - self.lag > _LONGEST_WAIT:
            raise IncompleteWindow(text)
        error = WindowNotReady(text)
        error.retry_at = self.now + (self.window.end + self.lag - answered_at)
        raise error
