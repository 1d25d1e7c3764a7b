"""The engine: interval -> slots -> windows -> pages -> Arrow -> one Parquet object a slot.

Imports neither Airflow nor a provider, so that it can be tested and timed without them.
"""
