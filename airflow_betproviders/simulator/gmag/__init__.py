"""The simulated GM-Ag data API."""
