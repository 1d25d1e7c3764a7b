"""Shared parts of this package's simulated vendors: the bet history, and refusals."""
