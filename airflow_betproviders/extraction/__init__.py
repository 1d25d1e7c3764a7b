"""The engine: interval -> slots -> windows -> pages -> Arrow -> one Parquet object a slot.

Imports neither Airflow nor a provider; errors are imported where they are raised, so that the engine can be tested and
timed without paying for Airflow's import.
"""
