"""Differences between the versions of Airflow that the tests run on."""

from __future__ import annotations

from importlib.metadata import version

from packaging.version import Version

try:
    from airflow.sdk.exceptions import (
        AirflowFailException,
        AirflowNotFoundException,
        AirflowTaskTimeout,
        TaskDeferred,
    )
except ImportError:  # Airflow 3.1
    from airflow.exceptions import (  # type: ignore[attr-defined, no-redef]
        AirflowFailException,
        AirflowNotFoundException,
        AirflowTaskTimeout,
        TaskDeferred,
    )

try:
    from airflow.triggers.callback import CallbackTrigger
except ImportError:  # Airflow 3.1
    from airflow.triggers.deadline import (  # type: ignore[import-not-found, no-redef]
        DeadlineCallbackTrigger as CallbackTrigger,
    )

try:
    from airflow.serialization.serialized_objects import DagSerialization
except ImportError:  # Airflow 3.1
    from airflow.serialization.serialized_objects import (  # type: ignore[assignment, attr-defined]
        SerializedDAG as DagSerialization,
    )

AIRFLOW = Version(version("apache-airflow-core"))
# Airflow 3.1 does not read a form's fields from a provider's metadata; there the extra is written as JSON.
READS_FORMS = Version("3.2") <= AIRFLOW
HAS_PARTITIONS = Version("3.3") <= AIRFLOW
# Pages are driven by what they show, and that differs from version to version.
HAS_OUR_PAGES = Version("3.3") <= AIRFLOW

__all__ = [
    "AIRFLOW",
    "HAS_OUR_PAGES",
    "HAS_PARTITIONS",
    "READS_FORMS",
    "AirflowFailException",
    "AirflowNotFoundException",
    "AirflowTaskTimeout",
    "CallbackTrigger",
    "DagSerialization",
    "TaskDeferred",
]
