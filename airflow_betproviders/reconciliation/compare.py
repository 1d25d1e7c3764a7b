"""Holding what the lake has of a day against what the provider says: figure by figure, and where a difference lies."""

from __future__ import annotations

import logging
from collections.abc import Collection, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Protocol

from airflow_betproviders.declare.interval import Interval
from airflow_betproviders.declare.reports import Distinct, Report, ReportSpec, Sum, WindowTotals
from airflow_betproviders.extraction.slots import Extraction
from airflow_betproviders.reconciliation.day_totals import DayTotals, Figures, Group
from airflow_betproviders.reconciliation.provider_totals import ProviderTotals
from airflow_betproviders.reconciliation.results import Figure
from airflow_betproviders.reconciliation.slot_scanner import EXACT, NONE

if TYPE_CHECKING:
    from airflow_betproviders.declare.stream import Stream
    from airflow_betproviders.hooks.base import BetProviderHook

log = logging.getLogger(__name__)

ALL = "all"
_ROUNDS = 3  # rows may move between the count and the look for where they went


class Check(Protocol):
    """One word of the provider, against the ledger."""

    def lines(self) -> list[Figure]:
        """Every figure as it stands."""

    def suspects(self) -> Collection[Interval]:
        """The slots that may carry a difference."""

    def changed(self, slots: Collection[Interval]) -> None:
        """These slots were read again: what the provider said before may be older than they are."""


class AgainstReport:
    """A report of a provider."""

    def __init__(
        self, hook: BetProviderHook, report: Report, ledger: DayTotals, statement: ProviderTotals, tolerance: Decimal
    ) -> None:
        self._account = hook.account
        self._report = report
        self._ledger = ledger
        self._statement = statement
        self._tolerance = tolerance
        self._heard: tuple[Figures, Figures] | None = None
        self._named: dict[str, set[str]] = {}
        self._stale = False

    def lines(self) -> list[Figure]:
        """Every figure; the provider is asked again when it said otherwise before slots were read again."""
        ours = self._ledger.figures(self._report, self._account)
        named = self._names(ours)
        known = all(named[name] <= self._named.get(name, set()) for name in named)
        if self._heard is not None and known:
            lines = self._held_against(ours, *self._heard)
            if not self._stale or all(line.agrees for line in lines):
                return lines
        self._heard = self._statement.figures(self._report, self._ledger.day, named)
        self._named, self._stale = named, False
        return self._held_against(ours, *self._heard)

    def suspects(self) -> Collection[Interval]:
        """By halving, where the provider reports on parts of a day; else all of the day."""
        return self._narrowed(self._ledger.slots) if self._report.divisible else self._ledger.slots

    def changed(self, slots: Collection[Interval]) -> None:
        """See `Check`."""
        self._stale = self._stale or bool(slots)

    def _narrowed(self, slots: Sequence[Interval]) -> list[Interval]:
        if len(slots) == 1:
            return list(slots)
        middle = len(slots) // 2
        found = []
        for half in (slots[:middle], slots[middle:]):
            day = self._ledger.day
            part = Interval(max(half[0].start, day.start), min(half[-1].end, day.end))
            ours = self._ledger.figures(self._report, self._account, part)
            theirs, grand = self._statement.figures(self._report, part, self._names(ours))
            if not all(line.agrees for line in self._held_against(ours, theirs, grand)):
                log.info("%s differs in %s", self._report.name, part)
                found += self._narrowed(half)
        return found

    def _names(self, ours: Figures) -> dict[str, set[str]]:
        return {name: {group[place] for group in ours} for place, name in enumerate(self._report.each)}

    def _held_against(self, ours: Figures, theirs: Figures, grand: Figures) -> list[Figure]:
        """A group that one of the two does not have counts as nothing there."""
        report = self._report
        groups = set(theirs) if report.named_only else {*ours, *theirs, *([] if report.grouping else [()])}
        lines = [line for group in sorted(groups) for line in self._of(group, ours.get(group), theirs.get(group))]
        for group, total in grand.items():
            added: dict[str, Decimal] = {}
            for figures in ours.values():
                for name, amount in figures.items():
                    if not isinstance(report.measures[name], Distinct):
                        added[name] = EXACT.add(added.get(name, NONE), amount)
            said = {name: amount for name, amount in total.items() if name in added or not ours}
            lines += self._of(group, added, said, f"{report.name}, grand total")
        return lines

    def _of(
        self, group: Group, ours: dict[str, Decimal] | None, theirs: dict[str, Decimal] | None, name: str | None = None
    ) -> list[Figure]:
        shown = " ".join(f"{by}={value}" for by, value in zip(self._report.grouping, group, strict=False)) or ALL
        lines = []
        for measure, kind in self._report.measures.items():
            if theirs is not None and measure not in theirs:
                continue  # the report leaves it out
            mine, said = ((side or {}).get(measure, NONE) for side in (ours, theirs))
            allowed = self._tolerance if isinstance(kind, Sum) else NONE
            agrees = EXACT.abs(EXACT.subtract(mine, said)) <= allowed
            lines.append(Figure(name or self._report.name, shown, measure, mine, said, agrees))
        return lines


