"""Tell people what is missing and what to do: messages, a notifier, and deadlines for fresh data."""
