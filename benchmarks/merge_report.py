"""The report of the merge's benchmark: its tables, and what they show."""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

from merge_steps import MEMORY

HEADER = (
    "| profile | by | rows | replaced | commits | seconds | CPU s | rows/s | MB written | peak MiB | over the imports |\n"
    "|---|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|"
)


@dataclass(frozen=True)
class Line:
    """One run of a profile.

    Attributes:
        profile: its name.
        who: what ran it.
        found: what the step returned.
    """

    profile: str
    who: str
    found: dict[str, Any]

    def text(self) -> str:
        """Return the line of the table."""
        found = self.found
        written = f"{found['written'] / 2**20:.0f}" if "written" in found else ""
        return (
            f"| {self.profile} | {self.who} | {found['rows']:,} | {found['replaced']:,} | {found['commits']} | "
            f"{found['seconds']:.1f} | {found['cpu']:.1f} | {found['rows'] / found['seconds']:,.0f} | {written} | "
            f"{found['peak']:.0f} | {found['over']:.0f} |"
        )


def report(command: str, lines: Sequence[Line], scale: Sequence[dict[str, Any]], side_by_side: dict[str, Any]) -> str:
    """Return the report as Markdown."""
    parts = ("pyarrow", "deltalake", "duckdb")
    where = f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}"
    load = f"load {os.getloadavg()[0]:.1f} at the end"
    return f"""# The merge beside its peers

Written by `PYTHONPATH=. python benchmarks/merge.py {command}`. {where}; {", ".join(f"{each} {version(each)}" for each in parts)}; {load}.
On a machine that other work shares, compare CPU seconds and memory.

{HEADER}
{chr(10).join(line.text() for line in lines)}

* **insert**: days of new bets into the empty table.
* **week**: a day of new bets, where every fifth row is a newer version of a bet of the week before.
* **hours**: single hours, where every fifth row is a newer version of a bet of the three hours before, into the compacted table.
* The peers get the rows mapped already, each bet once. DuckDB has a memory limit of {MEMORY} and does not commit. delta-rs compares
  fewer columns of a version than the rule needs. This package reads, maps, merges, marks what is missing, and commits.

{_goals(lines)}

## A table of ten times the rows

The same hour, merged into the compacted table and into one with many more days. The days before are hard links to the files of the
compacted table under other dates, added by one commit with the statistics of the originals.

| rows in the table | files | seconds | CPU s | MB written | over the imports, MiB |
|---:|---:|---:|---:|---:|---:|
{chr(10).join(_scaled(each) for each in scale)}

A merge reads the log, then only the files of dates near its own. So the table's size costs the log's reading alone.

## Side by side

{side_by_side["accounts"]} accounts merge {side_by_side["hours"]} hours of {side_by_side["rows"]:,} rows each, hour by hour, at once, a process each, into one table:
{side_by_side["commits"]} commits in {side_by_side["seconds"]:.1f} s ({side_by_side["cpu"]:.1f} CPU s) are **{side_by_side["a_minute"]:.0f} commits a minute**, with {side_by_side["conflicts"]} conflicts that were tried again. The slowest merge of an hour
took {side_by_side["slowest"]:.1f} s.
"""


def _scaled(step: dict[str, Any]) -> str:
    return (
        f"| {step['table_rows']:,} | {step['files']} | {step['seconds']:.2f} | {step['cpu']:.2f} | "
        f"{step['written'] / 2**20:.0f} | {step['over']:.0f} |"
    )


def _goals(lines: Sequence[Line]) -> str:
    """Compare the measured figures with the goals, as a table."""
    results = {(line.profile, line.who): line.found for line in lines}
    rows = []
    mine = {profile: results[profile, "this version"] for profile in ("insert", "week")}
    for profile, who, goal in (
        ("week", "DuckDB", "as fast as DuckDB with the same memory limit"),
        ("week", "delta-rs MERGE", "delta-rs MERGE, for comparison"),
        ("week", "older version", "2.5 times faster than the older version"),
        ("insert", "older version", "insert-only at twice its rate"),
    ):
        if (other := results.get((profile, who))) is not None:
            ratios = [other[name] / mine[profile][name] for name in ("seconds", "cpu")]
            rows.append(f"| {goal} | {ratios[0]:.1f} times faster, {ratios[1]:.1f} times less CPU |")
    most = max(line.found["over"] for line in lines if line.who == "this version")
    rows.append(f"| at most 400 MiB over the imports | {most:.0f} MiB in the worst profile |")
    return "| goal | measured |\n|---|---|\n" + "\n".join(rows)
