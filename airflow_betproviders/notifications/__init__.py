"""Notify people of missing data and of what to do: messages, a notifier, and deadlines for fresh data."""
