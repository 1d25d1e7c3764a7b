"""``python -m tests.campaign``: play many scenarios, print each finding, and the tally."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from tests.campaign.play import Play, Stage
from tests.campaign.scenario import Scenario, draw
from tests.campaign.verdict import Tally
from tests.campaign.worker import Workers
from tests.seaweed import running

INTRODUCTION = """# The fault campaign

`make campaign` plays seeded scenarios: a simulated provider with late rows, corrections and faults, a local folder or a
real S3 server behind a proxy that refuses, cuts, slows and loses answers, two workers at once whose processes are killed
with signal 9 at random moments, runs in random order, a backfill at another grain beside the hourly load, and an object
deleted by hand. Each object is held against what the provider had when it was read, the bets table against the truth,
coverage against what is there; a watcher reads every visible object meanwhile. What must not be stands in the rows at
zero.

A worker that is killed after it has published a wide slot, before it has removed the smaller ones inside, leaves both until
its task is tried again. Where no try is left the task is red, and coverage must say `damaged`; overlaps count as wrong
everywhere else.
"""


def campaign(seeds: range) -> Iterator[tuple[Scenario, Tally]]:
    """Play the scenarios of these seeds, one after the other."""
    workers = Workers()
    with tempfile.TemporaryDirectory(prefix="campaign-") as folder:
        (Path(folder) / "seaweed").mkdir()
        with running(Path(folder) / "seaweed") as seaweed:
            for scenario in map(draw, seeds):
                yield scenario, Play(scenario, Stage(workers, Path(folder), seaweed)).run()


def report(counts: Counter[str]) -> str:
    """The counts in Markdown."""
    rows = (f"| {name} | {count:,} |" for name, count in counts.items())
    return "\n".join([INTRODUCTION, "| what | count |", "|---|---:|", *rows, ""])


def main() -> None:
    """Read the arguments, play, print; exit code 1 when anything was wrong."""
    parser = argparse.ArgumentParser(prog="python -m tests.campaign", description=__doc__)
    parser.add_argument("--scenarios", type=int, default=200)
    parser.add_argument("--first-seed", type=int, default=1)
    parser.add_argument("--report", type=Path, help="file for the tally, in Markdown")
    given = parser.parse_args()
    whole, began = Tally(), time.monotonic()
    with suppress(KeyboardInterrupt):  # the tally so far is worth having
        for scenario, tally in campaign(range(given.first_seed, given.first_seed + given.scenarios)):
            whole.add(tally)
            place = "S3" if scenario.remote else "local"
            seconds, began = time.monotonic() - began, time.monotonic()
            say(f"{scenario.seed}: {scenario.provider}, {place}, {seconds:.0f} s, {tally.counts['tries']} tries")
            for wrong in tally.wrong:
                say(f"   {wrong}")
    text = report(whole.counts)
    say(text)
    if given.report:
        given.report.write_text(text)
    sys.exit(bool(whole.wrong))


def say(text: str) -> None:
    """Print at once."""
    print(text, flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
