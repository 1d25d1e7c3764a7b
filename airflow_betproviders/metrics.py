"""Report what tasks did through Airflow's own metrics (StatsD or OpenTelemetry, as ``[metrics]`` configures)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from airflow_betproviders.lake.receipt import Receipt

PREFIX = "betproviders"
COUNTERS: Mapping[str, str] = {
    "rows": "rows stored",
    "bytes": "bytes of answers, decompressed",
    "calls": "calls to the provider, retries included",
    "retries": "calls that were made again because the first had no usable answer",
    "rate_wait_ms": "milliseconds that calls waited for the rate limit",
    "odd_values": "values that did not fit their column",
    "quarantined_rows": "rows in quarantine",
    "merge_conflicts": "commits to the bets table that another commit preceded",
}
GAUGES: Mapping[str, str] = {
    "data_age_seconds": "seconds from the end of the newest stored interval to the end of its extraction",
    "gaps": "slots of the interval that are still missing or expired",
}


def emit(values: Mapping[str, float], tags: Mapping[str, str]) -> None:
    """Emit metrics of a task.

    Args:
        values: the values, by their name in `COUNTERS` or `GAUGES`. Counters of 0 are left out.
        tags: provider, stream and conn_id, or table.
    """
    stats = _stats()
    for name, value in values.items():
        if name in GAUGES:
            stats.gauge(f"{PREFIX}.{name}", value, tags=dict(tags))
        elif value:
            stats.incr(f"{PREFIX}.{name}", round(value), tags=dict(tags))


def receipt_counters(receipts: Iterable[Receipt]) -> dict[str, float]:
    """Return the counters of stored slots, by their name in `COUNTERS`."""
    receipts = list(receipts)
    counts = {
        name: sum(getattr(receipt, name) for receipt in receipts) for name in ("rows", "bytes", "calls", "retries")
    }
    return {
        **counts,
        "odd_values": sum(sum(receipt.odd_values.values()) for receipt in receipts),
        "quarantined_rows": sum(receipt.bad_rows for receipt in receipts),
    }


def _stats() -> Any:
    try:
        from airflow.sdk.observability import stats
    except ImportError:  # Airflow 3.1
        from airflow.stats import Stats

        return Stats
    return stats if hasattr(stats, "incr") else stats.Stats  # Airflow 3.2 has the functions in a class
