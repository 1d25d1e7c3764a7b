"""Run many scenarios: ``python -m tests.misbehaviour --seeds 1000``."""

from __future__ import annotations

import argparse
import logging
import shutil
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import tenacity.nap

from airflow_betproviders.extraction import slots
from airflow_betproviders.extraction.fetch.rate_limiter import RateLimiter
from tests.misbehaviour.scenario import STREAMS, draw, no_threads, run_scenario


def run(first: int, seeds: int, name: str) -> int:
    """Run scenarios and print what is wrong; return the number of those with findings."""
    threads, began = slots._threads, time.monotonic()
    streams = tuple(stream for stream in STREAMS if name in f"{stream.provider} {stream.name}")
    outcomes: Counter[str] = Counter()
    calls: Counter[int] = Counter()
    findings = 0
    for seed in range(first, first + seeds):
        scenario = draw(seed, streams)
        slots._threads = threads if scenario.threads else no_threads
        RateLimiter._held.clear()
        folder = Path(tempfile.mkdtemp())
        problems, outcome = run_scenario(scenario, folder)
        shutil.rmtree(folder)
        outcomes[outcome.split(":")[0].split(";")[0]] += 1
        calls[seed] = len(scenario.vendor.asked)
        findings += bool(problems)
        if problems:
            sys.stdout.write(f"{scenario}\n    {outcome[:300]}\n    calls {calls[seed]}; {problems}\n\n")
    spent = (time.monotonic() - began) / seeds
    sys.stdout.write(
        f"{dict(outcomes)}, {findings} findings, {spent:.3f} s a seed, most calls {calls.most_common(3)}\n"
    )
    return findings


def main() -> int:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--first", type=int, default=1, help="the first seed")
    parser.add_argument("--seeds", type=int, default=100, help="how many")
    parser.add_argument("--stream", default="", help="part of a provider's and stream's name")
    given = parser.parse_args()
    logging.disable(logging.CRITICAL)
    nap: Any = tenacity.nap
    nap.time = SimpleNamespace(sleep=lambda _: None)  # nobody waits
    RateLimiter.pause = lambda self, seconds: None  # type: ignore[method-assign]
    return 1 if run(given.first, given.seeds, given.stream) else 0


sys.exit(main())
