"""Say that the windows of a slot contradict each other, so that the slot is read again."""

from __future__ import annotations


class SlotChanged(Exception):
    """The windows of a slot contradict each other. Discard its rows, and read the slot again."""
