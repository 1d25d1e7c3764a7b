"""GM-Ag (Golden Matrix)."""

API_VERSION = 1
