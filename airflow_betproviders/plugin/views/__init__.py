"""Views of the page: streams, receipts, money and reconciliations."""
