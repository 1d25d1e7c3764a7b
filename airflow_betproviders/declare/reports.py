"""Declare a provider's own reports on its bets, so that raw bets can be compared with them.

Column names of the raw stream and of the report are the provider's own. A provider's ``bets.py`` declares ``REPORTS`` beside
its ``MAPPING``.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any, TypeAlias


@dataclass(frozen=True)
class Count:
    """How many bets."""


@dataclass(frozen=True)
class Distinct:
    """How many different values a raw column has."""

    column: str


@dataclass(frozen=True)
class Sum:
    """Raw columns added up, in the raw stream's unit; a missing amount counts nothing.

    Attributes:
        plus: columns that are added.
        minus: columns that are taken off.
        unsigned: the document does not give the report's sign, and the amounts never mix signs: sizes are compared.
    """

    plus: tuple[str, ...] = ()
    minus: tuple[str, ...] = ()
    unsigned: bool = False


Measure: TypeAlias = Count | Distinct | Sum


@dataclass(frozen=True, kw_only=True)
class Report:
    """Sums and counts that a provider gives for a day.

    Attributes:
        stream: the stream that reads it.
        of: the bet stream that it adds up.
        measures: what the report's columns are of the raw rows.
        groups: what the report's rows are by: the report's column, and the raw one; none for one total.
        filters: how it is asked.
        each: a filter that takes one value a call, and the raw column whose values it is asked for.
        own: a raw column that must be the account's login: rows of others (sub-brands) are not in the report.
        named_only: the report covers only some groups, and the raw rows do not show which. Other groups are not compared.
        total: where the answer carries a grand total under the names of the measures, outside of the rows.
        divisible: it can be asked for any part of a day.
    """

    stream: str
    of: str
    measures: Mapping[str, Measure]
    groups: Mapping[str, str] = field(default_factory=dict)
    filters: Mapping[str, Any] = field(default_factory=dict)
    each: Mapping[str, str] = field(default_factory=dict)
    own: str | None = None
    named_only: bool = False
    total: tuple[str, ...] = ()
    divisible: bool = False

    @property
    def name(self) -> str:
        """Return the name of the report: its stream and its filters."""
        return " ".join([self.stream, *(f"{name}={value}" for name, value in self.filters.items())])

    @property
    def grouping(self) -> dict[str, str]:
        """Return the columns that figures are grouped by: the report's name of each, and the raw column."""
        return {**self.each, **self.groups}

    @property
    def columns(self) -> set[str]:
        """Return the raw columns that the report needs."""
        taken = {*self.grouping.values(), *([self.own] if self.own else [])}
        for measure in self.measures.values():
            match measure:
                case Sum(plus, minus):
                    taken |= {*plus, *minus}
                case Distinct(column):
                    taken.add(column)
        return taken

    def without(self, dropped: Collection[str]) -> Report:
        """Return the report without `Distinct` counts of the dropped raw columns."""
        left = {n: m for n, m in self.measures.items() if not (isinstance(m, Distinct) and m.column in dropped)}
        return replace(self, measures=left)


@dataclass(frozen=True, kw_only=True)
class WindowTotals:
    """For a provider without a report: the count of rows that it gives with every window.

    Attributes:
        of: the bet stream, whose answers carry a total.
        moves_within: how long after a day its rows may still move to later windows, where its clock is the time of the
            last change; such rows are looked for in what was stored since, and at the provider up to now.
    """

    of: str
    moves_within: timedelta | None = None
    name: str = "window totals"
    columns: frozenset[str] = frozenset()


ReportSpec: TypeAlias = Report | WindowTotals
