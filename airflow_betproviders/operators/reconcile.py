"""Compare the raw bets of a day with the provider's own report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

from airflow.sdk import Asset, BaseOperator

from airflow_betproviders import __version__
from airflow_betproviders.declare.interval import check_slot, parse_duration
from airflow_betproviders.exceptions import InvalidArgument
from airflow_betproviders.lake.layout import Lake
from airflow_betproviders.operators.pii import pii_policy_of
from airflow_betproviders.operators.stream_operator import hook_of, refuse_templates, run_metadata, stream_asset
from airflow_betproviders.task.arguments import ChecksTemplates, flag, is_template, names, optional_duration
from airflow_betproviders.task.deferral import EndsWhenKilled, is_deferrable, wait_until
from airflow_betproviders.task.interval import resolve_interval
from airflow_betproviders.task.lineage import LineageMixin, dataset
from airflow_betproviders.task.links import CoverageLink, DataLink, TaskTarget
from airflow_betproviders.task.pool import warn_without_pool
from airflow_betproviders.task.storage import open_path

if TYPE_CHECKING:
    from airflow.sdk import Context

    from airflow_betproviders.reconciliation.reconcile import Reconciliation
    from airflow_betproviders.reconciliation.results import ReconciliationResult


def reconciliation_asset(conn_id: str) -> Asset:
    """Return the asset that a successful reconciliation updates."""
    name = f"{conn_id}/reconciliation"
    return Asset(name=f"betproviders/{name}", uri=f"betproviders://{name}")


class ReconcileOperator(ChecksTemplates, EndsWhenKilled, LineageMixin, BaseOperator):
    """Compare the raw bets of complete report days with the provider's own report. Fails unless both are equal.

    Sums are computed from the data in the lake, each bet once, not from receipts. Each slot of the day must be stored and
    match its receipt. The task defers until the report of the day is final. The result is written as Parquet and as
    Markdown, whether it agrees or not.

    Args:
        conn_id: connection to the provider; its type selects the reports.
        path: the raw lake, as given to ``ExtractToParquetOperator``.
        start: explicit start (aware, or ISO 8601 with a zone); default the run's interval. Both must be boundaries
            of report days; JDB's days begin at 04:00 UTC.
        end: explicit end, in the same forms.
        tolerance: how far sums of money may differ, in the report's unit; counts never may.
        repair: extract again the slots that are missing, damaged or differ, and reconcile again.
        reports: streams of the reports to compare with; default all that the provider has.
        slot: width of slots to extract on a day without stored slots; default the stream's own, ``1h``.
        partition: width of a partition under a partitioned timetable.
        deferrable: whether to free the worker slot while waiting; default as of ``ExtractToParquetOperator``.
        pii: ``pii`` of the extraction, for slots that are extracted again.
        pii_conn_id: ``pii_conn_id`` of the extraction.

    Reports by a column that ``pii`` drops or hashes are left out. With ``repair`` the task also updates the extraction's
    asset, so that a merge scheduled on it merges the slots that were extracted again.

    A mapped operator (``.partial().expand()``) needs ``outlets=[reconciliation_asset(conn_id)]`` in its ``partial``, and
    ``stream_asset(conn_id)`` with ``repair``: Airflow reads the outlets of mapped tasks there.

    Returns:
        (XCom) provider, account, stream, start, end, bets, disagreeing, moved, repaired, calls, and by day: date, start,
        end, agrees, bets, lines, disagreeing, moved, bad_rows, repaired, calls, path of the report.
    """

    template_fields: Sequence[str] = (
        *("conn_id", "path", "start", "end", "tolerance", "repair", "reports", "slot"),
        *("pii", "pii_conn_id"),
    )
    ui_color = "#f7f0dc"
    operator_extra_links = (CoverageLink(), DataLink())
    target: TaskTarget | None = None

    def __init__(
        self,
        *,
        conn_id: str,
        path: str,
        start: datetime | str | None = None,
        end: datetime | str | None = None,
        tolerance: Decimal | str | int = 0,
        repair: bool | str = False,
        reports: Sequence[str] | None = None,
        slot: str | timedelta | None = None,
        partition: str | timedelta = "1d",
        pii: Mapping[str, str] | None = None,
        pii_conn_id: str | None = None,
        deferrable: bool | None = None,
        **kwargs: Any,
    ) -> None:
        if "outlets" not in kwargs:
            refuse_templates("outlets=[reconciliation_asset(conn_id)]", conn_id=conn_id)
            # A merge that is scheduled on the extraction's asset takes up what a repair extracts.
            repairs = is_template(repair) or flag("repair", repair)
            kwargs["outlets"] = [reconciliation_asset(conn_id), *([stream_asset(conn_id)] if repairs else [])]
        super().__init__(**kwargs)
        self.conn_id = conn_id
        self.path = path
        self.start = start
        self.end = end
        self.tolerance = tolerance
        self.repair = repair
        self.reports = reports
        self.slot = slot
        self.partition = partition
        self.pii = pii
        self.pii_conn_id = pii_conn_id
        self.deferrable = is_deferrable(deferrable)

    def execute(self, context: Context, event: Any = None) -> dict[str, Any]:  # noqa: ARG002 - the trigger's event
        """Reconcile the days of the interval, or defer until the last is final."""
        from airflow_betproviders.reconciliation.mismatch import raise_for_mismatch

        repair = flag("repair", self.repair)
        reconciliation = reconciliation_of(
            self.conn_id,
            self.path,
            tolerance=self.tolerance,
            repair=repair,
            reports=self.reports,
            slot=self.slot,
            pii=self.pii,
            pii_conn_id=self.pii_conn_id,
            run_metadata=run_metadata(context),
        )
        interval = resolve_interval(context, self.start, self.end, parse_duration("partition", self.partition))
        days = reconciliation.days(interval)
        self.target = TaskTarget(reconciliation.lake, interval)
        reconciliation.hook.check_connection()
        reconciliation.check_time(interval)
        moment = reconciliation.ready_at(interval)
        if reconciliation.hook.now() < moment:
            wait_until(self, moment, interval)
        warn_without_pool(self, reconciliation.hook)
        results = []
        for day in days:
            results.append(reconciliation.run(day))
            self.log.info("%s", results[-1].text())
        self._set_lineage(reconciliation, results)
        raise_for_mismatch(results, repair=repair)
        summary = _summarise_days(results)
        for asset in self.outlets:
            if isinstance(asset, Asset):
                context["outlet_events"][asset].extra = summary
        return summary

    def _set_lineage(self, reconciliation: Reconciliation, results: Sequence[ReconciliationResult]) -> None:
        from airflow_betproviders.reconciliation.results import SCHEMA

        fs, stream = reconciliation.fs, reconciliation.stream
        lake = Lake(fs, reconciliation.root, stream.provider, stream.name, reconciliation.hook.account)
        reports = results[0].path.rpartition("/")[0]  # the folder of all days
        figures = sum(len(result.figures) for result in results)
        self.reads = [dataset(fs, lake.base)]
        self.writes = [dataset(fs, reports, SCHEMA, rows=figures, files=len(results))]


def reconciliation_of(
    conn_id: str,
    path: str,
    *,
    tolerance: Decimal | str | int = 0,
    repair: bool = False,
    reports: Sequence[str] | None = None,
    slot: str | timedelta | None = None,
    pii: Mapping[str, str] | None = None,
    pii_conn_id: str | None = None,
    run_metadata: Mapping[str, Any] | None = None,
) -> Reconciliation:
    """Build the reconciliation of an account's bets from the arguments of an operator or a command line.

    Raises:
        InvalidArgument: an argument cannot work; the message has the cure.
    """
    from airflow_betproviders.reconciliation.reconcile import Reconciliation

    width = optional_duration("slot", slot)
    if width is not None:
        check_slot(width)
    place = open_path(path)
    reconciliation = Reconciliation(
        hook=hook_of(conn_id),
        fs=place.fs,
        root=place.path,
        tolerance=_tolerance(tolerance),
        repair=repair,
        reports=names("reports", reports),
        width=width,
        run_metadata=run_metadata or {"version": __version__},
    )
    return replace(reconciliation, pii_policy=pii_policy_of(pii, pii_conn_id, reconciliation.stream, {}))


def _tolerance(value: Decimal | str | int) -> Decimal:
    try:
        amount = Decimal(str(value))
    except InvalidOperation:
        amount = Decimal(-1)
    if not amount.is_finite() or amount < 0:
        raise InvalidArgument(f"tolerance={value!r} is not an amount. Give 0, or a number as text such as '0.01'.")
    return amount


def _summarise_days(results: Sequence[ReconciliationResult]) -> dict[str, Any]:
    days = [result.summary() for result in results]
    return {
        "provider": results[0].provider,
        "account": results[0].account,
        "stream": results[0].stream,
        "start": days[0]["start"],
        "end": days[-1]["end"],
        **{name: sum(day[name] for day in days) for name in ("bets", "disagreeing", "moved", "calls")},
        "repaired": sum(len(day["repaired"]) for day in days),
        "days": days,
    }
