"""Every bet, once, exact: gaming vendors' bet records as typed Parquet, by Airflow.

Airflow reads this package while it is still configuring itself, so this module imports nothing.
"""

__version__ = "0.1.0"
