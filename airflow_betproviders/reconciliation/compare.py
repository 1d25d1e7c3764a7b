"""Compare a day in the lake with the provider's figures, and find the slots that cause a difference."""

from __future__ import annotations

import logging
from collections.abc import Collection, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Protocol

from airflow_betproviders.declare.interval import Interval
from airflow_betproviders.declare.reports import Distinct, Report, ReportSpec, Sum, WindowTotals
from airflow_betproviders.extraction.slots import Extraction
from airflow_betproviders.lake.receipt import EXACT
from airflow_betproviders.reconciliation.day_totals import DayTotals, Group, GroupFigures
from airflow_betproviders.reconciliation.provider_totals import ProviderTotals
from airflow_betproviders.reconciliation.results import Figure
from airflow_betproviders.reconciliation.slot_scanner import ZERO

if TYPE_CHECKING:
    from airflow_betproviders.declare.stream import Stream
    from airflow_betproviders.hooks.base import BetProviderHook

log = logging.getLogger(__name__)

ALL = "all"
_ROUNDS = 3  # rows may move between the count and the search


class Comparison(Protocol):
    """Compare the day in the lake with one report of the provider."""

    def figures(self) -> list[Figure]:
        """Return every figure: ours and the provider's."""

    def suspects(self) -> Collection[Interval]:
        """Return the slots that may cause a difference."""

    def changed(self, slots: Collection[Interval]) -> None:
        """Note that slots were extracted again, so that earlier figures of the provider may be outdated."""


class ReportComparison:
    """Compare with a report of the provider."""

    def __init__(
        self,
        hook: BetProviderHook,
        report: Report,
        day_totals: DayTotals,
        provider_totals: ProviderTotals,
        tolerance: Decimal,
    ) -> None:
        self._account = hook.account
        self._report = report
        self._day_totals = day_totals
        self._provider_totals = provider_totals
        self._tolerance = tolerance
        self._provider_figures: tuple[GroupFigures, GroupFigures] | None = None
        self._named: dict[str, set[str]] = {}
        self._stale = False

    def figures(self) -> list[Figure]:
        """Return every figure. Asks the provider again if its figures differed before slots were extracted again."""
        ours = self._day_totals.group_figures(self._report, self._account)
        named = self._names(ours)
        known = all(named[name] <= self._named.get(name, set()) for name in named)
        if self._provider_figures is not None and known:
            figures = self._compare(ours, *self._provider_figures)
            if not self._stale or all(figure.agrees for figure in figures):
                return figures
        self._provider_figures = self._provider_totals.group_figures(self._report, self._day_totals.day, named)
        self._named, self._stale = named, False
        return self._compare(ours, *self._provider_figures)

    def suspects(self) -> Collection[Interval]:
        """Return the slots found by halving the day, if the report can be requested for parts of a day; otherwise all slots."""
        return self._narrowed(self._day_totals.slots) if self._report.divisible else self._day_totals.slots

    def changed(self, slots: Collection[Interval]) -> None:
        """See `Comparison`."""
        self._stale = self._stale or bool(slots)

    def _narrowed(self, slots: Sequence[Interval]) -> list[Interval]:
        if len(slots) == 1:
            return list(slots)
        middle = len(slots) // 2
        differing = []
        for half in (slots[:middle], slots[middle:]):
            day = self._day_totals.day
            part = Interval(max(half[0].start, day.start), min(half[-1].end, day.end))
            ours = self._day_totals.group_figures(self._report, self._account, part)
            theirs, grand = self._provider_totals.group_figures(self._report, part, self._names(ours))
            if not all(figure.agrees for figure in self._compare(ours, theirs, grand)):
                log.info("%s differs in %s", self._report.name, part)
                differing += self._narrowed(half)
        return differing

    def _names(self, ours: GroupFigures) -> dict[str, set[str]]:
        return {name: {group[place] for group in ours} for place, name in enumerate(self._report.each)}

    def _compare(self, ours: GroupFigures, theirs: GroupFigures, grand: GroupFigures) -> list[Figure]:
        """Compare group by group. A group that one side lacks counts as 0 there."""
        report = self._report
        groups = set(theirs) if report.named_only else {*ours, *theirs, *([] if report.grouping else [()])}
        figures = [
            figure for group in sorted(groups) for figure in self._figures_of(group, ours.get(group), theirs.get(group))
        ]
        for group, total in grand.items():
            added: dict[str, Decimal] = {}
            for group_figures in ours.values():
                for name, amount in group_figures.items():
                    if not isinstance(report.measures[name], Distinct):
                        added[name] = EXACT.add(added.get(name, ZERO), amount)
            said = {name: amount for name, amount in total.items() if name in added or not ours}
            figures += self._figures_of(group, added, said, f"{report.name}, grand total")
        return figures

    def _figures_of(
        self, group: Group, ours: dict[str, Decimal] | None, theirs: dict[str, Decimal] | None, name: str | None = None
    ) -> list[Figure]:
        shown = " ".join(f"{by}={value}" for by, value in zip(self._report.grouping, group, strict=False)) or ALL
        figures = []
        for measure, kind in self._report.measures.items():
            if theirs is not None and measure not in theirs:
                continue  # the report leaves it out
            mine, said = ((side or {}).get(measure, ZERO) for side in (ours, theirs))
            allowed = self._tolerance if isinstance(kind, Sum) else ZERO
            agrees = EXACT.abs(EXACT.subtract(mine, said)) <= allowed
            figures.append(Figure(name or self._report.name, shown, measure, mine, said, agrees))
        return figures


