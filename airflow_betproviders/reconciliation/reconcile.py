"""Reconciliation: a day's raw bets against the provider's own word, and the slots that carry a difference read again."""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from airflow_betproviders.declare.interval import DAY, Interval, aligned
from airflow_betproviders.declare.reports import Report, ReportSpec, WindowTotals
from airflow_betproviders.exceptions import InvalidArgument, ReconciliationFailed, WindowExpired
from airflow_betproviders.extraction.privacy import DROP
from airflow_betproviders.extraction.slots import Extraction
from airflow_betproviders.lake.layout import Lake
from airflow_betproviders.lake.publish import read_receipt
from airflow_betproviders.reconciliation.compare import Check, check, integrity
from airflow_betproviders.reconciliation.day_totals import DayTotals
from airflow_betproviders.reconciliation.provider_totals import ProviderTotals
from airflow_betproviders.reconciliation.results import ReconciliationResult, publish
from airflow_betproviders.reconciliation.slot_scanner import NONE
from airflow_betproviders.registry import reports_of

if TYPE_CHECKING:
    from airflow_betproviders.declare.stream import Stream
    from airflow_betproviders.extraction.privacy import PiiPolicy
    from airflow_betproviders.hooks.base import BetProviderHook

log = logging.getLogger(__name__)

_AROUND = 7 * DAY


