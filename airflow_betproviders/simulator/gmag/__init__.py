"""The simulated GM-Ag API."""

from airflow_betproviders.simulator.gmag.api import OPTIONS, GmAg

__all__ = ["OPTIONS", "make_vendor"]

make_vendor = GmAg
