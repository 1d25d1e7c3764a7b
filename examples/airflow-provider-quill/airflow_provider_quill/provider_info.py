"""Describe the provider to Airflow, which calls this while it is starting: import nothing heavy here."""

from __future__ import annotations

from typing import Any

from airflow_betproviders.declare import connection_type


def get_provider_info() -> dict[str, Any]:
    """Return the connection type and its form."""
    return {
        "package-name": "airflow-provider-quill",
        "name": "Quill",
        "description": "Bet records of Quill, an invented vendor.",
        "connection-types": [
            connection_type(
                "quill",
                hook="airflow_provider_quill.hook.QuillHook",
                name="Quill",
                labels={"login": "Merchant id (sn)"},
                placeholders={"host": "https://api.quill.example", "login": "zz1"},
                min_interval=60,
                min_interval_reason="Quill asks for a minute between requests that turn no page",
                fields={
                    "calls_an_hour": {
                        "label": "Requests an hour",
                        "description": (
                            "Quota of the merchant, all currencies together. Default 5. 0: none. Several tasks share it by "
                            "the rate limit storage."
                        ),
                        "schema": {"type": "integer", "minimum": 0, "default": 5},
                    },
                    "pages_count": {
                        "label": "Pages count in the quota",
                        "description": "Whether requests that turn a page count; the document doesn't say. Default yes.",
                        "schema": {"type": "boolean", "default": True},
                    },
                },
            )
        ],
    }
