"""GM-Ag (Golden Matrix)."""
