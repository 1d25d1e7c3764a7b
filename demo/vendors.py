"""Run the vendors' simulator in a process of its own, and request its true records."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from types import TracebackType
from typing import Any

import requests

from demo.airflow_client import iso, wait_for
from demo.sessions import end_session

START_SECONDS = 30


class Vendors:
    """Run all simulated vendors on a free port of loopback, with the machine's clock, for the length of a `with` block."""

    def __init__(
        self,
        log: Path,
        *,
        rate: int,
        history_days: int,
        min_interval: Mapping[str, float],
    ) -> None:
        """Describe the simulator to start.

        Args:
            log: A file for the simulator's output.
            rate: Bets per hour and vendor.
            history_days: How many days before the start the vendors have bets.
            min_interval: Least seconds between two calls, by vendor; vendors not named have no limits.
        """
        self._log = log
        self._arguments = [
            *("--port", "0", "--rate", str(rate), "--history-days", str(history_days)),
            *("--min-interval", ",".join(f"{vendor}={seconds:g}" for vendor, seconds in min_interval.items())),
        ]
        self._process: subprocess.Popen[bytes] | None = None
        self._http = requests.Session()
        self._http.trust_env = False  # loopback is not behind a proxy
        self.url = ""
        self.connections: dict[str, dict[str, Any]] = {}
        """Airflow's connections to the vendors, by vendor."""

    def __enter__(self) -> Vendors:
        self._log.parent.mkdir(parents=True, exist_ok=True)
        with self._log.open("wb") as output:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "airflow_betproviders.simulator", *self._arguments],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        try:
            said = wait_for(self._first_line, START_SECONDS, "the simulator to start", self._log.read_text)
        except BaseException:
            self.stop()
            raise
        self.url, self.connections = said["url"], said["connections"]
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """End the simulator."""
        self._http.close()
        if self._process is not None:
            end_session(self._process.pid)
            self._process.wait()
            self._process = None

    def truth(
        self,
        vendor: str,
        stream: str,
        start: datetime | str,
        end: datetime | str,
        as_of: datetime | str,
        filters: Mapping[str, Any] | None = None,
    ) -> list[dict[str, Any]]:
        """Return the records of an interval as the vendor had them at an instant; numbers with a point are `Decimal`."""
        query = {
            "provider": vendor,
            "stream": stream,
            "start": iso(start),
            "end": iso(end),
            "as_of": iso(as_of),
            "filters": json.dumps(filters or {}),
        }
        response = self._http.get(f"{self.url}/_control/truth", params=query, timeout=60)
        response.raise_for_status()
        records: list[dict[str, Any]] = json.loads(response.text, parse_float=Decimal)
        return records

    def set_faults(self, faults: Mapping[str, Any]) -> None:
        """Switch these faults on, and all others off.

        Args:
            faults: For each kind of fault its probability, or an object with its options; see docs/reference/simulator.md.
        """
        self._http.post(f"{self.url}/_control/faults", json=faults, timeout=60).raise_for_status()

    def breaches(self) -> list[dict[str, Any]]:
        """Return every rule of a vendor that a call broke."""
        response = self._http.get(f"{self.url}/_control/breaches", timeout=60)
        breaches: list[dict[str, Any]] = response.json()
        return breaches

    def _first_line(self) -> dict[str, Any] | None:
        if self._process is None or self._process.poll() is not None:
            raise RuntimeError(f"the simulator ended while starting\n{self._log.read_text()}")
        line, newline, _ = self._log.read_text().partition("\n")
        return dict(json.loads(line)) if newline else None
