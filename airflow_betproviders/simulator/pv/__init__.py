"""The simulated PV API."""

from airflow_betproviders.simulator.pv.api import OPTIONS, Pv

__all__ = ["OPTIONS", "make_vendor"]

make_vendor = Pv
