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
    """Count the bets."""


@dataclass(frozen=True)
class Distinct:
    """Count the distinct values of a raw column."""

    column: str


@dataclass(frozen=True)
class Sum:
    """Add up raw columns, in the raw stream's unit. A missing amount counts as 0.

    Attributes:
        plus: columns that are added.
        minus: columns that are subtracted.
        unsigned: compare amounts without their sign, because the document does not state the report's sign. Only for
            amounts that all have the same sign.
    """

    plus: tuple[str, ...] = ()
    minus: tuple[str, ...] = ()
    unsigned: bool = False


Measure: TypeAlias = Count | Distinct | Sum


@dataclass(frozen=True, kw_only=True)
class Report:
    """Declare a provider's report: its sums and counts for a day, and how raw rows give the same.

    Attributes:
        stream: the stream that reads the report.
        of: the bet stream that the report adds up.
        measures: the report's columns, each with how it is computed from raw rows.
        groups: the columns by which the report groups, each with its raw column; empty for one total.
        filters: filters of the stream for this report.
        each: a filter with one value a call, and the raw column whose values are requested.
        own: a raw column that must equal the account's login. The report excludes other rows, such as those of sub-brands.
        named_only: whether the report covers only some groups, and the raw rows do not show which. Other groups are not compared.
        total: path of the grand total in the answer, whose members have the names of the measures; empty if there is none.
        divisible: whether the report can be requested for any part of a day.
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
    """Declare that bets are compared with the totals that answers give for their windows, for a provider without a report.

    Attributes:
        of: the bet stream; its answers have a total.
        moves_within: how long after a day its rows may still move to later windows, if windows filter the time of the last
            change. Moved rows are looked for in later stored slots, and at the provider up to now.
    """

    of: str
    moves_within: timedelta | None = None
    name: str = "window totals"
    columns: frozenset[str] = frozenset()


ReportSpec: TypeAlias = Report | WindowTotals
