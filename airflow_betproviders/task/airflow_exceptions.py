"""Import Airflow's exceptions from the module in which this version of Airflow has them."""

from __future__ import annotations

try:
    from airflow.sdk.exceptions import AirflowException, AirflowSensorTimeout
except ImportError:  # Airflow 3.1
    from airflow.exceptions import AirflowException, AirflowSensorTimeout  # type: ignore[attr-defined, no-redef]

__all__ = ["AirflowException", "AirflowSensorTimeout"]
