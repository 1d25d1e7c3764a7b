"""Quill's quota: calls an hour, and a least time between windows (document: 2.2)."""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass, field
from datetime import datetime, timedelta

HOUR = timedelta(hours=1)


@dataclass(kw_only=True)
class Quota:
    """A quota of one merchant, all currencies together. Refused calls don't count.

    Attributes:
        calls: Requests an hour.
        spacing: Least seconds between two requests that don't turn a page.
        page_spacing: Least seconds between a page and whatever came before it.
        pages_count: Whether requests that turn a page count in the quota.
        by_clock: The hour is that of the clock, not the last sixty minutes.
    """

    calls: int
    spacing: float
    page_spacing: float = 0.0
    pages_count: bool = True
    by_clock: bool = False
    _counted: deque[datetime] = field(default_factory=deque)
    _window: datetime | None = None
    _last: datetime | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def broken_by(self, now: datetime, *, turns_page: bool) -> str | None:
        """Count a request at ``now``, or say which limit it breaks."""
        with self._lock:
            since = now.replace(minute=0, second=0, microsecond=0) if self.by_clock else now - HOUR
            while self._counted and (self._counted[0] < since or (not self.by_clock and self._counted[0] == since)):
                self._counted.popleft()
            counts = self.pages_count or not turns_page
            if counts and len(self._counted) >= self.calls:
                return f"{len(self._counted) + 1} requests in an hour, {self.calls} are allowed"
            before, least = (self._last, self.page_spacing) if turns_page else (self._window, self.spacing)
            if before is not None and (now - before).total_seconds() < least:
                return f"{(now - before).total_seconds():g} s after the last request, {least:g} s are asked for"
            if counts:
                self._counted.append(now)
            if not turns_page:
                self._window = now
            self._last = now
            return None
