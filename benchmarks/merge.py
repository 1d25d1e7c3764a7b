"""Merge bets into a table of many more: time and peak memory, beside delta-rs MERGE, a DuckDB rewrite and an older version.

    PYTHONPATH=. python benchmarks/merge.py --older WORKTREE --report benchmarks/MERGE.md

* insert: days of new bets into the empty table;
* week: a day of new bets, where every fifth row is a newer version of a bet of the week before;
* hours: single hours, where every fifth row is a newer version of a bet of the three hours before, into the compacted table;
* scale: such an hour into a table of many more days;
* side by side: accounts that merge hour by hour at once, a process each, into one table.

Each run is a process of its own. The peers get the rows mapped already, and DuckDB does not commit.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import merge_report
from merge_report import Line

HERE = Path(__file__).parent
HOURS = 4  # of the profile hours


class Bench:
    """Run the profiles in a folder.

    Args:
        folder: for all files.
        a_day: rows a day.
        days: days in the table before.
        older: a git worktree of an older version, to be measured beside.
    """

    def __init__(self, folder: Path, a_day: int, days: int, older: Path | None) -> None:
        self._folder = folder
        self._a_day = a_day
        self._days = days
        self._older = older
        self.lines: list[Line] = []
        self.scale: list[dict[str, Any]] = []
        self.side_by_side: dict[str, Any] = {}

    def insert(self) -> None:
        """Merge days of new bets into the empty table."""
        self._extract(0, 24 * self._days, 0)
        self._merge("insert", 0, 24 * self._days, "bets")

    def week(self) -> None:
        """Merge a day with corrections of the week before."""
        first = 24 * self._days
        self._extract(first, 24, min(self._days, 7) * self._a_day)
        mapped = self._folder / "mapped.parquet"
        run("mapped", raw=self._folder / "raw", target=mapped, first=first, hours=24)
        for table in ("delta_rs", "hours"):
            self._copy("bets", table)
        done = run("duckdb", source=mapped, table=self._folder / "bets", target=self._folder / "duckdb")
        self._note("week", "DuckDB", done)
        self._note("week", "delta-rs MERGE", run("delta_rs", source=mapped, table=self._folder / "delta_rs"))
        self._merge("week", first, 24, "bets")

    def hours(self) -> None:
        """Merge single hours with corrections of the hours before."""
        first = 24 * self._days
        for name in ("raw", "raw_older"):
            if (self._folder / name).exists():
                (self._folder / name).rename(self._folder / f"{name}_of_the_week")
        self._extract(first, HOURS, self._a_day // 8)
        run("compact", table=self._folder / "hours")
        self._copy("hours", "scale")
        self._copy("hours", "older_hours")
        for hour in range(first, first + HOURS):
            self._merge("hours", hour, 1, "hours")

    def grown(self, days: int) -> None:
        """Merge the same hour into the compacted table, and into one with many more days."""
        first = 24 * self._days
        for more in (0, days):
            table = self._folder / f"scale_{more}"
            self._copy("scale", table.name)
            size = run("replicate", table=table, days=more + max(0, 10 - self._days))
            done = run("merge", raw=self._folder / "raw", table=table, first=first, hours=1)
            self.scale.append({**done, "table_rows": size["rows"], "files": size["files"]})
            print(self.scale[-1], flush=True)

    def together(self, accounts: int, hours: int, a_day: int) -> None:
        """Merge accounts side by side."""
        raw, table = self._folder / "raw_accounts", self._folder / "together"
        names = [f"agent{number:03}" for number in range(accounts)]
        for name in names:
            run("lake", raw=raw, first=0, hours=hours, a_day=a_day, reach=0, account=name)
        running = [start("hourly", None, raw=raw, table=table, account=name, hours=hours) for name in names]
        results = [result(process) for process in running]
        seconds = max(step["ended"] for step in results) - min(step["began"] for step in results)
        commits, conflicts = (sum(step[name] for step in results) for name in ("commits", "conflicts"))
        self.side_by_side = {
            "accounts": accounts, "hours": hours, "rows": a_day // 24, "commits": commits, "conflicts": conflicts,
            "seconds": seconds, "a_minute": 60 * commits / seconds, "slowest": max(step["slowest"] for step in results),
            "cpu": sum(step["cpu"] for step in results),
        }  # fmt: skip
        print(self.side_by_side, flush=True)

    def _extract(self, first: int, hours: int, reach: int) -> None:
        given = {"first": first, "hours": hours, "a_day": self._a_day, "reach": reach, "account": "agent001"}
        run("lake", raw=self._folder / "raw", **given)
        if self._older:
            run("lake", self._older, raw=self._folder / "raw_older", **given)

    def _merge(self, profile: str, first: int, hours: int, table: str) -> None:
        """Merge some hours by the older version and by this one."""
        given = {"first": first, "hours": hours}
        if self._older:
            older = self._folder / ("older" if table == "bets" else f"older_{table}")
            done = run("merge", self._older, raw=self._folder / "raw_older", table=older, **given)
            self._note(profile, "older version", done)
        done = run("merge", raw=self._folder / "raw", table=self._folder / table, **given)
        self._note(profile, "this version", done)

    def _copy(self, table: str, target: str) -> None:
        run("copy", table=self._folder / table, target=self._folder / target)

    def _note(self, profile: str, who: str, result: dict[str, Any]) -> None:
        self.lines.append(Line(profile, who, result))
        print(self.lines[-1].text(), flush=True)


def start(step: str, code: Path | None = None, /, **given: Any) -> subprocess.Popen[str]:
    """Start a step in a process of its own, with this package or an older checkout of it."""
    return subprocess.Popen(
        [sys.executable, str(HERE / "merge_steps.py"), step, json.dumps(given, default=str)],
        stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": str(code or HERE.parent)},
    )  # fmt: skip


def result(process: subprocess.Popen[str]) -> dict[str, Any]:
    """Return what a step found.

    Raises:
        RuntimeError: it failed.
    """
    out, _ = process.communicate()
    if process.returncode:
        raise RuntimeError("a step failed; its error is above")
    step: dict[str, Any] = json.loads(out.splitlines()[-1])
    return step


def run(step: str, code: Path | None = None, /, **given: Any) -> dict[str, Any]:
    """Run a step and return what it found."""
    return result(start(step, code, **given))


def main() -> None:
    """Measure, print the lines and write the report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows-a-day", type=int, default=1_000_000)
    parser.add_argument("--days", type=int, default=7, help="days in the table before")
    parser.add_argument("--more-days", type=int, default=90, help="days that the scaled table has beside")
    parser.add_argument("--accounts", type=int, default=16, help="merges side by side")
    parser.add_argument("--older", type=Path, help="a git worktree of an older version, to be measured beside")
    parser.add_argument("--folder", type=Path, help="for the files; default the system's")
    parser.add_argument("--report", type=Path, help="write the report to this file")
    given = parser.parse_args()
    print(merge_report.HEADER, flush=True)
    with tempfile.TemporaryDirectory(dir=given.folder) as name:
        bench = Bench(Path(name), given.rows_a_day, given.days, given.older)
        bench.insert()
        bench.week()
        bench.hours()
        bench.grown(given.more_days)
        bench.together(given.accounts, 6, given.rows_a_day // 20)
    if given.report:
        command = f"--rows-a-day {given.rows_a_day} --days {given.days}"
        if given.older:
            head = subprocess.check_output(
                ["git", "-C", given.older, "rev-parse", "--short", "HEAD"], text=True
            ).strip()
            command += f" --older (a worktree of {head})"
        given.report.write_text(merge_report.report(command, bench.lines, bench.scale, bench.side_by_side))


if __name__ == "__main__":
    main()
