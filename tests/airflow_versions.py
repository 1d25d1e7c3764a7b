"""What differs between the versions of Airflow that the tests run on."""

from __future__ import annotations

from importlib.metadata import version

from packaging.version import Version

try:
    from airflow.sdk.exceptions import AirflowFailException, AirflowNotFoundException, TaskDeferred
except ImportError:  # Airflow 3.1
    from airflow.exceptions import AirflowFailException, AirflowNotFoundException, TaskDeferred

# Airflow 3.1 does not read a form's fields from a provider's metadata; there the extra is written as JSON.
READS_FORMS = Version(version("apache-airflow-core")) >= Version("3.2")
# Pages are driven by what they show, and that differs from version to version.
HAS_OUR_PAGES = Version(version("apache-airflow-core")) >= Version("3.3")

__all__ = ["HAS_OUR_PAGES", "READS_FORMS", "AirflowFailException", "AirflowNotFoundException", "TaskDeferred"]
