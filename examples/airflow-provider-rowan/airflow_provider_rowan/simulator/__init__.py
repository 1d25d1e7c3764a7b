"""The simulated Rowan API. It imports nothing of the hook, and nothing of airflow-provider-betproviders."""

from airflow_provider_rowan.simulator.api import OPTIONS, Rowan

__all__ = ["OPTIONS", "make_vendor"]

make_vendor = Rowan
