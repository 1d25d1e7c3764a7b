"""Deliberate faults: kinds, switches, and their effect on lists and rows."""
