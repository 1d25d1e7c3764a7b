"""Every test of the suite runs against a simulator that stands still."""

from __future__ import annotations

from tests.simulated import hook, no_waiting, now, simulator  # noqa: F401 - fixtures
