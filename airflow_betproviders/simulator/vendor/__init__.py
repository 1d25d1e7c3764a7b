"""Shared parts of this package's simulated vendors: a world of bets, and refusals."""
