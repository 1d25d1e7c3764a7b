"""Ask a provider for its own totals: reports, and counts of windows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal, InvalidOperation
from itertools import product
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from airflow_betproviders.declare.interval import Interval
from airflow_betproviders.declare.reports import Measure, Report, Sum
from airflow_betproviders.exceptions import BadRows
from airflow_betproviders.extraction.slots import Extraction
from airflow_betproviders.lake.receipt import EXACT
from airflow_betproviders.reconciliation.day_totals import GroupFigures
from airflow_betproviders.reconciliation.row_counter import RowCounter
from airflow_betproviders.reconciliation.slot_scanner import ZERO

if TYPE_CHECKING:
    from airflow_betproviders.declare.stream import Stream
    from airflow_betproviders.hooks.base import BetProviderHook


_DIGITS = 38  # before the point: no sum of money has more


class ProviderTotals:
    """Ask the provider for the totals of one account.

    Attributes:
        calls: calls made so far.
    """

    def __init__(self, hook: BetProviderHook) -> None:
        self._hook = hook
        self._counters: dict[str, RowCounter] = {}
        self._calls = 0

    @property
    def calls(self) -> int:
        """Return the number of calls made so far."""
        return self._calls + sum(counter.calls for counter in self._counters.values())

    def add_calls(self, calls: int) -> None:
        """Count calls that another object made for this reconciliation."""
        self._calls += calls

    def count(self, stream: Stream, window: Interval) -> int:
        """Return how many rows the provider has in a window."""
        counter = self._counters.setdefault(
            stream.name, RowCounter(self._hook, stream, check_time=lambda window: self._hook.check_time(stream, window))
        )
        return counter(window)

    def group_figures(
        self, report: Report, interval: Interval, named: Mapping[str, set[str]]
    ) -> tuple[GroupFigures, GroupFigures]:
        """Return a report's figures by group, and its grand total if the answer has one.

        A figure that a row lacks counts as 0, as a sum of nothing is null in SQL. One that the grand total lacks is left out.

        Args:
            report: the declaration.
            interval: the day, or a part of it.
            named: the values of filters that take one value a call.

        Raises:
            BadRows: the answer has rows or a grand total that do not fit the declaration.
        """
        stream = self._hook.stream(report.stream)
        group_figures: GroupFigures = {}
        grand: GroupFigures = {}
        for values in product(*(sorted(named[name]) for name in report.each)):
            group_filters = dict(zip(report.each, values, strict=True))
            grand_total = _GrandTotal(self._hook, report.total)
            for row in self._rows(grand_total, stream, interval, {**report.filters, **_typed(stream, group_filters)}):
                group = tuple(str(row[name] if row[name] is not None else "") for name in report.groups)
                figures = {name: _amount(measure, row.get(name) or 0) for name, measure in report.measures.items()}
                _add(group_figures.setdefault((*values, *group), {}), figures)
            if isinstance(grand_total.total, Mapping):
                grand[()] = self._grand(report, grand_total.total, interval)
        return group_figures, grand

    def _grand(self, report: Report, total: Mapping[str, Any], interval: Interval) -> dict[str, Decimal]:
        figures = {}
        for name, measure in report.measures.items():
            if (value := total.get(name)) is not None:
                try:
                    figures[name] = _amount(measure, value)
                except ArithmeticError:
                    raise BadRows(
                        f"{self._hook.label}, stream {report.stream}, {interval}: the grand total of {name} is {value!r}, which "
                        "is no amount, so the day cannot be compared with it. Send the provider this message."
                    ) from None
        return figures

    def _rows(
        self, source: Any, stream: Stream, interval: Interval, filters: Mapping[str, Any]
    ) -> Iterator[dict[str, Any]]:
        extraction = Extraction(
            source, stream, filters, check_time=lambda window: self._hook.check_time(stream, window)
        )
        with extraction.read(interval, extracted_at=self._hook.now()) as slot:
            self._calls += slot.receipt.calls
            if slot.bad_rows:
                raise BadRows(
                    f"{self._hook.label}, stream {stream.name}, {interval}: {len(slot.bad_rows)} rows of the report do "
                    f"not fit the schema, the first because of {slot.bad_rows[0].reason}. So the day cannot be compared "
                    "with it. Send the provider this message."
                )
            for batch in slot.writer.batches():
                yield from pa.Table.from_batches([batch]).to_pylist()


class _GrandTotal:
    """Wrap an account to keep the grand total of an answer's envelope."""

    def __init__(self, hook: BetProviderHook, path: tuple[str, ...]) -> None:
        self._hook = hook
        self._path = path
        self.total: Any = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._hook, name)

    def check(self, envelope: Mapping[str, Any]) -> None:
        """Check the status of the answer and keep its grand total."""
        self._hook.check(envelope)
        if not self._path:
            return
        value: Any = envelope
        for name in self._path:
            if isinstance(value, list):  # JDB wraps an object in an array
                value = value[0] if value else None
            value = value.get(name) if isinstance(value, Mapping) else None
        self.total = value


def _amount(measure: Measure, value: Any) -> Decimal:
    """Return a figure of the provider's as a decimal.

    Raises:
        ArithmeticError: it is no number, or larger than any sum of money.
    """
    amount = Decimal(str(value))
    if not amount.is_finite() or amount.adjusted() > _DIGITS:
        raise InvalidOperation
    return EXACT.abs(amount) if isinstance(measure, Sum) and measure.unsigned else amount


def _add(into: dict[str, Decimal], more: Mapping[str, Decimal]) -> None:
    for name, amount in more.items():
        into[name] = EXACT.add(into.get(name, ZERO), amount)


def _typed(stream: Stream, filters: Mapping[str, str]) -> dict[str, Any]:
    return {name: stream.filters[name].type(value) for name, value in filters.items()}
