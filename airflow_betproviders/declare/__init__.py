"""The vocabulary that declares a provider: fields, pagination, windows, parameters, streams, bets, reports and form.

Airflow imports this module while it is starting, so it imports nothing but the connection form.
"""

from airflow_betproviders.declare.connection_form import connection_type

__all__ = ["API_VERSION", "connection_type"]

API_VERSION = 1
"""Version of this vocabulary. A provider's package states the version that it was written for: ``API_VERSION = 1``."""
