"""Demonstrations on one machine: a headless Airflow, and what runs on it."""
