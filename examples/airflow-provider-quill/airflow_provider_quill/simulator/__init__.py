"""The simulated Quill API. It imports nothing of the hook, and nothing of airflow-provider-betproviders."""

from airflow_provider_quill.simulator.api import OPTIONS, Quill

__all__ = ["OPTIONS", "make_vendor"]

make_vendor = Quill