@dataclass(frozen=True, kw_only=True)
class Reconciliation:
    """Reconciles whole report days of one account's bets.

    Attributes:
        hook: the account.
        fs: an fsspec file system.
        root: the raw lake's folder in it.
        tolerance: how far sums of money may differ, in the report's unit; counts never may.
        repair: read again the slots that carry a difference.
        reports: streams of the reports to hold the bets against; default all that are declared.
        width: of slots on a day of which nothing is stored; default the stream's own.
        pii_policy: what is done to columns that say who a player is, as in the extraction.
        stamp: members of the receipts of slots that are read again: dag_id, task_id, run_id, try_number, version.
    """

    hook: BetProviderHook
    fs: Any
    root: str
    tolerance: Decimal = NONE
    repair: bool = False
    reports: Sequence[str] = ()
    width: timedelta | None = None
    pii_policy: PiiPolicy | None = None
    stamp: Mapping[str, Any] = field(default_factory=dict)

    @property
    def words(self) -> tuple[ReportSpec, ...]:
        """What the bets are held against.

        Raises:
            InvalidArgument: the provider has no such report.
        """
        declared = reports_of(self.hook.conn_type)
        offered = {word.stream for word in declared if isinstance(word, Report)}
        if unknown := set(self.reports) - offered:
            raise InvalidArgument(
                f"{self.hook.hook_name} has no report {', '.join(sorted(unknown))}. It has: {', '.join(sorted(offered))}."
            )
        return tuple(
            word for word in declared if not self.reports or (isinstance(word, Report) and word.stream in self.reports)
        )

    @property
    def stream(self) -> Stream:
        """The bet stream."""
        return self.hook.stream(self.words[0].of)

    @property
    def lake(self) -> Lake:
        """Where the bets lie."""
        return Lake(self.fs, self.root, self.stream.provider, self.stream.name, self.hook.account)

    def days(self, interval: Interval) -> tuple[Interval, ...]:
        """The report days of an interval.

        Raises:
            InvalidArgument: it is not of whole ones.
        """
        origin = self._asked[0].day_start_offset
        for name, instant in (("start", interval.start), ("end", interval.end)):
            if not aligned(instant, DAY, origin):
                raise InvalidArgument(
                    f"{name} {instant.isoformat()} does not begin a report day: those of {self.hook.hook_name} run from "
                    f"{origin // timedelta(hours=1):02}:00 UTC to the next. Schedule the DAG at that hour with "
                    "CronDataIntervalTimetable, or give whole days with start= and end=."
                )
        return tuple(
            Interval(interval.start + i * DAY, interval.start + (i + 1) * DAY) for i in range(interval.width // DAY)
        )

    def ready_at(self, interval: Interval) -> datetime:
        """When the provider's word on the interval is final."""
        return max(self.hook.ready_at(stream, interval) for stream in (*self._asked, self.stream))

    def check_time(self, interval: Interval) -> None:
        """Refuse days of which the provider no longer speaks.

        Raises:
            WindowExpired: names what is gone.
        """
        for stream in self._asked:
            self.hook.check_time(stream, interval)

    def run(self, day: Interval) -> ReconciliationResult:
        """Reconcile one day and publish what was found, whether it agrees or not."""
        stream, words, statement, lake = self.stream, self.words, ProviderTotals(self.hook), self.lake
        finding = ReconciliationResult(
            provider=stream.provider,
            account=self.hook.account,
            stream=stream.name,
            label=self.hook.label,
            day=day,
            checked_at=self.hook.now(),
            run_id=self.stamp.get("run_id"),
        )
        moves = [word.moves_within for word in words if isinstance(word, WindowTotals)]
        wanted = {name for word in words for name in word.columns}
        with DayTotals(lake, stream, day, wanted, width=self.width, moves_within=moves[0] if moves else None) as ledger:
            ledger.load()
            words = _telling(words, ledger.pii, finding)
            checks = [check(self.hook, word, stream, ledger, statement, self.tolerance) for word in words]
            if self.repair:
                self._mend(ledger, checks, finding)
            finding.lines = [*integrity(ledger), *(line for each in checks for line in each.lines())]
            finding.bets = sum(map(ledger.counted, ledger.slots))
            finding.moved = ledger.moved
            finding.bad_rows = sum(held.bad_rows for held in ledger.held)
        finding.calls += statement.calls
        publish(lake, finding)
        return finding

    @property
    def _asked(self) -> list[Stream]:
        return [self.hook.stream(word.stream if isinstance(word, Report) else word.of) for word in self.words]

    def _mend(self, ledger: DayTotals, checks: Sequence[Check], finding: ReconciliationResult) -> None:
        """Read again what is missing or damaged, then what carries the differences that are left."""
        self._read_again([*ledger.missing, *ledger.damaged], ledger, checks, finding)
        for each in checks:
            if not all(line.agrees for line in each.lines()):
                suspects = each.suspects()
                if not set(suspects) - set(finding.repaired):
                    finding.notes.append("No slot was found that carries what still differs.")
                self._read_again(suspects, ledger, checks, finding)
        finding.notes = list(dict.fromkeys(finding.notes))

    def _read_again(
        self, slots: Collection[Interval], ledger: DayTotals, checks: Sequence[Check], finding: ReconciliationResult
    ) -> None:
        due = []
        for slot in sorted(set(slots) - set(finding.repaired)):
            try:
                self.hook.check_time(self.stream, slot)
            except WindowExpired as error:
                finding.notes.append(f"{slot} cannot be read again. {error}")
            else:
                due.append(slot)
        if not due:
            return
        self._refuse_to_reveal(ledger)
        log.info("reading %d slots again: %s", len(due), ", ".join(map(str, due)))
        extraction = Extraction(
            self.hook,
            self.stream,
            check_time=lambda window: self.hook.check_time(self.stream, window),
            stamp=self.stamp,
            archive=any(self.fs.exists(ledger.lake.archive(slot)) for slot in due),
            pii_policy=self.pii_policy,
        )
        finding.calls += extraction.store(due, ledger.lake).total("calls")
        finding.repaired = sorted([*finding.repaired, *due])
        ledger.load(anew=due)
        for each in checks:
            each.changed(due)

    def _refuse_to_reveal(self, ledger: DayTotals) -> None:
        """Before slots are read again: what the lake conceals, they must conceal too."""
        rules = ledger.pii or self._pii_around(ledger)
        known = self.pii_policy.rules if self.pii_policy else {}
        if shown := {name: rule for name, rule in rules.items() if known.get(name) != rule}:
            raise InvalidArgument(
                f"{self.hook.label}, stream {self.stream.name}: the lake conceals {', '.join(sorted(shown))}, and what is "
                f"read again would show it. Give repair the extraction's own pii={dict(rules)!r} and pii_conn_id=."
            )

    def _pii_around(self, ledger: DayTotals) -> Mapping[str, str]:
        """What the nearest days conceal, for a day without a receipt."""
        around = Interval(ledger.day.start - _AROUND, ledger.day.end + _AROUND)
        for slot, path in sorted(ledger.lake.stored(around).items(), reverse=True):
            if not slot.overlaps(ledger.day) and (receipt := read_receipt(self.fs, path)):
                return receipt.pii
        return {}


def _telling(
    words: Sequence[ReportSpec], pii: Mapping[str, str], finding: ReconciliationResult
) -> tuple[ReportSpec, ...]:
    """Without the reports that speak of what the lake conceals: they would not agree, and would show it."""
    told: list[ReportSpec] = []
    for word in words:
        if isinstance(word, Report):
            if concealed := set(word.grouping.values()) & set(pii):
                finding.notes.append(f"{word.name} is left out: the lake conceals {', '.join(sorted(concealed))}.")
                continue
            dropped = {name for name, rule in pii.items() if rule == DROP}
            told.append(word.without(dropped))
        else:
            told.append(word)
    return tuple(told)


def raise_for_mismatch(findings: Sequence[ReconciliationResult], *, repair: bool) -> None:
    """Raise for days that do not agree.

    Raises:
        ReconciliationFailed: names the greatest differences and the cure.
    """
    wrong = [finding for finding in findings if not finding.agrees]
    if not wrong:
        return
    told = []
    for finding in wrong:
        lines = "; ".join(map(str, finding.wrong[:3]))
        told.append(
            f"{finding.day}: {len(finding.wrong)} of {len(finding.lines)} figures differ: {lines}. All of them are in "
            f"{finding.path}."
        )
        if finding.bad_rows:
            told.append(f"{finding.bad_rows} rows are in quarantine, and in no sum.")
        told += finding.notes
    if not repair:
        cure = "With repair (repair=True in a task, --repair on the command line) the slots that carry the difference are read again."
    elif any(finding.repaired for finding in wrong):
        slots = sum(len(finding.repaired) for finding in wrong)
        cure = (
            f"{slots} slots were read again just now, and the provider's word still differs from its own records: wait for "
            "the next try, or send the provider this report."
        )
    else:
        cure = "Nothing could be read again that would mend it: send the provider this report."
    first = wrong[0]
    raise ReconciliationFailed(f"{first.label}, {first.provider} {first.stream}: {' '.join(told)} {cure}")
