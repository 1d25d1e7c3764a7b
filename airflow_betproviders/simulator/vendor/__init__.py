"""What the simulated vendors of this package share: a world of bets, and refusals."""
