"""What shows the package at work on one machine: a headless Airflow, and what runs on it."""
