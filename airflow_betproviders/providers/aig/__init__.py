"""AIG live casino (Lucko)."""

API_VERSION = 1
