"""What Airflow's provider discovery reads; nothing is imported here, because Airflow calls it while it is starting."""

from __future__ import annotations

from typing import Any


def get_provider_info() -> dict[str, Any]:
    """Return the connection type and its form."""
    return {
        "package-name": "airflow-provider-quill",
        "name": "Quill",
        "description": "Bet records of Quill, an invented vendor.",
        "connection-types": [
            {
                "connection-type": "quill",
                "hook-class-name": "airflow_provider_quill.hook.QuillHook",
                "hook-name": "Quill",
                "ui-field-behaviour": {
                    "hidden-fields": ["schema"],
                    "relabeling": {"host": "Base URL", "login": "Merchant id (sn)", "password": "Secret key"},
                },
            }
        ],
    }
