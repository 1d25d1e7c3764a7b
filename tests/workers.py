"""Assign the tests to the workers of pytest-xdist."""

from __future__ import annotations

from xdist.scheduler import LoadScopeScheduling

WITH_AIRFLOW = ("tests/airflow/", "tests/e2e/")


class OneAirflow(LoadScopeScheduling):
    """Give a worker a whole class or module at a time, so that fixtures are shared.

    All tests that start an Airflow go to one worker: two at a time would need four processors.
    """

    def _split_scope(self, nodeid: str) -> str:
        return "airflow" if nodeid.startswith(WITH_AIRFLOW) else super()._split_scope(nodeid)
