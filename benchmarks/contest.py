"""Run contestants as processes of their own, measured from outside, in alternating rounds."""

from __future__ import annotations

import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Run:
    """The measurements of one process.

    Attributes:
        wall: seconds by the clock: those that the process reports, else from its start to its end.
        cpu: CPU seconds: those that the process reports, else all of the process.
        peak_mib: its greatest memory, in MiB.
        bytes: the size of the files that it wrote.
        result: the JSON object that it printed last.
    """

    wall: float
    cpu: float
    peak_mib: float
    bytes: int
    result: Mapping[str, Any]


@contextmanager
def page_server(provider: str, rows: int, hours: int = 1, *options: str) -> Iterator[str]:
    """Run a page server in a process of its own, and yield its URL."""
    command = [sys.executable, str(HERE / "pages.py"), provider, "--rows", str(rows), "--hours", str(hours), *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None  # noqa: S101 - asked for above
        try:
            yield process.stdout.readline().strip()
        finally:
            process.terminate()


def run(command: Sequence[str]) -> Run:
    """Run a command and measure it. ``{out}`` in an argument becomes a temporary folder.

    Raises:
        RuntimeError: the process failed.
    """
    with tempfile.TemporaryDirectory() as out, tempfile.TemporaryFile("w+") as output:
        arguments = [argument.replace("{out}", out) for argument in command]
        # docs/deployment.md recommends this for workers; every contestant gets it.
        environment = {"OPENBLAS_NUM_THREADS": "1", **os.environ, "PYTHONPATH": f"{HERE.parent}{os.pathsep}{HERE}"}
        began = time.perf_counter()
        process = subprocess.Popen(arguments, stdout=output, env=environment)
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - began
        process.returncode = os.waitstatus_to_exitcode(status)
        if status:
            raise RuntimeError(f"{' '.join(arguments)} ended with {process.returncode}")
        output.seek(0)
        lines = [line for line in output.read().splitlines() if line.startswith("{")]
        result = json.loads(lines[-1]) if lines else {}
        size = sum(path.stat().st_size for path in Path(out).rglob("*") if path.is_file())
        wall, cpu = result.get("seconds", wall), result.get("cpu", usage.ru_utime + usage.ru_stime)
        return Run(wall, cpu, usage.ru_maxrss / 1024, size, result)


def script(name: str, *arguments: str, python: str = sys.executable) -> list[str]:
    """Return a command that runs a script of this folder."""
    return [python, str(HERE / name), *arguments]


def rounds(
    commands: Mapping[str, Sequence[str]], count: int, note: Callable[[str], None] = print
) -> dict[str, list[Run]]:
    """Run every command once a round, each round in another random order, so that disturbances affect all alike."""
    runs: dict[str, list[Run]] = {name: [] for name in commands}
    rng = random.Random(1)
    for number in range(1, count + 1):
        for name in rng.sample(list(commands), len(commands)):
            runs[name].append(run(commands[name]))
            note(f"  round {number}: {name} {runs[name][-1].wall:.2f} s")
    return runs


def median(runs: Sequence[Run], of: str) -> float:
    """Return the median of an attribute of `Run`."""
    return float(statistics.median(getattr(run, of) for run in runs))
