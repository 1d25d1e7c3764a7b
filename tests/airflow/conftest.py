from collections.abc import Iterator
from pathlib import Path

import pytest

from demo.headless import HeadlessAirflow

DAGS = Path(__file__).with_name("dags")


@pytest.fixture(scope="session")
def headless_airflow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HeadlessAirflow]:
    """One real Airflow, on the DAGs beside this file, for all tests that need no more than their own DAG."""
    with HeadlessAirflow(tmp_path_factory.mktemp("airflow"), DAGS) as airflow:
        yield airflow
