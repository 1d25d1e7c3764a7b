"""Name the exceptions of Airflow that tasks catch or raise."""

from __future__ import annotations

from airflow_betproviders.exceptions import airflow_exception

AirflowException = airflow_exception("AirflowException")
AirflowSensorTimeout = airflow_exception("AirflowSensorTimeout")
AirflowSkipException = airflow_exception("AirflowSkipException")
AirflowTaskTimeout = airflow_exception("AirflowTaskTimeout")
