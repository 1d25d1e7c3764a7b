"""Hold a row that does not fit the schema, for quarantine."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class RejectedRow:
    """A record that does not fit the schema.

    Attributes:
        raw: its JSON text, as sent.
        reason: why it does not fit.
    """

    raw: str
    reason: str
