"""The simulated AIG API."""

from airflow_betproviders.simulator.aig.api import OPTIONS, Aig

__all__ = ["OPTIONS", "make_vendor"]

make_vendor = Aig
