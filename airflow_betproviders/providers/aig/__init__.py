"""AIG live casino (Lucko)."""
