"""A stored day of AIG with two bets, AIG's counts of its hours, and the operator that compares them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from airflow_betproviders.operators.reconcile import ReconcileOperator
from tests.bets_table.lakes import SampleLake, aig, at, hour_of
from tests.recorder import Reply, Request

TODAY = {"start": at(0), "end": at(24)}


def reconcile_operator(tmp_path: Path, provider: str, **arguments: Any) -> ReconcileOperator:
    """Return a reconciliation of the lake below a folder."""
    given = {"task_id": "reconcile", "conn_id": f"{provider}_default", "path": f"file://{tmp_path}/raw"}
    return ReconcileOperator(**{**given, **arguments})


def stored_day(tmp_path: Path) -> SampleLake:
    """Return a day of AIG with two bets, one of them void two hours after it was placed."""
    sample = SampleLake(tmp_path)
    for hour in range(24):
        placed = {
            5: [aig("a", placed=at(5)), aig("b", placed=at(5.5), status=0)],
            7: [aig("b", placed=at(5.5), updated=at(7.5), status=3)],
        }
        sample.store(hour_of(hour), placed.get(hour, []), at(hour + 1.2))
    return sample


def aig_counts(**counts: int) -> Any:
    """Return a vendor's reply: AIG with so many bets in the hours named h<hour>, and none elsewhere."""

    def reply(request: Request) -> Reply:
        start = int(request.query["start_time"])
        hour = (start - int(at(0).timestamp() * 1000)) // 3_600_000
        total = counts.get(f"h{hour}", 0)
        return Reply({"code": 200, "message": "", "data": {"total": total, "transactions": []}})

    return reply
