"""Peak memory of an extraction against the size of its slot, for every provider.

Each extraction is a process of its own against the simulator in another; the table goes to benchmarks/RESULTS.md.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
RATE = 84_000  # bets an hour: an hour is some 100 thousand rows, a day 2 million
PROVIDERS = ("aig", "jdb", "gmag", "pv")


@contextmanager
def simulator() -> Iterator[str]:
    """A simulator in a process of its own; gives its URL."""
    command = ["airflow_betproviders.simulator", "--port", "0", "--rate", str(RATE), "--min-interval", "aig=0"]
    with subprocess.Popen([sys.executable, "-m", *command], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None  # noqa: S101 - asked for above
        try:
            yield next(found[0] for line in process.stdout if (found := re.search(r"http://[\d.]+:\d+", line)))
        finally:
            process.terminate()


def extract(connection: dict[str, Any], start: datetime, hours: int) -> dict[str, Any]:
    """Extract one slot in a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        arguments = ["--connection", json.dumps(connection), "--start", start.isoformat(), "--hours", str(hours)]
        command = [sys.executable, str(HERE / "one_slot.py"), *arguments, "--out", folder]
        done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result


def main() -> None:
    """Measure, print and write the table."""
    from urllib.request import urlopen

    start = datetime.now(timezone.utc).replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=2)
    lines = [
        "| provider | rows | calls | peak MiB | over Airflow's import | against the small slot |",
        "|---|---:|---:|---:|---:|---:|",
    ]
    with simulator() as url:
        with urlopen(f"{url}/_control/connections") as answer:  # noqa: S310 - the simulator's own URL
            connections = json.load(answer)
        for provider in PROVIDERS:
            connection = connections[provider]
            connection["extra"] = json.dumps({**connection["extra"], "min_interval": 0, "timeout": 900})
            small = 0.0
            for hours in (1, 24):
                result = extract(connection, start, hours)
                small = small or result["peak_mib"]
                lines.append(
                    f"| {provider} | {result['rows']:,} | {result['calls']:,} | {result['peak_mib']:.0f} | "
                    f"{result['peak_mib'] - result['airflow_mib']:.0f} | {result['peak_mib'] / small:.2f} |"
                )
                print(lines[-1], flush=True)
    text = f"# Peak memory and the size of a slot\n\n{__doc__}\n" + "\n".join(lines) + "\n"
    (HERE / "RESULTS.md").write_text(text)


if __name__ == "__main__":
    main()
