"""Compare what is stored with what should be."""
