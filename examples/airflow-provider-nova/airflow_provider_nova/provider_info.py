"""Describe the provider to Airflow, which calls this while it is starting: import nothing heavy here."""

from __future__ import annotations

from typing import Any

from airflow_betproviders.declare import connection_type


def get_provider_info() -> dict[str, Any]:
    """Return the connection type and its form."""
    return {
        "package-name": "airflow-provider-nova",
        "name": "Nova",
        "description": "Bet records of Nova, an invented vendor.",
        "connection-types": [
            connection_type(
                "nova",
                hook="airflow_provider_nova.hook.NovaHook",
                name="Nova",
                labels={"password": "Key"},
                placeholders={"host": "https://api.nova.example", "login": "house7"},
            )
        ],
    }
