"""How often a provider lets itself be asked."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping

from airflow_betproviders.simulator.exchange import Refusal


class Pace:
    """The least seconds between two accepted calls of a provider, over all its endpoints."""

    def __init__(self, intervals: Mapping[str, float], tolerance: float) -> None:
        self._intervals = intervals
        self._tolerance = tolerance
        self._last: dict[str, float] = {}
        self._lock = threading.Lock()

    def admit(self, provider: str) -> None:
        """Let a call pass, or raise ``Refusal``; refused calls do not count."""
        now = time.monotonic()
        with self._lock:
            gap = now - self._last.get(provider, float("-inf"))
            if gap < self._intervals.get(provider, 0.0) - self._tolerance:
                raise Refusal("rate", "500", f"{gap:.3f} s after the last call")
            self._last[provider] = now
