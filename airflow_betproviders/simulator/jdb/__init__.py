"""The simulated JDB API."""

from airflow_betproviders.simulator.jdb.api import OPTIONS, Jdb

__all__ = ["OPTIONS", "make_vendor"]

make_vendor = Jdb