class AgainstTotals:
    """The totals that a provider gives with its windows, slot by slot."""

    def __init__(
        self,
        hook: BetProviderHook,
        word: WindowTotals,
        stream: Stream,
        ledger: DayTotals,
        statement: ProviderTotals,
    ) -> None:
        self._hook = hook
        self._word = word
        self._stream = stream
        self._ledger = ledger
        self._statement = statement
        self._counts: dict[Interval, int] = {}

    def lines(self) -> list[Figure]:
        """The count of each window, once rows that have moved to a later one are left out, and their sum."""
        before = None
        for _ in range(_ROUNDS):
            self._count()
            now = (dict(self._counts), self._ledger.moved)
            if now == before or not any(self._ledger.counted(slot) > count for slot, count in self._counts.items()):
                break
            before = now
            self._look_after()
            if not (suspects := self.suspects()):
                break
            self.changed(suspects)
        self._count()
        ours = {slot: Decimal(self._ledger.counted(slot)) for slot in self._ledger.slots}
        theirs = {slot: Decimal(self._counts[slot]) for slot in self._ledger.slots}
        lines = [self._line(f"window={self._window(slot)}", ours[slot], theirs[slot]) for slot in ours]
        return [*lines, self._line(ALL, sum(ours.values(), NONE), sum(theirs.values(), NONE))]

    def suspects(self) -> Collection[Interval]:
        """The windows that differ."""
        return [slot for slot in self._ledger.slots if self._ledger.counted(slot) != self._counts.get(slot)]

    def changed(self, slots: Collection[Interval]) -> None:
        """See `Check`."""
        for slot in slots:
            self._counts.pop(slot, None)

    def _count(self) -> None:
        for slot in self._ledger.slots:
            if slot not in self._counts:
                self._counts[slot] = self._statement.count(self._stream, self._window(slot))

    def _look_after(self) -> None:
        """Read what lies between the lake's end and now, which is not stored, for rows of the day that went there."""
        rule = self._stream.windows
        if rule is None:
            return
        now = self._hook.now()
        now -= (now - self._ledger.day.end) % rule.step
        for interval in self._ledger.unread(now):
            log.info("looking in %s for rows that have moved there", interval)
            with Extraction(self._hook, self._stream).read(interval) as slot:
                self._statement.read(slot.receipt.calls)
                self._ledger.look_after(interval, slot.spool.path)

    def _window(self, slot: Interval) -> Interval:
        day = self._ledger.day
        return Interval(max(slot.start, day.start), min(slot.end, day.end))

    def _line(self, group: str, ours: Decimal, theirs: Decimal) -> Figure:
        return Figure(self._word.name, group, "rows", ours, theirs, ours == theirs)


def integrity(ledger: DayTotals) -> list[Figure]:
    """Whether each slot of the day is there and holds what its receipt says."""
    slots = ledger.slots
    whole = len(slots) - len(ledger.missing) - len(ledger.damaged)
    lines = [Figure("receipts", ALL, "slots", Decimal(whole), Decimal(len(slots)), whole == len(slots))]
    lines += [
        Figure("receipts", f"slot={slot.name}", "stored objects", NONE, Decimal(1), agrees=False)
        for slot in ledger.missing
    ]
    for held in ledger.held:
        group = f"slot={held.interval.name}"
        lines += [
            Figure("receipts", group, each.measure, each.found, each.expected, agrees=False) for each in held.wrong
        ]
    return lines


def check(
    hook: BetProviderHook,
    word: ReportSpec,
    stream: Stream,
    ledger: DayTotals,
    statement: ProviderTotals,
    tolerance: Decimal,
) -> Check:
    """The way to hold the ledger against a word of the provider."""
    match word:
        case Report():
            return AgainstReport(hook, word, ledger, statement, tolerance)
        case WindowTotals():
            return AgainstTotals(hook, word, stream, ledger, statement)
