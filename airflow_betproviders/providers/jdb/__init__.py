"""JDB."""

API_VERSION = 1
