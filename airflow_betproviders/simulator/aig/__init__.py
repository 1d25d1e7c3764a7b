"""The simulated AIG live casino API."""
