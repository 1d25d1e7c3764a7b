"""Measure speed and memory, print the tables, and write them to benchmarks/RESULTS.md with a plot beside them.

python benchmarks/run.py           the suite, in under ten minutes
python benchmarks/run.py --full    five million rows, more rounds, and the peers from a separate environment
"""

from __future__ import annotations

import argparse
import os
import platform
import subprocess
import time
from datetime import datetime, timezone
from pathlib import Path

import peers
import sections

HERE = Path(__file__).parent


def main() -> None:
    """Run every section and write the report."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--full", action="store_true", help="everything, the peers included")
    arguments.add_argument("--only", help="names of sections, joined by commas")
    given = arguments.parse_args()
    began, count = time.monotonic(), 5 if given.full else 3
    sizes = ((500_000, 1), (5_000_000, 12)) if given.full else ((500_000, 1), (2_000_000, 4))
    speeds: dict[str, dict[str, float]] = {}

    def throughput() -> str:
        text, speeds_of_providers = sections.throughput(count, _note, peers.commands if given.full else None)
        speeds.update(speeds_of_providers)
        return text

    measured = {
        "Throughput": (
            throughput,
            "Whole processes over 500,000 rows, interpreter and imports included, in alternating rounds; medians. Ours counts from when Airflow is imported, which a worker has done before a task begins.",
        ),
        "Memory": (lambda: sections.memory(sizes, _note), "Peak over a process that has imported Airflow; one slot."),
        "Operator": (lambda: sections.operator(_note), ""),
        "Pace": (lambda: sections.pace(_note), ""),
        "Latency": (lambda: sections.latency(_note), ""),
        "Odd pages": (lambda: sections.odd_pages(count, _note), ""),
        "Imports": (lambda: sections.imports(2 * count, _note), ""),
        **({"Airflow's own import": (lambda: sections.airflow_import(count, _note), "")} if given.full else {}),
    }
    sections.prepare(_note)
    wanted = given.only.split(",") if given.only else list(measured)
    texts = []
    for name in wanted:
        print(name, flush=True)
        measure, about = measured[name]
        texts.append(f"## {name}\n\n{about}\n\n{measure()}".replace("\n\n\n\n", "\n\n"))
        print(texts[-1], flush=True)
    commit = subprocess.run(
        ["git", "describe", "--always", "--dirty"], cwd=HERE, check=True, stdout=subprocess.PIPE, text=True
    )
    origin = f"`make bench{'-full' if given.full else ''}`, {datetime.now(timezone.utc):%Y-%m-%d}, commit {commit.stdout.strip()}"
    machine = f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}; load {os.getloadavg()[0]:.1f} at the end; {time.monotonic() - began:.0f} s in all."
    text = f"# Benchmarks\n\nWritten by {origin}. {machine}\n\n" + "\n\n".join(texts) + "\n"
    if not given.only:
        (HERE / "RESULTS.md").write_text(text)
        _plot(speeds)


def _plot(speeds: dict[str, dict[str, float]]) -> None:
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(1, len(speeds), figsize=(12, 3.2), layout="constrained")
    for axis, (provider, rows_a_second) in zip(axes, speeds.items(), strict=True):
        names = sorted(rows_a_second, key=rows_a_second.__getitem__)
        axis.barh(
            names,
            [rows_a_second[name] / 1000 for name in names],
            color=["#2a7f62" if n == "ours" else "#b8c4be" for n in names],
        )
        axis.set_title(provider)
        axis.set_xlabel("thousand rows/s")
    figure.savefig(HERE / "throughput.svg")


def _note(text: str) -> None:
    print(text, flush=True)


if __name__ == "__main__":
    main()
