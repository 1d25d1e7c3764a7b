"""Request windows from a provider: rate limits, retries, prefetch, window planning, completeness, window boundaries."""
