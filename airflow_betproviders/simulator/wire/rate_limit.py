"""Enforce the rate limit of a vendor."""

from __future__ import annotations

import threading
import time


class TooFast(Exception):
    """A call came before the vendor's least interval had passed."""


class RateLimit:
    """The least seconds between two accepted calls of a vendor, over all its endpoints, by the machine's clock."""

    def __init__(self, interval: float, tolerance: float) -> None:
        self._least = interval - tolerance
        self._last = float("-inf")
        self._lock = threading.Lock()

    def admit(self) -> None:
        """Let a call pass, or raise ``TooFast``; refused calls do not count."""
        with self._lock:
            now = time.monotonic()
            gap = now - self._last
            if gap < self._least:
                raise TooFast(f"{gap:.3f} s after the last call")
            self._last = now
