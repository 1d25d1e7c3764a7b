"""Operators for DAG authors: extract, fill gaps, replay, merge, reconcile, export."""
