"""The stored data: layout, receipts, publishing, footer cache, gaps, coverage."""
