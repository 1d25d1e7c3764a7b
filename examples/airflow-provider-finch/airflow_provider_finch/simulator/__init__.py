"""The simulated Finch API. It imports nothing of the hook, and nothing of airflow-provider-betproviders."""

from airflow_provider_finch.simulator.api import OPTIONS, Finch

__all__ = ["OPTIONS", "make_vendor"]

make_vendor = Finch
