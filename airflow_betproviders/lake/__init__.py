"""What is stored: layout, receipts, publishing, footer cache, gaps, coverage."""
