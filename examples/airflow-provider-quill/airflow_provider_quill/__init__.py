"""Quill, a provider of bet records for airflow-provider-betproviders. The vendor is invented."""

API_VERSION = 1
