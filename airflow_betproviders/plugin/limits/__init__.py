"""Limits that keep the page from slowing the API server down."""
