"""Read the last reconciliation of a stream with its provider's own report."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from functools import partial
from typing import Any

from airflow_betproviders.lake.layout import RECONCILIATION, Lake
from airflow_betproviders.lake.store.listing import folder_entries
from airflow_betproviders.plugin.limits.cache import ShortCache
from airflow_betproviders.task.storage import open_path

log = logging.getLogger(__name__)

_results = ShortCache[dict[str, Any] | None](seconds=30, max_results=400)


def last_reconciliations(streams: Iterable[tuple[str, str, str, str]]) -> list[dict[str, Any] | None]:
    """Return the last reconciled report day of each stream, at most half a minute old; None for a stream without one.

    Args:
        streams: path of the lake, provider, stream and account of each.
    """
    return [_results.get(stream, partial(_last, *stream)) for stream in streams]


def last_reconciliation(lake: Lake) -> dict[str, Any] | None:
    """Return the newest reconciled report day, or None. Costs one listing and one small read."""
    import pyarrow.parquet as pq

    place = lake.beside(RECONCILIATION)
    days = sorted(path for path in folder_entries(lake.fs, place, detail=False) if str(path).endswith(".parquet"))
    if not days:
        return None
    with lake.fs.open(days[-1], "rb") as file:
        lines = pq.read_table(file, columns=["agrees", "checked_at"]).to_pydict()
    return {
        "date": days[-1].rpartition("/")[2].removesuffix(".parquet"),
        "agrees": all(lines["agrees"]),
        "figures": len(lines["agrees"]),
        "disagreeing": lines["agrees"].count(False),
        "checked_at": max((instant.isoformat() for instant in lines["checked_at"]), default=None),
    }


def _last(path: str, provider: str, stream: str, account: str) -> dict[str, Any] | None:
    try:
        place = open_path(path)
        return last_reconciliation(Lake(place.fs, place.path, provider, stream, account))
    except Exception:
        log.exception("the last reconciliation of %s %s, account %s, cannot be read", provider, stream, account)
        return None
