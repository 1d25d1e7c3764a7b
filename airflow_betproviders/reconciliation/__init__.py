"""Compare our sums with the provider's own."""
