"""What the page shows: streams, receipts, money and reconciliations."""
