"""Reconcile a day's raw bets with the provider's own reports, and extract again the slots that cause a difference."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from airflow_betproviders.declare.interval import DAY, Interval, aligned
from airflow_betproviders.declare.reports import Report, ReportSpec, WindowTotals
from airflow_betproviders.exceptions import InvalidArgument, WindowExpired
from airflow_betproviders.extraction.privacy import DROP
from airflow_betproviders.extraction.slots import Extraction
from airflow_betproviders.lake.layout import Lake
from airflow_betproviders.lake.publish import read_receipt
from airflow_betproviders.reconciliation.compare import Comparison, comparison_of, receipt_figures
from airflow_betproviders.reconciliation.day_totals import DayTotals
from airflow_betproviders.reconciliation.provider_totals import ProviderTotals
from airflow_betproviders.reconciliation.results import ReconciliationResult, publish_result
from airflow_betproviders.reconciliation.slot_scanner import ZERO
from airflow_betproviders.registry import reports_of

if TYPE_CHECKING:
    from airflow_betproviders.declare.stream import Stream
    from airflow_betproviders.extraction.privacy import PiiPolicy
    from airflow_betproviders.hooks.base import BetProviderHook

log = logging.getLogger(__name__)

_AROUND = 7 * DAY


@dataclass(frozen=True, kw_only=True)
class Reconciliation:
    """Reconcile complete report days of one account's bets.

    Attributes:
        hook: the account.
        fs: an fsspec file system.
        root: the raw lake's folder in it.
        tolerance: how far sums of money may differ, in the report's unit; counts never may.
        repair: extract again the slots that cause a difference.
        reports: streams of the reports to compare with; default all that are declared.
        width: width of slots to extract on a day without stored slots; default the stream's own.
        pii_policy: which columns that identify a player are dropped or hashed, as in the extraction.
        run_metadata: members of the receipts of slots that are extracted again: dag_id, task_id, run_id, try_number, version.
    """

    hook: BetProviderHook
    fs: Any
    root: str
    tolerance: Decimal = ZERO
    repair: bool = False
    reports: Sequence[str] = ()
    width: timedelta | None = None
    pii_policy: PiiPolicy | None = None
    run_metadata: Mapping[str, Any] = field(default_factory=dict)

    @property
    def specs(self) -> tuple[ReportSpec, ...]:
        """Return the declared reports to compare with.

        Raises:
            InvalidArgument: the provider has no such report.
        """
        declared = reports_of(self.hook.conn_type)
        offered = {spec.stream for spec in declared if isinstance(spec, Report)}
        if unknown := set(self.reports) - offered:
            raise InvalidArgument(
                f"{self.hook.hook_name} has no report {', '.join(sorted(unknown))}. It has: {', '.join(sorted(offered)) or 'none'}. "
                "Correct reports=, or leave it out."
            )
        return tuple(
            spec for spec in declared if not self.reports or (isinstance(spec, Report) and spec.stream in self.reports)
        )

    @property
    def stream(self) -> Stream:
        """Return the bet stream."""
        return self.hook.stream(self.specs[0].of)

    @property
    def lake(self) -> Lake:
        """Return where the bets are stored."""
        return Lake(self.fs, self.root, self.stream.provider, self.stream.name, self.hook.account)

    def days(self, interval: Interval) -> Iterator[Interval]:
        """Yield the report days of an interval.

        Raises:
            InvalidArgument: it does not consist of complete days.
        """
        day_start_offset = self._asked[0].day_start_offset
        for name, instant in (("start", interval.start), ("end", interval.end)):
            if not aligned(instant, DAY, day_start_offset):
                raise InvalidArgument(
                    f"{self.hook.label}: {name} {instant.isoformat()} does not begin a report day: those of {self.hook.hook_name} run from "
                    f"{day_start_offset // timedelta(hours=1):02}:00 UTC to the next. Schedule the DAG at that hour with "
                    "CronDataIntervalTimetable, or give report days with start= and end=."
                )
        return (
            Interval(interval.start + i * DAY, interval.start + (i + 1) * DAY) for i in range(interval.width // DAY)
        )

    def ready_at(self, interval: Interval) -> datetime:
        """Return when the provider's reports on the interval are final."""
        return max(self.hook.ready_at(stream, interval) for stream in (*self._asked, self.stream))

    def check_time(self, interval: Interval) -> None:
        """Refuse days that the provider no longer reports on.

        Raises:
            WindowExpired: names what is gone.
        """
        for stream in self._asked:
            self.hook.check_time(stream, interval)

    def run(self, day: Interval) -> ReconciliationResult:
        """Reconcile one day and publish what was found, whether it agrees or not."""
        stream, specs, provider_totals, lake = self.stream, self.specs, ProviderTotals(self.hook), self.lake
        result = ReconciliationResult(
            provider=stream.provider,
            account=self.hook.account,
            stream=stream.name,
            label=self.hook.label,
            day=day,
            checked_at=self.hook.now(),
            run_id=self.run_metadata.get("run_id"),
        )
        moves = [spec.moves_within for spec in specs if isinstance(spec, WindowTotals)]
        wanted = {name for spec in specs for name in spec.columns}
        with DayTotals(
            lake, stream, day, wanted, width=self.width, moves_within=moves[0] if moves else None
        ) as day_totals:
            day_totals.load()
            specs = _reportable(specs, day_totals.pii, result)
            checks = [
                comparison_of(self.hook, spec, stream, day_totals, provider_totals, self.tolerance) for spec in specs
            ]
            if self.repair:
                self._repair(day_totals, checks, result)
            result.figures = [*receipt_figures(day_totals), *(figure for check in checks for figure in check.figures())]
            result.bets = sum(map(day_totals.bets_in, day_totals.slots))
            result.moved = day_totals.moved
            result.bad_rows = sum(scanned.bad_rows for scanned in day_totals.scanned)
        result.calls += provider_totals.calls
        publish_result(lake, result)
        return result

    @property
    def _asked(self) -> list[Stream]:
        return [self.hook.stream(spec.stream if isinstance(spec, Report) else spec.of) for spec in self.specs]

    def _repair(self, day_totals: DayTotals, checks: Sequence[Comparison], result: ReconciliationResult) -> None:
        """Extract missing and damaged slots again, then those that cause the remaining differences."""
        self._extract_again([*day_totals.missing, *day_totals.damaged], day_totals, checks, result)
        for check in checks:
            if not all(figure.agrees for figure in check.figures()):
                suspects = check.suspects()
                if not set(suspects) - set(result.repaired):
                    result.notes.append("No slot was found that causes the remaining difference.")
                self._extract_again(suspects, day_totals, checks, result)
        result.notes = list(dict.fromkeys(result.notes))

    def _extract_again(
        self,
        slots: Collection[Interval],
        day_totals: DayTotals,
        checks: Sequence[Comparison],
        result: ReconciliationResult,
    ) -> None:
        due = []
        for slot in sorted(set(slots) - set(result.repaired)):
            try:
                self.hook.check_time(self.stream, slot)
            except WindowExpired as error:
                result.notes.append(f"{slot} cannot be extracted again. {error}")
            else:
                due.append(slot)
        if not due:
            return
        self._require_same_pii(day_totals)
        log.info("extracting %d slots again: %s", len(due), ", ".join(map(str, due)))
        extraction = Extraction(
            self.hook,
            self.stream,
            check_time=lambda window: self.hook.check_time(self.stream, window),
            run_metadata=self.run_metadata,
            archive=any(self.fs.exists(day_totals.lake.archive(slot)) for slot in due),
            pii_policy=self.pii_policy,
        )
        result.calls += extraction.store(due, day_totals.lake).total("calls")
        result.repaired = sorted([*result.repaired, *due])
        day_totals.load(rescan=due)
        for check in checks:
            check.changed(due)

    def _require_same_pii(self, day_totals: DayTotals) -> None:
        """Refuse to extract slots again without the PII rules of the stored ones."""
        rules = day_totals.pii or self._pii_around(day_totals)
        known = self.pii_policy.rules if self.pii_policy else {}
        if plain := {name: rule for name, rule in rules.items() if known.get(name) != rule}:
            raise InvalidArgument(
                f"{self.hook.label}, stream {self.stream.name}: the stored slots drop or hash {', '.join(sorted(plain))}; slots "
                f"extracted again would not. Give the extraction's own pii={dict(rules)!r} and pii_conn_id=."
            )

    def _pii_around(self, day_totals: DayTotals) -> Mapping[str, str]:
        """Return the PII rules of the nearest stored slot, for a day without a receipt."""
        around = Interval(day_totals.day.start - _AROUND, day_totals.day.end + _AROUND)
        for slot, path in sorted(day_totals.lake.stored(around).items(), reverse=True):
            if not slot.overlaps(day_totals.day) and (receipt := read_receipt(self.fs, path)):
                return receipt.pii
        return {}


def _reportable(
    specs: Sequence[ReportSpec], pii: Mapping[str, str], result: ReconciliationResult
) -> tuple[ReportSpec, ...]:
    """Leave out reports grouped by columns that the lake drops or hashes: they cannot agree, and would reveal values."""
    kept: list[ReportSpec] = []
    for spec in specs:
        if isinstance(spec, Report):
            if hidden := set(spec.grouping.values()) & set(pii):
                result.notes.append(f"{spec.name} is left out: the lake drops or hashes {', '.join(sorted(hidden))}.")
                continue
            dropped = {name for name, rule in pii.items() if rule == DROP}
            kept.append(spec.without(dropped))
        else:
            kept.append(spec)
    return tuple(kept)