class TotalsComparison:
    """Compare with the totals of the provider's windows, slot by slot."""

    def __init__(
        self,
        hook: BetProviderHook,
        spec: WindowTotals,
        stream: Stream,
        day_totals: DayTotals,
        provider_totals: ProviderTotals,
    ) -> None:
        self._hook = hook
        self._spec = spec
        self._stream = stream
        self._day_totals = day_totals
        self._provider_totals = provider_totals
        self._counts: dict[Interval, int] = {}

    def figures(self) -> list[Figure]:
        """Return the count of each window, without rows that moved to a later one, and their sum."""
        before = None
        for _ in range(_ROUNDS):
            self._count()
            now = (dict(self._counts), self._day_totals.moved)
            if now == before or not any(self._day_totals.bets_in(slot) > count for slot, count in self._counts.items()):
                break
            before = now
            self._find_moved()
            if not (suspects := self.suspects()):
                break
            self.changed(suspects)
        self._count()
        ours = {slot: Decimal(self._day_totals.bets_in(slot)) for slot in self._day_totals.slots}
        theirs = {slot: Decimal(self._counts[slot]) for slot in self._day_totals.slots}
        figures = [self._figure(f"window={self._window(slot)}", ours[slot], theirs[slot]) for slot in ours]
        return [*figures, self._figure(ALL, sum(ours.values(), ZERO), sum(theirs.values(), ZERO))]

    def suspects(self) -> Collection[Interval]:
        """Return the slots whose counts differ."""
        return [slot for slot in self._day_totals.slots if self._day_totals.bets_in(slot) != self._counts.get(slot)]

    def changed(self, slots: Collection[Interval]) -> None:
        """See `Comparison`."""
        for slot in slots:
            self._counts.pop(slot, None)

    def _count(self) -> None:
        for slot in self._day_totals.slots:
            if slot not in self._counts:
                self._counts[slot] = self._provider_totals.count(self._stream, self._window(slot))

    def _find_moved(self) -> None:
        """Request the time after the last stored slot, to find rows of the day that moved there."""
        rule = self._stream.windows
        if rule is None:
            return
        now = self._hook.now()
        now -= (now - self._day_totals.day.end) % rule.step
        for interval in self._day_totals.unread(now):
            log.info("searching %s for rows that have moved there", interval)
            with Extraction(self._hook, self._stream).read(interval) as slot:
                self._provider_totals.add_calls(slot.receipt.calls)
                self._day_totals.find_moved(interval, slot.writer.path)

    def _window(self, slot: Interval) -> Interval:
        day = self._day_totals.day
        return Interval(max(slot.start, day.start), min(slot.end, day.end))

    def _figure(self, group: str, ours: Decimal, theirs: Decimal) -> Figure:
        return Figure(self._spec.name, group, "rows", ours, theirs, ours == theirs)


def receipt_figures(day_totals: DayTotals) -> list[Figure]:
    """Return figures that compare the day's stored objects with their receipts."""
    slots = day_totals.slots
    matching = len(slots) - len(day_totals.missing) - len(day_totals.damaged)
    figures = [Figure("receipts", ALL, "slots", Decimal(matching), Decimal(len(slots)), matching == len(slots))]
    figures += [
        Figure("receipts", f"slot={slot.name}", "stored objects", ZERO, Decimal(1), agrees=False)
        for slot in day_totals.missing
    ]
    for scanned in day_totals.scanned:
        group = f"slot={scanned.interval.name}"
        figures += [
            Figure("receipts", group, mismatch.measure, mismatch.found, mismatch.expected, agrees=False)
            for mismatch in scanned.wrong
        ]
    return figures


def comparison_of(
    hook: BetProviderHook,
    spec: ReportSpec,
    stream: Stream,
    day_totals: DayTotals,
    provider_totals: ProviderTotals,
    tolerance: Decimal,
) -> Comparison:
    """Return the comparison that a report's declaration needs."""
    match spec:
        case Report():
            return ReportComparison(hook, spec, day_totals, provider_totals, tolerance)
        case WindowTotals():
            return TotalsComparison(hook, spec, stream, day_totals, provider_totals)
