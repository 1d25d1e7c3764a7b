"""Log the calls, and the rules that calls broke."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Journal:
    """Every call, and every rule that calls broke."""

    calls: list[dict[str, Any]] = field(default_factory=list)
    breaches: list[dict[str, Any]] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def called(self, entry: dict[str, Any]) -> None:
        """Remember a call."""
        with self._lock:
            self.calls.append(entry)

    def breached(self, entry: dict[str, Any]) -> None:
        """Remember a breach."""
        with self._lock:
            self.breaches.append(entry)

    def reset(self) -> None:
        """Forget everything."""
        with self._lock:
            self.calls.clear()
            self.breaches.clear()
