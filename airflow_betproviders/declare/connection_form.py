"""Describe a connection type and its form for Airflow's provider discovery.

Airflow calls ``get_provider_info`` during ``import airflow``, before its configuration exists. So this module imports nothing.
"""

from typing import Any

# A base URL needs no port, but Airflow 3.3.1 and 3.3.2 refuse to test a connection without one (apache/airflow#73298).
_PORT = "443 (the Test button of Airflow 3.3.1 and 3.3.2 needs it)"

_COMMON: dict[str, dict[str, Any]] = {
    "timeout": {
        "label": "Timeout",
        "description": "Seconds to wait for the provider's answer to one call. Default 60.",
        "schema": {"type": ["number", "null"], "minimum": 1, "default": 60},
    },
    "rate_limit_storage": {
        "label": "Rate limit storage",
        "description": (
            "Redis URL such as redis://host:6379/0 that lets all workers share one rate limit for this account; empty "
            "means that each task keeps its own. Needs the [redis] extra. Airflow shows this field in clear, so give a URL "
            "without a password; if Redis needs one, keep the connection in a secrets backend."
        ),
        "schema": {"type": ["string", "null"]},
    },
    "verify": {
        "label": "Verify TLS certificate",
        "description": "Check the provider's TLS certificate. Turn off only for a test host with a self-signed one.",
        "schema": {"type": "boolean", "default": True},
    },
    "proxy": {
        "label": "Proxy",
        "description": (
            "Proxy URL such as http://user:password@proxy:3128, when the provider admits only the proxy's address. "
            "Airflow masks the complete value wherever it shows the connection."
        ),
        "schema": {"type": ["string", "null"], "format": "password"},
    },
    "ca_bundle": {
        "label": "Certificate authorities",
        "description": "Path on the workers of a PEM file with the authorities that may sign the provider's certificate.",
        "schema": {"type": ["string", "null"]},
    },
    "client_cert": {
        "label": "Client certificate",
        "description": (
            "Path on the workers of a PEM file with a client certificate and its key, or of two files, separated by a comma."
        ),
        "schema": {"type": ["string", "null"]},
    },
    "page_size": {
        "label": "Page size",
        "description": (
            "Rows to request in one answer, where the provider or a gateway allows fewer than its document says. Default: the "
            "document's."
        ),
        "schema": {"type": ["integer", "null"], "minimum": 1},
    },
    "retention_days": {
        "label": "Retention in days",
        "description": (
            "How many days back the provider answers for this account, where that differs from its document. Streams that "
            "look back less than a day stay as they are."
        ),
        "schema": {"type": ["number", "null"], "minimum": 1},
    },
    "max_answer_mb": {
        "label": "Largest answer",
        "description": "Megabytes that one answer may have once it is decompressed; a larger one fails. Default 256.",
        "schema": {"type": ["number", "null"], "minimum": 1, "default": 256},
    },
}


def connection_type(
    conn_type: str,
    *,
    hook: str,
    name: str,
    labels: "dict[str, str] | None" = None,
    placeholders: "dict[str, str] | None" = None,
    fields: "dict[str, dict[str, Any]] | None" = None,
    min_interval: float = 1,
    min_interval_reason: str = "",
) -> "dict[str, Any]":
    """Return an entry of ``connection-types`` in a provider's info: the connection type and its form.

    The form has host, login, password and port, the provider's own fields, and those of every provider: seconds between
    calls, timeout, rate limit storage, TLS, proxy, page size, retention and the largest answer. Call it from ``get_provider_info``; it imports nothing.

    Args:
        conn_type: the connection type, such as ``nova``; also the name of the entry point.
        hook: path of the hook's class, such as ``airflow_provider_nova.hook.NovaHook``.
        name: the provider's name for users; the hook's ``hook_name``.
        labels: what ``host``, ``login`` and ``password`` hold at this provider, such as ``{"login": "Agent id"}``.
        placeholders: examples for standard fields and own ones.
        fields: the provider's own extras: a label, a description and a JSON schema each. Airflow masks an extra only if
            its name holds a word such as ``secret``, ``token`` or ``api_key``, whatever its format.
        min_interval: the hook's ``default_min_interval``, in seconds.
        min_interval_reason: where this comes from; default: the provider states no limit.
    """
    reason = min_interval_reason or f"{name} states no limit, so this is a courtesy"
    spacing = {
        "label": "Seconds between calls",
        "description": f"Shortest time between the starts of two calls. Default {min_interval:g}: {reason}.",
        "schema": {"type": ["number", "null"], "minimum": 0, "default": min_interval},
    }
    return {
        "connection-type": conn_type,
        "hook-class-name": hook,
        "hook-name": name,
        "ui-field-behaviour": {
            "hidden-fields": ["schema"],
            "relabeling": {"host": "Base URL", "login": "Account", "password": "Secret key", **(labels or {})},
            "placeholders": {"host": "https://api.example.com", "port": _PORT, **(placeholders or {})},
        },
        "conn-fields": {**(fields or {}), "min_interval": spacing, **_COMMON},
    }
