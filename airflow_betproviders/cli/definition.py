"""Define the commands under ``airflow betproviders`` and their arguments.

Every ``airflow`` command imports this module, so it imports nothing but what Airflow's own command line has imported.
"""

from __future__ import annotations

from argparse import ArgumentTypeError

from airflow.cli.cli_config import (
    ARG_OUTPUT,
    ARG_VERBOSE,
    ActionCommand,
    Arg,
    CLICommand,
    GroupCommand,
    lazy_load_command,
)


def _given(value: str) -> str:
    """Refuse an empty value: an unset variable of the shell would select everything."""
    if not value.strip():
        raise ArgumentTypeError("is empty. Give a value, or leave the option out")
    return value


_PATH = Arg(("path",), help="Folder of the lake, as given to ExtractToParquetOperator, e.g. s3://aws_default@lake/raw")
_PROVIDER = Arg(("--provider",), type=_given, help="Only this provider, by its connection type, e.g. pv")
_ACCOUNT = Arg(("--account",), type=_given, help="Only this account, by its login at the provider")
_STREAM = Arg(("--stream",), type=_given, help="Only this stream, e.g. transactions")
_START = Arg(
    ("--start",),
    type=_given,
    help="Start, ISO 8601, UTC unless it has a zone, e.g. 2026-11-20 or 2026-11-20T05:00. Default: the first stored slot",
)
_END = Arg(("--end",), type=_given, help="End, exclusive, written like the start. Default: the last slot that is due")
_MARGIN = Arg(
    ("--margin",),
    type=_given,
    help="Count as expired what the provider drops within this time, e.g. 7d before a weekly repair. Default: 0m",
    default="0m",
)
_DAYS = Arg(("--days",), help="One row per day instead of one per stream", action="store_true")

_CONN_ID = Arg(("--conn-id",), type=_given, help="Connection to the provider", required=True)
_FIRST = Arg(
    ("--start",),
    type=_given,
    help="Start of the first report day, ISO 8601, e.g. 2026-11-20, or 2026-11-20T04:00 for JDB, whose day begins at 04:00 UTC",
    required=True,
)
_LAST = Arg(("--end",), type=_given, help="End of the last report day, written like the start. Default: a day after it")
_TOLERANCE = Arg(
    ("--tolerance",),
    type=_given,
    help="How far sums of money may differ, in the report's unit. Default: 0",
    default="0",
)
_REPAIR = Arg(("--repair",), help="Extract the slots that differ again", action="store_true")

_ONE_STREAM = Arg(("--stream",), type=_given, help="Stream. Default: the provider's main bet stream")
_FROM = Arg(("--start",), type=_given, help="Start of the backfill, ISO 8601, UTC unless it has a zone", required=True)
_TO = Arg(("--end",), type=_given, help="End of the backfill, exclusive, written like its start", required=True)
_SLOT = Arg(
    ("--slot",), type=_given, help="Width of slots that are not stored, e.g. 1h. Default: the width of their neighbours"
)

_NAME = Arg(("name",), help="Connection type of the provider, e.g. nova")
_FOLDER = Arg(("folder",), type=_given, help="New folder for the package, e.g. ./airflow-provider-nova")

_SELECTION = (_PATH, _PROVIDER, _ACCOUNT, _STREAM, _START, _END, _MARGIN, ARG_OUTPUT, ARG_VERBOSE)


def get_commands() -> list[CLICommand]:
    """Return the commands that Airflow adds to its command line."""
    return [
        GroupCommand(
            name="betproviders",
            help="Check and plan the extraction of bet records",
            subcommands=(
                ActionCommand(
                    name="coverage",
                    help="Count slots by state: complete, empty, missing, ...",
                    description="Count the slots of a lake that are complete, empty, shrunken, quarantined, damaged, missing, "
                    "expired or pending. Reads receipts only and calls no provider.",
                    func=lazy_load_command("airflow_betproviders.cli.coverage.print_coverage"),
                    args=(*_SELECTION, _DAYS),
                ),
                ActionCommand(
                    name="gaps",
                    help="List missing, expired and damaged slots, and the commands that load them",
                    description="List missing, expired and damaged slots and until when the provider has them, then the "
                    "`airflow backfill create` commands that load them with the DAG that wrote their neighbours. Exits with 0 if "
                    "there are no gaps, 1 if there are, 2 if the lake could not be read.",
                    func=lazy_load_command("airflow_betproviders.cli.coverage.print_gaps"),
                    args=_SELECTION,
                ),
                ActionCommand(
                    name="new-provider",
                    help="Write the package of another provider",
                    description="Write a package that adds a provider. Its tests run at once and say what is left to fill in.",
                    func=lazy_load_command("airflow_betproviders.cli.new_provider.new_provider"),
                    args=(_NAME, _FOLDER),
                ),
                ActionCommand(
                    name="plan",
                    help="Estimate the calls and the time of a backfill before starting it",
                    description="Print how many slots of an interval are stored, missing or expired, how many windows and "
                    "calls a backfill takes at least, how many it likely takes by the receipts stored last, and how long at "
                    "the account's rate. Calls no provider. Exits with 2 if there is nothing to plan with.",
                    func=lazy_load_command("airflow_betproviders.cli.plan.print_plan"),
                    args=(_PATH, _CONN_ID, _ONE_STREAM, _FROM, _TO, _SLOT, ARG_OUTPUT, ARG_VERBOSE),
                ),
                ActionCommand(
                    name="reconcile",
                    help="Compare a day's bets with the provider's own report",
                    description="Sum the stored bets of complete report days and compare them with the provider's own "
                    "report. Exits with 0 if they are equal, 1 if they differ, 2 if they could not be compared.",
                    func=lazy_load_command("airflow_betproviders.cli.reconcile.print_reconciliation"),
                    args=(_PATH, _CONN_ID, _FIRST, _LAST, _TOLERANCE, _REPAIR, ARG_OUTPUT, ARG_VERBOSE),
                ),
            ),
        )
    ]
