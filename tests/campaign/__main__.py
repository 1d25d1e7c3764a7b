"""``python -m tests.campaign``: run many scenarios, print each failure and the counts."""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

from tests.campaign import examples
from tests.campaign.run import Environment, ScenarioRun
from tests.campaign.scenario import Scenario, draw
from tests.campaign.verdict import Tally
from tests.campaign.worker import Workers
from tests.seaweed import running

INTRODUCTION = """# The fault campaign

`make campaign` runs seeded scenarios: a simulated provider with late rows, corrections and faults; a local folder, or a
real S3 server behind a proxy that refuses, cuts off, slows down and loses answers; two workers at once whose processes are
killed with signal 9 at random moments; runs in random order; a backfill at another grain beside the hourly load; an object
deleted; and, in three of ten, a replay of the archived answers.

The provider's faults are of five sorts:

| sort | what the verdict expects |
|---|---|
| transient: statuses, resets, lists that move, totals that lie | the attempt gets over it or fails; a later one succeeds |
| once: an answer without rows, one that drips, never ends or inflates | likewise |
| always: a lower cap of rows or bytes, smaller pages, no totals, 504 or silence for large answers | every task succeeds in the end |
| odd values in rows | in the column, in `_extra`, or the complete row in the slot's own quarantine |
| a lie in every answer: a wrong total, rows of other windows, another zone | the task fails and the lake stays as it is, or what is stored is the truth |

The streams are those of `tests/campaign/vendors.py`: with totals and pages, with one answer, with a silent limit, and with a
cursor; those of the example packages are among them. A scenario follows from its seed: `python -m tests.campaign
--first-seed 202 --scenarios 1` runs it again.

Each object is compared with what the provider had when it was read, the bets table with the truth, coverage with what is
stored; a bet with an odd amount is compared with a reading of that amount by `tests/campaign/odd_values.py`. A watcher
reads every visible object meanwhile. Rows that count something wrong must be zero.

A worker that is killed after it has published a wide slot, before it has removed the smaller ones inside, leaves both until
its task is tried again. Where no attempt is left, the task has failed, and coverage must say `damaged`; overlaps count as
wrong everywhere else.
"""


MOST_PRINTED = 20  # of a scenario's findings


def campaign(seeds: Iterable[int]) -> Iterator[tuple[Scenario, Tally]]:
    """Run the scenarios of these seeds, one after the other."""
    with tempfile.TemporaryDirectory(prefix="campaign-") as name:
        folder = Path(name)
        for part in ("site", "seaweed"):
            (folder / part).mkdir()
        with examples.installed(folder / "site"), running(folder / "seaweed") as seaweed:
            workers = Workers()
            for scenario in map(draw, seeds):
                yield scenario, ScenarioRun(scenario, Environment(workers, folder, seaweed)).run()


def report(tally: Tally, first: int, last: int) -> str:
    """Return the counts of the seeds from the first to the last in Markdown."""
    git = ["git", "-C", str(Path(__file__).parent), "rev-parse", "--short", "HEAD"]
    commit = subprocess.run(git, capture_output=True, text=True, check=False).stdout.strip() or "unknown"
    run = f"Seeds {first} to {last}, at commit {commit}."
    counts = (f"| {name} | {count:,} |" for name, count in tally.counts.items())
    faults = (f"| `{kind}` | {count:,} |" for kind, count in sorted(tally.faults.items()))
    tables = ["| what | count |", "|---|---:|", *counts, "", "| fault | calls with it |", "|---|---:|", *faults]
    return "\n".join([INTRODUCTION, run, "", *tables, ""])


def main() -> None:
    """Read the arguments, run, print; exit code 1 when anything was wrong."""
    parser = argparse.ArgumentParser(prog="python -m tests.campaign", description=__doc__)
    parser.add_argument("--scenarios", type=int, default=200)
    parser.add_argument("--first-seed", type=int, default=1)
    parser.add_argument("--report", type=Path, help="file for the tally, in Markdown")
    given = parser.parse_args()
    total, began, last = Tally(), time.monotonic(), 0
    with suppress(KeyboardInterrupt):  # the tally so far is worth having
        for scenario, tally in campaign(range(given.first_seed, given.first_seed + given.scenarios)):
            total.add(tally)
            last = scenario.seed
            place = "S3" if scenario.remote else "local"
            seconds, began = time.monotonic() - began, time.monotonic()
            say(f"{scenario}, {place}, {seconds:.0f} s, {tally.counts['attempts']} attempts")
            for wrong in tally.wrong[:MOST_PRINTED]:
                say(f"   {wrong}")
    text = report(total, given.first_seed, last)
    say(text)
    if given.report:
        given.report.write_text(text)
    sys.exit(bool(total.wrong))


def say(text: str) -> None:
    """Print at once."""
    print(text, flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
