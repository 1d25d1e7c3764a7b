from collections.abc import Iterator
from pathlib import Path

import pytest

from demo.headless import HeadlessAirflow

DAGS = Path(__file__).parent.with_name("dags")


@pytest.fixture(scope="package")
def headless_airflow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HeadlessAirflow]:
    """One real Airflow for all tests of this folder. An idle one takes a tenth of a core."""
    with HeadlessAirflow(tmp_path_factory.mktemp("airflow"), DAGS) as airflow:
        yield airflow
