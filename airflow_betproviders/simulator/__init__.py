"""All simulated vendors on one port, without credentials: for demonstrations, tests and DAG authors.

It is an independent reading of the vendor documents and imports nothing from the rest of this package, so that a
mistake in a hook cannot hide behind the same mistake here.
"""

from airflow_betproviders.simulator.server import Simulator
from airflow_betproviders.simulator.settings import Settings

__all__ = ["Settings", "Simulator"]
