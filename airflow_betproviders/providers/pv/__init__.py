"""PV (2J)."""

API_VERSION = 1
