"""Refuse rows that the request leaves out: the provider, or a gateway before it, ignored a filter or the account."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from airflow_betproviders.declare.interval import Interval
from airflow_betproviders.declare.request_parameters import Filter
from airflow_betproviders.declare.stream import Stream
from airflow_betproviders.exceptions import ProviderRequestError
from airflow_betproviders.extraction.decode.decoder import Page

if TYPE_CHECKING:
    from airflow_betproviders.extraction.fetch.source import Source


class FilteredRows:
    """Compare the rows of each answer with the filters, and with the account, of its request."""

    def __init__(self, source: Source, stream: Stream, filters: Mapping[str, Any]) -> None:
        """Bind the account, the stream and the filters of the extraction."""
        self._source = source
        self._stream = stream
        self._selections = [
            _Selection(
                declared.column,
                declared,
                value,
                f"filter {name}={value!r}",
                f"The provider, or a gateway before it, ignores the filter. Ask the provider, or extract without {name}",
            )
            for name, value in filters.items()
            if (declared := stream.filters.get(name)) and declared.column
        ]
        if stream.account_column:
            self._selections.append(
                _Selection(
                    stream.account_column,
                    Filter(type=str),
                    source.account,
                    f"login {source.account!r}",
                    "The provider returns rows of other accounts. To store those of subordinate accounts too, set show_all in the "
                    "connection's extra, where it has it; or ask the provider",
                )
            )

    def check(self, window: Interval | None, page: Page) -> None:
        """Refuse an answer with a row that was not requested.

        Args:
            window: the requested window; None for a snapshot.
            page: the answer.

        Raises:
            ProviderRequestError: the message names what was requested, a value that was not, and the cure.
        """
        for selection in self._selections:
            values = page.table[selection.column]
            others = [found for found in values.unique().to_pylist() if not selection.includes(found)]
            if others:
                count = pc.sum(pc.is_in(values, pa.array(others, values.type))).as_py()
                example = f", one of them {others[0]!r:.100}" if self._source.quotes else ""
                raise ProviderRequestError(
                    f"{self._source.label}, stream {self._stream.name}, window {window or 'now'}: {selection.asked} was requested, and "
                    f"{count} of {page.rows} rows of an answer have another {selection.column}{example}. Nothing of it was stored. "
                    f"{selection.cure}."
                )


@dataclass(frozen=True)
class _Selection:
    """What a request says of the values of one column."""

    column: str
    declared: Filter
    value: Any
    asked: str
    cure: str

    def includes(self, found: Any) -> bool:
        """Return whether a row may have this value."""
        return self.declared.selects(self.value, found)
