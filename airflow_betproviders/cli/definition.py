"""The commands under ``airflow betproviders`` and their arguments.

Every ``airflow`` command imports this module, so it imports nothing but what Airflow's own command line has imported.
"""

from __future__ import annotations

from airflow.cli.cli_config import (
    ARG_OUTPUT,
    ARG_VERBOSE,
    ActionCommand,
    Arg,
    CLICommand,
    GroupCommand,
    lazy_load_command,
)

_PATH = Arg(("path",), help="Folder of the lake, as given to ExtractToParquetOperator, e.g. s3://aws_default@lake/raw")
_PROVIDER = Arg(("--provider",), help="Only this provider, by its connection type, e.g. pv")
_ACCOUNT = Arg(("--account",), help="Only this account, by its login at the provider")
_STREAM = Arg(("--stream",), help="Only this stream, e.g. transactions")
_START = Arg(
    ("--start",),
    help="From when on, ISO 8601, UTC unless it has a zone, e.g. 2026-11-20 or 2026-11-20T05:00. Default: the first stored slot",
)
_END = Arg(("--end",), help="Until when, likewise. Default: the last slot that is due")
_MARGIN = Arg(
    ("--margin",),
    help="Count as expired what the provider will have dropped in this time, e.g. 7d before a weekly repair. Default: 0m",
    default="0m",
)
_DAYS = Arg(("--days",), help="A line a day, not a line a stream", action="store_true")

_CONN_ID = Arg(("--conn-id",), help="Connection to the provider", required=True)
_FIRST = Arg(
    ("--start",),
    help="Start of the first report day, ISO 8601, e.g. 2026-11-20, or 2026-11-20T04:00 for JDB, whose day begins at 04:00 UTC",
    required=True,
)
_LAST = Arg(("--end",), help="End of the last report day. Default: a day after the start")
_TOLERANCE = Arg(
    ("--tolerance",), help="How far sums of money may differ, in the report's unit. Default: 0", default="0"
)
_REPAIR = Arg(("--repair",), help="Read the slots that carry a difference again", action="store_true")

_NAME = Arg(("name",), help="Connection type of the provider, e.g. nova")
_FOLDER = Arg(("folder",), help="New folder for the package, e.g. ./airflow-provider-nova")

_SELECTION = (_PATH, _PROVIDER, _ACCOUNT, _STREAM, _START, _END, _MARGIN, ARG_OUTPUT, ARG_VERBOSE)


def get_commands() -> list[CLICommand]:
    """What Airflow adds to its command line."""
    return [
        GroupCommand(
            name="betproviders",
            help="Look after the bet records of gaming providers",
            subcommands=(
                ActionCommand(
                    name="coverage",
                    help="Count the slots that are complete, empty, missing and so on",
                    description="Tell from receipts alone, without calling a provider, which slots of a lake are complete, "
                    "empty, shrunken, quarantined, damaged, missing, expired or pending.",
                    func=lazy_load_command("airflow_betproviders.cli.coverage.coverage"),
                    args=(*_SELECTION, _DAYS),
                ),
                ActionCommand(
                    name="gaps",
                    help="List what is missing, expired or damaged, and how to load it again",
                    description="List what is missing, expired or damaged, until when the provider has it, and the dates "
                    "that `airflow backfill create` takes to load it with a DAG whose intervals are as wide as the slots. Exits "
                    "with 0 if there is none, 1 if there are gaps, 2 if they could not be looked for.",
                    func=lazy_load_command("airflow_betproviders.cli.coverage.gaps"),
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
                    name="reconcile",
                    help="Hold a day's bets against the provider's own report",
                    description="Add up the bets of whole report days from the data in the lake and hold them against the "
                    "provider's own report. Exits with 0 if they are equal, 1 if they differ, 2 if they could not be compared.",
                    func=lazy_load_command("airflow_betproviders.cli.reconcile.reconcile"),
                    args=(_PATH, _CONN_ID, _FIRST, _LAST, _TOLERANCE, _REPAIR, ARG_OUTPUT, ARG_VERBOSE),
                ),
            ),
        )
    ]
