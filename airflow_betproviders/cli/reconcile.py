"""``airflow betproviders reconcile``."""

from __future__ import annotations

import sys
from datetime import timedelta
from typing import TYPE_CHECKING

from airflow.utils.cli import suppress_logs_and_warning

from airflow_betproviders import __version__
from airflow_betproviders.cli.terminal import parse_time, print_error, print_rows, use_stored_connections
from airflow_betproviders.declare.interval import Interval
from airflow_betproviders.exceptions import BetProviderError, ReconciliationFailed, WindowNotReady
from airflow_betproviders.operators.reconcile import reconciliation_of
from airflow_betproviders.reconciliation.mismatch import raise_for_mismatch
from airflow_betproviders.task.airflow_exceptions import AirflowException

if TYPE_CHECKING:
    from argparse import Namespace

    from airflow_betproviders.reconciliation.results import ReconciliationResult


@suppress_logs_and_warning
def print_reconciliation(args: Namespace) -> None:
    """Print one row per day, and the figures that differ. Exit with 1 if there are any."""
    use_stored_connections()
    results: list[ReconciliationResult] = []
    try:
        reconciliation = reconciliation_of(
            args.conn_id,
            args.path,
            tolerance=args.tolerance,
            repair=args.repair,
            run_metadata={"run_id": "airflow betproviders reconcile", "version": __version__},
        )
        start = parse_time("--start", args.start)
        interval = Interval(start, parse_time("--end", args.end) if args.end else start + timedelta(days=1))
        days = reconciliation.days(interval)
        reconciliation.hook.check_connection()
        reconciliation.check_time(interval)
        if (moment := reconciliation.ready_at(interval)) > reconciliation.hook.now():
            raise WindowNotReady(
                f"{reconciliation.hook.label}: the provider's totals of {interval} are final at {moment.isoformat()}. Run this "
                "command again then."
            )
        results += [reconciliation.run(day) for day in days]
        print_rows([result.summary() for result in results], args.output)
        raise_for_mismatch(results, repair=args.repair)
    except ReconciliationFailed as problem:
        print_error(str(problem))
        sys.exit(1)
    except (BetProviderError, AirflowException) as problem:
        print_error(str(problem))
        sys.exit(2)
