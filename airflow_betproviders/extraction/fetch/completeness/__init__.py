"""Prove that a window is complete, and put each row into its window."""
