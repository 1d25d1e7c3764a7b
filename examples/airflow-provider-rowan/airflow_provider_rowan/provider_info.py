"""Describe the provider to Airflow, which calls this while it is starting: import nothing heavy here."""

from __future__ import annotations

from typing import Any

from airflow_betproviders.declare import connection_type


def get_provider_info() -> dict[str, Any]:
    """Return the connection type and its form."""
    return {
        "package-name": "airflow-provider-rowan",
        "name": "Rowan",
        "description": "Bet records of Rowan, an invented vendor.",
        "connection-types": [
            connection_type(
                "rowan",
                hook="airflow_provider_rowan.hook.RowanHook",
                name="Rowan",
                labels={"host": "Data URL", "login": "Operator token", "password": "Secret key"},
                placeholders={"host": "https://api.rowan.example/data", "login": "demo-operator-01"},
                fields={
                    "salt_secret": {
                        "label": "Salt",
                        "description": "Third secret: the key of the header signature. Empty: requests are not signed.",
                        "schema": {"type": ["string", "null"], "format": "password"},
                    },
                    "signed_host": {
                        "label": "Signed host",
                        "description": "What the signature covers: the host's name, or its name and port. Default name.",
                        "schema": {"type": "string", "enum": ["name", "name-and-port"], "default": "name"},
                    },
                },
            )
        ],
    }
