"""Airflow's own exceptions: their module differs between versions."""

from __future__ import annotations

try:
    from airflow.sdk.exceptions import AirflowException
except ImportError:  # Airflow 3.1
    from airflow.exceptions import AirflowException  # type: ignore[attr-defined]

__all__ = ["AirflowException"]
