"""Exchange one HTTP request with a provider: bounded in time and memory, with an error for each failure."""
