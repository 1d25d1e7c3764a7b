"""The simulated Nova API. It imports nothing of the hook, and nothing of airflow-provider-betproviders."""

from airflow_provider_nova.simulator.api import OPTIONS, Nova

__all__ = ["OPTIONS", "make_vendor"]

make_vendor = Nova
