"""Rows that do not fit the schema."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class RejectedRow:
    """A record that does not fit: its JSON text as sent, and why."""

    raw: str
    reason: str
