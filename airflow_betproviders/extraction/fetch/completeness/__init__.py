"""Completeness: what a window brought, each row in its place, and what proves that none is missing."""
