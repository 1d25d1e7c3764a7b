"""Measure each section of the report; each function returns a table."""

from __future__ import annotations

import compileall
import json
import os
import shutil
import statistics
import subprocess
import sys
from collections.abc import Callable, Iterable
from importlib.metadata import version
from pathlib import Path
from typing import Any
from urllib.request import urlopen

from contest import Run, median, page_server, rounds, run, script
from records import FOLDER, PROVIDERS, rendered

ROWS = 500_000
AIRFLOW = "from airflow.sdk import BaseHook, Connection"
Note = Callable[[str], None]


def table(head: Iterable[str], rows: Iterable[Iterable[object]]) -> str:
    """Return a Markdown table; the first column is text, the others are numbers."""
    head = list(head)
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *([str(cell) for cell in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def airflow_alone() -> list[str]:
    """Measure a process that imports only what Airflow's task runner imports before it needs the hook."""
    return [sys.executable, "-c", AIRFLOW]


def throughput(
    count: int, note: Note, peers: Callable[[str, str], dict[str, list[str]]] | None = None
) -> tuple[str, dict[str, dict[str, float]]]:
    """Measure rows per second of complete processes; return them also by provider and name for the plot."""
    rows: list[list[object]] = []
    speeds: dict[str, dict[str, float]] = {}
    for provider in PROVIDERS:
        with page_server(provider, ROWS) as url:
            names = {"bare": "bare.py", "ours": "ours.py"}
            if provider in {"gmag", "pv"}:
                names["pandas"] = "pandas_dag.py"
            runs = rounds({name: script(file, provider, url, "{out}") for name, file in names.items()}, count, note)
            if peers is not None:
                runs |= rounds(peers(provider, url), 1, note)
        speeds[provider] = {name: ROWS / median(measured, "wall") for name, measured in runs.items()}
        for name, measured in runs.items():
            if measured[-1].result.get("rows", ROWS) != ROWS:
                raise RuntimeError(f"{name} read {measured[-1].result['rows']} of {ROWS} rows")
            wall, cpu = median(measured, "wall"), median(measured, "cpu")
            ratios = [f"{median(measured, of) / median(runs['ours'], of):.2f}" for of in ("wall", "cpu")]
            peak, size = f"{median(measured, 'peak_mib'):.0f}", f"{median(measured, 'bytes') / 1e6:.1f}"
            rows.append([f"{provider} {name}", f"{ROWS / wall:,.0f}", f"{wall:.2f}", f"{cpu:.2f}", *ratios, peak, size])
    head = ["contestant", "rows/s", "wall s", "CPU s", "its wall / ours", "its CPU / ours", "peak MiB", "MB written"]
    return table(head, rows), speeds


def memory(sizes: tuple[tuple[int, int], ...], note: Note) -> str:
    """Measure peak memory over a process that has imported Airflow, by rows in one slot; and the last size in hourly slots."""
    base = run(airflow_alone()).peak_mib
    rows = []
    for provider in PROVIDERS:
        peaks = []
        for count, hours, slot in (*((*size, size[1]) for size in sizes), (*sizes[-1], 1)):
            with page_server(provider, count, hours) as url:
                done = run(script("ours.py", provider, url, "{out}", "--hours", str(hours), "--slot", str(slot)))
            peaks.append(done.peak_mib - base)
            note(f"  memory: {provider}, {count:,} rows in {hours // slot} slots: {peaks[-1]:.0f} MiB")
        rows.append([provider, *(f"{peak:.0f}" for peak in peaks)])
    count, hours = sizes[-1]
    return table(
        ["provider", *(f"{n:,} rows, MiB" for n, _ in sizes), f"{count:,} rows in {hours} slots of one task, MiB"], rows
    )


def operator(note: Note) -> str:
    """Measure what the operator and the number of slots add."""
    with page_server("pv", 480_000, 24) as url:
        result = run(script("operator_cost.py", url)).result
    note(f"  operator: {result}")
    return table(
        ["operator", "measured", "goal"],
        [
            ["execute() minus extraction, ms a slot", f"{result['overhead'] * 1000:.1f}", "50"],
            ["a day of 24 slots / the same day as one slot", f"{result['hours'] / result['day']:.2f}", "1.2"],
        ],
    )


# For `ROWS` within an hour: full pages; GM-Ag counts 10,000 rows at most and asks in whole minutes, JDB in five of them.
_FEWEST = {"gmag": 60, "pv": -(-ROWS // 2000), "aig": -(-ROWS // 5000), "jdb": 12}


def pace(note: Note) -> str:
    """Measure AIG's time from the first call to the last at its five seconds, and compare calls with the fewest possible."""
    count, interval = 40_000, 5.0
    with page_server("aig", count) as url:
        done = run(script("ours.py", "aig", url, "{out}", "--min-interval", str(interval)))
        with urlopen(f"{url}/arrivals") as answer:  # noqa: S310 - our own server
            arrivals = json.load(answer)
    calls = len(arrivals)
    note(f"  pace: {calls} calls, {done.wall:.1f} s")
    ratio = (arrivals[-1] - arrivals[0]) / ((calls - 1) * interval)
    rows = [[f"aig, {count:,} rows, {interval:g} s apart", calls, -(-count // 5000), f"{ratio:.3f}"]]
    for provider, fewest in _FEWEST.items():
        with page_server(provider, ROWS) as url:
            result = run(script("ours.py", provider, url, "{out}")).result
        rows.append([f"{provider}, {ROWS:,} rows in an hour", result["calls"], fewest, ""])
    return table(["pace", "calls", "fewest possible", "first to last call / (calls - 1) x interval"], rows)


def latency(note: Note) -> str:
    """Compare the extraction's time with four connections that are never idle, or with its own work if that takes longer."""
    rows = []
    for provider in PROVIDERS:
        work = 0.0
        for seconds in (0.0, 0.05, 0.2):
            with page_server(provider, ROWS, 1, "--latency", str(seconds)) as url:
                result = run(script("ours.py", provider, url, "{out}")).result
            work = work or result["seconds"]
            ideal = max(work, result["calls"] / 4 * seconds)
            note(f"  latency: {provider} {seconds} s: {result['seconds']:.2f} s")
            figures = [f"{result['seconds']:.2f}", f"{ideal:.2f}", f"{result['seconds'] / ideal:.2f}"]
            rows.append([f"{provider}, {seconds * 1000:.0f} ms", result["calls"], *figures])
    return table(["latency", "calls", "s", "ideal for 4 connections, s", "ratio"], rows)


def odd_pages(count: int, note: Note) -> str:
    """Measure how much a hundredth of odd pages slows PV."""
    runs: dict[str, list[Run]] = {"even": [], "odd": []}
    with page_server("pv", ROWS) as even, page_server("pv", ROWS, 1, "--odd", "0.01") as odd:
        for _ in range(count):
            for name, url in (("even", even), ("odd", odd)):
                runs[name].append(run(script("ours.py", "pv", url, "{out}")))
    seconds = {name: statistics.median(run.result["seconds"] for run in measured) for name, measured in runs.items()}
    note(f"  odd pages: {seconds}")
    slower = seconds["odd"] / seconds["even"]
    return table(
        ["odd pages", "of", "slower by"],
        [[runs["odd"][0].result["slow_pages"], runs["odd"][0].result["calls"], f"{slower - 1:.1%}"]],
    )


IMPORTS = "from airflow_betproviders.operators.extract import ExtractToParquetOperator"


def imports(count: int, note: Note) -> str:
    """Measure what a DAG file's import of this package adds to Airflow's own."""
    base = "from airflow.sdk import DAG, BaseHook, BaseOperator, Asset"
    clock = "import sys, time\n{}\nbegan = time.perf_counter()\n{}\nheavy = sorted(set(sys.modules) & {{'pyarrow', 'pandas', 'numpy', 'requests', 'fsspec'}} - held)\nimport json\nprint(json.dumps({{'seconds': time.perf_counter() - began, 'heavy': heavy}}))"
    code = clock.format(f"{base}\nheld = set(sys.modules)", IMPORTS)
    runs = [run([sys.executable, "-c", code]) for _ in range(count)]
    added = statistics.median(done.result["seconds"] for done in runs)
    note(f"  imports: {added * 1000:.0f} ms")
    heavy = ", ".join(runs[0].result["heavy"]) or "none"
    return table(
        ["import of the operator", "measured", "goal"],
        [["ms over Airflow's SDK", f"{added * 1000:.0f}", "60"], ["heavy modules", heavy, "none"]],
    )


SCAN = """
import json, sys, time
import airflow
from importlib.metadata import entry_points

def least(act):
    took = []
    for _ in range(30):
        began = time.perf_counter()
        act()
        took.append(time.perf_counter() - began)
    return min(took) * 1000

def definition():
    for name in ours:
        del sys.modules[name]
    from airflow_betproviders.provider_info import get_provider_info
    get_provider_info()

ours = [name for name in sys.modules if name.startswith("airflow_betproviders")]
print(json.dumps({"scan": least(entry_points), "definition": least(definition) if ours else 0, "ours": ours}))
"""


def airflow_import(count: int, note: Note) -> str:
    """Measure what this package adds to ``import airflow``: an Airflow without it, and the same with its wheel on the path.

    Two seconds of import vary by a tenth, so what could take longer is measured by itself: reading the
    metadata of all packages, once a process, and importing modules of ours.
    """
    plain, wheel = FOLDER / "airflow", FOLDER / "wheel"
    uv: list[str | Path] = [sys.executable, "-m", "uv", "--quiet"]
    install = [*uv, "pip", "install", "--compile-bytecode"]
    if not plain.exists():
        subprocess.run([*uv, "venv", plain], check=True)
        wanted = f"apache-airflow=={version('apache-airflow')}"
        subprocess.run([*install, "--python", plain / "bin/python", wanted], check=True)
    shutil.rmtree(wheel, ignore_errors=True)
    subprocess.run([*install, "--no-deps", "--target", wheel, Path(__file__).parents[1]], check=True)
    result: dict[str, list[Any]] = {"without us": [], "with us": []}
    for _ in range(count):
        for name, path in (("without us", ""), ("with us", str(wheel))):
            done = subprocess.run(
                [str(plain / "bin/python"), "-c", SCAN],
                env={**os.environ, "PYTHONPATH": path},
                check=True,
                stdout=subprocess.PIPE,
            )
            result[name].append(json.loads(done.stdout))
    scans = [min(imported["scan"] for imported in imports) for imports in result.values()]
    definition = min(imported["definition"] for imported in result["with us"])
    modules = ", ".join(result["with us"][0]["ours"]) or "none"
    note(f"  import airflow: {scans} ms, {definition} ms; modules of ours: {modules}")
    return table(
        ["import airflow", "without us", "with us", "more, goal 5"],
        [
            ["look through installed packages, ms", *(f"{scan:.1f}" for scan in scans), f"{scans[1] - scans[0]:.1f}"],
            [f"{modules}, ms", "", f"{definition:.1f}", f"{definition:.1f}"],
        ],
    )


def prepare(note: Note) -> None:
    """Make the records of the quick suite, and compile our modules as in an installed package, before anything is timed."""
    compileall.compile_dir(Path(__file__).parents[1] / "airflow_betproviders", quiet=1)
    for provider in PROVIDERS:
        rendered(provider, ROWS, 1)
        note(f"  rendered {provider}")
