"""What Airflow's provider discovery reads; nothing is imported here, because Airflow calls it while it is starting."""

from __future__ import annotations

from typing import Any


def get_provider_info() -> dict[str, Any]:
    """Return the connection type and its form."""
    return {
        "package-name": "airflow-provider-finch",
        "name": "Finch",
        "description": "Rounds of Finch, an invented vendor.",
        "connection-types": [
            {
                "connection-type": "finch",
                "hook-class-name": "airflow_provider_finch.hook.FinchHook",
                "hook-name": "Finch",
                "ui-field-behaviour": {
                    "hidden-fields": ["schema"],
                    "relabeling": {"host": "Base URL", "login": "Login", "password": "Password"},
                },
            }
        ],
    }
