"""Define the exception that makes a slot be read again."""

from __future__ import annotations


class SlotChanged(Exception):
    """The windows of a slot contradict each other. Discard its rows, and read the slot again."""
