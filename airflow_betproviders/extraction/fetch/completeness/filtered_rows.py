"""Warn about rows that the task's filters leave out: the provider, or a gateway before it, ignored a filter."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from airflow_betproviders.declare.interval import Interval
from airflow_betproviders.declare.stream import Stream
from airflow_betproviders.extraction.decode.decoder import Page

if TYPE_CHECKING:
    from airflow_betproviders.extraction.fetch.source import Source

log = logging.getLogger(__name__)


class FilteredRows:
    """Compare the rows of each answer with the filters of its request.

    Such rows are stored: PV's own sample of ``/api/games/game/history`` requests game 3011 and returns game 2011 (document 2.2).
    """

    def __init__(self, source: Source, stream: Stream, filters: Mapping[str, Any]) -> None:
        """Bind the account, the stream and the filters of the extraction."""
        self._source = source
        self._stream = stream
        self._filters = {
            name: (declared, declared.column, value)
            for name, value in filters.items()
            if (declared := stream.filters.get(name)) and declared.column
        }
        self._warned: set[str] = set()

    def check(self, window: Interval | None, page: Page) -> None:
        """Warn, once for each filter, about an answer with rows that were not requested.

        Args:
            window: the requested window; None for a snapshot.
            page: the answer.
        """
        for name, (declared, column, value) in self._filters.items():
            if name in self._warned:
                continue
            values = page.table[column]
            others = [found for found in values.unique().to_pylist() if not declared.selects(value, found)]
            if others:
                self._warned.add(name)
                count = pc.sum(pc.is_in(values, pa.array(others, values.type))).as_py()
                example = f", one of them {others[0]!r:.100}" if self._source.quotes else ""
                log.warning(
                    "%s, stream %s, window %s: filter %s=%r was requested, and %d of %d rows of an answer have another %s%s. They are "
                    "stored. The provider, or a gateway before it, ignores the filter: ask the provider, or extract without %s",
                    self._source.label,
                    self._stream.name,
                    window or "now",
                    name,
                    value,
                    count,
                    page.rows,
                    column,
                    example,
                    name,
                )
