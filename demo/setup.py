"""Set up a demo: the vendors, a real Airflow with the sample DAGs, connections, pools, and a lake on disk."""

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from demo.headless import HeadlessAirflow
from demo.vendors import Vendors

ROOT = Path(__file__).parent.parent
DAGS = ROOT / "dags"
# Seconds. The real vendors allow a call each 5 s (AIG, JDB) or 1 s (PV, GM-Ag), which takes too long for a demo.
MIN_INTERVAL = {"pv": 0.02, "aig": 0.5, "jdb": 0.02, "gmag": 0.02}


@dataclass(frozen=True)
class Demo:
    """A running demo: Airflow, the vendors and the lake."""

    airflow: HeadlessAirflow
    vendors: Vendors
    lake: Path


@contextmanager
def running_demo(
    home: Path,
    lake: Path,
    *,
    rate: int,
    history_days: int,
    parallelism: int = 4,
    port: int | None = None,
) -> Iterator[Demo]:
    """Start everything; end it by its process ids when the context ends, also on Ctrl-C, SIGTERM and errors.

    Args:
        home: AIRFLOW_HOME, which keeps the logs too.
        lake: Folder that the DAGs write to.
        rate: Bets per hour and vendor.
        history_days: How many days before the start the vendors have bets.
        parallelism: How many tasks run at once.
        port: Airflow's port on loopback; default: a free one.
    """
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("terminated"))
    lake.mkdir(parents=True, exist_ok=True)
    env = {"AIRFLOW_VAR_BETPROVIDERS_PATH": lake.resolve().as_uri(), "AIRFLOW__CORE__DEFAULT_TASK_RETRY_DELAY": "5"}
    simulator_log = home / "logs" / "simulator.log"
    with (
        Vendors(simulator_log, rate=rate, history_days=history_days, min_interval=MIN_INTERVAL) as vendors,
        HeadlessAirflow(home, DAGS, env, parallelism=parallelism, port=port) as airflow,
    ):
        for vendor, connection in vendors.connections.items():
            airflow.add_connection(f"{vendor}_default", connection)
            airflow.set_pool(f"{vendor}_default", 1)
        yield Demo(airflow, vendors, lake)
