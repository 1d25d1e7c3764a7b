"""What Airflow's provider discovery reads. Airflow calls it while it is starting, so nothing heavy is imported here."""

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
