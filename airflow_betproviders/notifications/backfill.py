"""Find the DAG and the command that load a gap, from the receipts around it."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Iterable

from airflow_betproviders.lake.receipt import Receipt
from airflow_betproviders.lake.survey.cells import Gap


def backfill_dag(receipts: Iterable[Receipt]) -> str | None:
    """Return the DAG that wrote most slots with one slot a run; None where there is none.

    The intervals of such a DAG are as wide as the slots, so that the dates of a gap fit it.
    """
    receipts = [receipt for receipt in receipts if receipt.dag_id and receipt.run_id]
    slots = Counter((receipt.dag_id, receipt.run_id) for receipt in receipts)
    wide = {dag_id for (dag_id, _), count in slots.items() if count > 1}
    written = Counter(str(receipt.dag_id) for receipt in receipts if receipt.dag_id not in wide)
    return max(written, key=lambda dag_id: (written[dag_id], dag_id), default=None)


def backfill_command(dag_id: str, gap: Gap) -> str:
    """Return the command that runs the DAG for each slot of a gap, whether it has run before or not."""
    first, last = (instant.isoformat() for instant in gap.backfill)
    return (
        f"airflow backfill create --dag-id {shlex.quote(dag_id)} --from-date {first} --to-date {last} "
        "--reprocess-behavior completed"
    )
