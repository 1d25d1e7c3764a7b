"""Run demonstrations on one machine: a real Airflow without a terminal, and simulated vendors."""
