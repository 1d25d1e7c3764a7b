"""Run Airflow with its UI, the four vendors, and all sample DAGs loading from them, until Ctrl-C."""

import os
import socket
import sys
import time

from demo.headless import HeadlessAirflow
from demo.setup import ROOT, running_demo

HOME = ROOT / ".airflow"
LAKE = HOME / "lake"
PORT = int(os.environ.get("BETPROVIDERS_UI_PORT", "8080"))
RATE = 300
# Airflow parses all DAGs of a file together, so it is enough to wait for one of each file.
ONE_A_FILE = ("pv_history", "aig_transactions", "jdb_transactions", "gmag_game_history")


def main() -> int:
    """Start everything, print the addresses and wait; return 0 after Ctrl-C, 1 if Airflow has ended by itself."""
    port = _free_from(PORT)
    print("starting the vendors' simulator and Airflow; this takes about 20 seconds", flush=True)
    try:
        with running_demo(HOME, LAKE, rate=RATE, history_days=4, port=port) as demo:
            for dag_id in ONE_A_FILE:
                demo.airflow.wait_dag(dag_id)
            demo.airflow.api("PATCH", "dags", {"is_paused": False}, dag_id_pattern="%")
            print(
                f"\nAirflow:  {demo.airflow.base_url}  (no login: everybody is an admin, and only this machine gets there)\n"
                f"Vendors:  {demo.vendors.url}  ({RATE} bets an hour each)\n"
                f"Lake:     {LAKE.relative_to(ROOT)}/\n"
                f"Logs:     {demo.airflow.logs.relative_to(ROOT)}/\n\n"
                "All sample DAGs are on. Try: Connections > pv_default > Test; a DAG > Trigger > Backfill.\n"
                "Stop with Ctrl-C; the next `make up` continues from here; `make clean` removes everything.",
                flush=True,
            )
            _stay(demo.airflow)
            print("Airflow does not answer any more; its logs end:\n" + demo.airflow.log_tails(), file=sys.stderr)
            return 1
    except KeyboardInterrupt:
        print("\nstopped", flush=True)
        return 0


def _stay(airflow: HeadlessAirflow) -> None:
    misses = 0
    while misses < 3:
        time.sleep(5)
        misses = 0 if airflow.health() else misses + 1


def _free_from(port: int) -> int:
    """Return the first free port from this one on."""
    while True:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)):
                return port
        print(f"port {port} is taken", flush=True)
        port += 1


if __name__ == "__main__":
    sys.exit(main())
