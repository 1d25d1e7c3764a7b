"""Describe the provider to Airflow, which calls this while it is starting: import nothing heavy here."""

from __future__ import annotations

from typing import Any

from airflow_betproviders.declare import connection_type


def get_provider_info() -> dict[str, Any]:
    """Return the connection type and its form."""
    return {
        "package-name": "airflow-provider-finch",
        "name": "Finch",
        "description": "Bet records of Finch, an invented vendor.",
        "connection-types": [
            connection_type(
                "finch",
                hook="airflow_provider_finch.hook.FinchHook",
                name="Finch",
                labels={"login": "Secure login", "password": "Secret key"},
                placeholders={"host": "https://api.finch.example", "login": "demo_operator"},
                min_interval=61,
                min_interval_reason="an integrator leaves a minute between calls",
            )
        ],
    }
