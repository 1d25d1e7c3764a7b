"""What each provider's records are: fields, key, clock, limits. Declarations only."""
