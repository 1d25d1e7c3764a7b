"""What Airflow's provider discovery reads; nothing is imported here, because Airflow calls it while it is starting."""

from __future__ import annotations

from typing import Any


def get_provider_info() -> dict[str, Any]:
    """Return the connection type and its form."""
    return {
        "package-name": "airflow-provider-rowan",
        "name": "Rowan",
        "description": "Bet records of Rowan, an invented vendor.",
        "connection-types": [
            {
                "connection-type": "rowan",
                "hook-class-name": "airflow_provider_rowan.hook.RowanHook",
                "hook-name": "Rowan",
                "ui-field-behaviour": {
                    "hidden-fields": ["schema"],
                    "relabeling": {"host": "Data URL", "login": "Operator token", "password": "Secret key"},
                },
                "conn-fields": {
                    "salt": {
                        "label": "Salt",
                        "description": "Third secret: the key of the header signature.",
                        "schema": {"type": ["string", "null"], "format": "password"},
                    }
                },
            }
        ],
    }
