"""Arrow and storage helpers of the bets table: JSON, statistics, sorting, files."""
