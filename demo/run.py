"""Run the demo: four vendors, a real Airflow, a day of bets in a lake, compared with what the vendors had."""

import shutil
import sys
import time
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from pathlib import Path

from airflow_betproviders.providers.aig import streams as aig
from airflow_betproviders.providers.gmag import streams as gmag
from airflow_betproviders.providers.jdb import streams as jdb
from airflow_betproviders.providers.pv import streams as pv
from demo.airflow_client import FINISHED, Json
from demo.audit import AuditedFile, audit
from demo.headless import HeadlessAirflow
from demo.report import draw, table
from demo.setup import MIN_INTERVAL, ROOT, Demo, running_demo

OUTPUT = ROOT / "demo-output"
HOURS = 24
RATE = 500
TIMEOUT = 400
# The hourly DAG of each vendor, and how long after an hour the vendor has it complete.
DAGS = {
    "pv_history": pv.HISTORY.lag,
    "aig_transactions": aig.TRANSACTIONS.lag,
    "jdb_transactions": jdb.TRANSACTIONS.lag,
    "gmag_game_history": gmag.GAME_HISTORY.lag,
}
LIVE = "jdb_recent_transactions"
STREAMS = {"history", "transactions", "recent_transactions", "game_history"}

Say = Callable[[str], None]


def main() -> int:
    """Run the demo; return 0 if every bet is in the lake, once and exact."""
    began = time.monotonic()

    def say(text: str) -> None:
        print(f"{time.monotonic() - began:4.0f} s  {text}", flush=True)

    _clean(OUTPUT)
    say("starting the vendors' simulator and Airflow (SQLite, LocalExecutor)")
    try:
        with running_demo(OUTPUT / "airflow", OUTPUT / "lake", rate=RATE, history_days=2, parallelism=4) as demo:
            say(f"running: {RATE} bets an hour and vendor; Airflow's logs are in demo-output/airflow/logs")
            intervals = ", ".join(f"{vendor} {seconds:g} s" for vendor, seconds in MIN_INTERVAL.items())
            say(f"for the demo the least time between two calls is lowered: {intervals} (AIG's own is 5 s)")
            failed = _load(demo, say)
            say("comparing the lake with what the vendors had when each hour was extracted")
            audited = list(audit(demo.lake, demo.vendors.truth, STREAMS))
            breaches = len(demo.vendors.breaches())
            say("stopping everything")
    except KeyboardInterrupt:
        say("interrupted; everything is stopped")
        return 130
    return _write_report(audited, failed, breaches, say)


def _clean(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    (folder / ".gitignore").write_text("*\n")


def _load(demo: Demo, say: Say) -> int:
    """Load the last day of each vendor by a backfill, and the live feed; return how many runs failed or are missing."""
    now = datetime.now(timezone.utc)
    last = {dag_id: _hour(now - lag) - timedelta(hours=1) for dag_id, lag in DAGS.items()}
    demo.airflow.unpause(LIVE)
    say(f"airflow backfill create: the last {HOURS} complete hours of each vendor, for four DAGs")
    for dag_id, end in last.items():
        # One after the other, and each DAG begins when it has its backfill: SQLite lets one process write at a time.
        demo.airflow.create_backfill(dag_id, end - timedelta(hours=HOURS - 1), end)
        demo.airflow.unpause(dag_id)
    wanted = {dag_id: {end - timedelta(hours=i) for i in range(HOURS)} for dag_id, end in last.items()}
    return _wait(demo.airflow, wanted, say)


def _wait(airflow: HeadlessAirflow, wanted: dict[str, set[datetime]], say: Say) -> int:
    deadline = time.monotonic() + TIMEOUT
    shown, quiet_until = "", 0.0
    while True:
        runs = airflow.runs("~")
        states = {dag_id: _states(runs, dag_id, hours) for dag_id, hours in wanted.items()}
        live = [str(run["state"]) for run in runs if run["dag_id"] == LIVE]
        done = {dag_id: sum(state in FINISHED for state in run_states) for dag_id, run_states in states.items()}
        progress = ", ".join(f"{dag_id} {count}/{HOURS}" for dag_id, count in done.items())
        over = all(count == HOURS for count in done.values()) and not _busy(airflow, live)
        if over or time.monotonic() > deadline:
            say(f"{progress}; live feed: {_live(airflow)}")
            good = sum(run_states.count("success") for run_states in states.values())
            return HOURS * len(wanted) - good + live.count("failed")
        if progress != shown and time.monotonic() > quiet_until:
            say(progress)
            shown, quiet_until = progress, time.monotonic() + 10
        time.sleep(3)


def _states(runs: list[Json], dag_id: str, hours: set[datetime]) -> list[str]:
    return [str(run["state"]) for run in runs if run["dag_id"] == dag_id and _start(run) in hours]


def _start(run: Json) -> datetime:
    return datetime.fromisoformat(run["data_interval_start"].replace("Z", "+00:00"))


def _busy(airflow: HeadlessAirflow, live: list[str]) -> bool:
    """Return whether a run of the live feed is running; a deferred one is not."""
    if set(live) <= FINISHED:
        return not live
    return any(task["state"] not in {*FINISHED, "deferred"} for task in airflow.task_instances(LIVE))


def _live(airflow: HeadlessAirflow) -> str:
    shown = {"deferred": "deferred until JDB has the quarter"}
    return ", ".join(shown.get(state, state) for state in (str(t["state"]) for t in airflow.task_instances(LIVE)))


def _hour(instant: datetime) -> datetime:
    return instant.replace(minute=0, second=0, microsecond=0)


def _write_report(audited: list[AuditedFile], failed: int, breaches: int, say: Say) -> int:
    report = table(audited)
    faults = {
        "rows missing": sum(slot.missing for slot in audited),
        "rows doubled": sum(slot.doubled for slot in audited),
        "rows wrong": sum(slot.wrong for slot in audited),
        "runs failed or not done": failed,
        "rules of a vendor broken": breaches,
    }
    verdict = ", ".join(f"{count} {what}" for what, count in faults.items())
    notes = "Stake and payout add up all currencies; read: bytes of the vendors' answers; stored: bytes of Parquet."
    (OUTPUT / "report.txt").write_text(f"{report.text}\n\n{notes}\n{verdict}\n")
    (OUTPUT / "report.md").write_text(f"{report.markdown}\n\n{notes}\n\n**{verdict}**\n")
    draw([slot for slot in audited if slot.receipt.stream != "recent_transactions"], OUTPUT / "rows.png")
    print(f"\n{report.text}\n\n{notes}\n")
    say(verdict)
    say("demo-output/ has the lake, report.txt, report.md and rows.png")
    return 1 if any(faults.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
