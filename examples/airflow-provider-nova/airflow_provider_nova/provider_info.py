"""What Airflow's provider discovery reads; nothing is imported here, because Airflow calls it while it is starting."""

from __future__ import annotations

from typing import Any


def get_provider_info() -> dict[str, Any]:
    """Return the connection type and its form."""
    return {
        "package-name": "airflow-provider-nova",
        "name": "Nova",
        "description": "Bet records of Nova, an invented vendor.",
        "connection-types": [
            {
                "connection-type": "nova",
                "hook-class-name": "airflow_provider_nova.hook.NovaHook",
                "hook-name": "Nova",
                "ui-field-behaviour": {
                    "hidden-fields": ["schema"],
                    "relabeling": {"host": "Base URL", "login": "Account", "password": "Key"},
                },
            }
        ],
    }
