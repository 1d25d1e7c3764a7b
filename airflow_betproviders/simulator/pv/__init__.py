"""The simulated PV (2J) summary API."""
