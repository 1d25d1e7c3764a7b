"""What the bets table does with Arrow rows and files, whatever they mean: JSON, statistics, sorting, storage."""
