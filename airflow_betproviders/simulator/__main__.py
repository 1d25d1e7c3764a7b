"""``python -m airflow_betproviders.simulator``: serve until interrupted."""

from __future__ import annotations

import argparse
import json
import time
from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timezone
from typing import Any

from airflow_betproviders.simulator.faults.switches import COMMON, KINDS
from airflow_betproviders.simulator.server import Simulator
from airflow_betproviders.simulator.settings import Settings


def settings_from(arguments: Sequence[str] | None) -> tuple[Settings, str, int]:
    """Return settings, host and port from a command line."""
    parser = argparse.ArgumentParser(prog="python -m airflow_betproviders.simulator", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8400, help="0 picks a free port")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--rate", type=float, default=600.0, help="bets per hour and provider")
    parser.add_argument("--history-days", type=float, default=3.0)
    parser.add_argument(
        "--now", type=_moment, default=None, help="ISO instant at which simulated time stands still, or none"
    )
    parser.add_argument(
        "--min-interval",
        type=_intervals,
        default=None,
        help="seconds between two calls, such as aig=5,jdb=1; other vendors then have no limits (default: as documented)",
    )
    parser.add_argument("--fault-rate", type=float, default=0.0)
    parser.add_argument("--fault-kinds", nargs="*", choices=KINDS, default=[])
    parser.add_argument(
        "--option",
        type=_option,
        action="append",
        default=[],
        help="an option of a vendor, such as pv.midnight=refuse; may be repeated",
    )
    known = parser.parse_args(arguments)
    options: dict[str, dict[str, Any]] = {}
    for vendor, name, value in known.option:
        options.setdefault(vendor, {})[name] = value
    settings = Settings(
        seed=known.seed,
        rate=known.rate,
        history_days=known.history_days,
        now=known.now,
        min_interval=known.min_interval,
        fault_rate=known.fault_rate,
        fault_kinds=known.fault_kinds or (COMMON if known.fault_rate else ()),
        options=options,
    )
    return settings, known.host, known.port


def _moment(text: str) -> datetime | None:
    if text.lower() == "none":
        return None
    moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
    return moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)


def _intervals(text: str) -> dict[str, float]:
    return {name: float(seconds) for name, _, seconds in (part.partition("=") for part in text.split(",") if part)}


def _option(text: str) -> tuple[str, str, str]:
    path, equals, value = text.partition("=")
    vendor, point, name = path.partition(".")
    if not (equals and point):
        raise argparse.ArgumentTypeError(f"{text!r} is not VENDOR.OPTION=VALUE")
    return vendor, name, value


def main(arguments: Sequence[str] | None = None) -> None:
    """Serve, print the demo connections, then the number of calls once a minute."""
    settings, host, port = settings_from(arguments)
    with Simulator(settings).running(host, port) as simulator:
        _say(json.dumps({"url": simulator.url, "connections": simulator.credentials}))
        seen = 0
        try:
            while True:
                time.sleep(60)
                if len(simulator.calls) > seen:
                    counts = Counter(call["provider"] for call in simulator.calls)
                    asked = ", ".join(f"{name} {count}" for name, count in sorted(counts.items()))
                    _say(f"calls: {asked}; breaches: {len(simulator.breaches)}")
                    seen = len(simulator.calls)
        except KeyboardInterrupt:
            _say("stopped")


def _say(text: str) -> None:
    print(text, flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
