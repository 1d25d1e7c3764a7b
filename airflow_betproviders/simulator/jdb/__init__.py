"""The simulated JDB platform API."""
