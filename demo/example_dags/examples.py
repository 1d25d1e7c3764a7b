"""The DAGs that `demo/examples.py` runs for each example: an incremental DAG, and DAGs that fill gaps and replay an interval."""

import json
import os
from datetime import datetime
from typing import Any

from airflow_betproviders.dags import account_dag, incremental_dag
from airflow_betproviders.operators.gaps import FillGapsOperator
from airflow_betproviders.operators.replay import ReplayOperator

LAKE, TABLE = os.environ["EXAMPLES_LAKE"], os.environ["EXAMPLES_TABLE"]
INTERVAL = {"start": "{{ dag_run.conf['start'] }}", "end": "{{ dag_run.conf['end'] }}"}

for name, example in json.loads(os.environ["EXAMPLES"]).items():
    filters = example["filters"]
    incremental_dag(
        f"{name}_bets",
        conn_id=f"{name}_default",
        path=LAKE,
        table=f"{TABLE}/{name}",
        schedule=f"0 */{example['hours']} * * *",
        start_date=datetime.fromisoformat(example["first"]),
        end_date=datetime.fromisoformat(example["last"]),
        catchup=True,
        extract={"filters": filters, "archive": True},
    )
    what: dict[str, Any] = {"conn_id": f"{name}_default", "path": LAKE, "filters": filters, **INTERVAL}
    with account_dag(f"{name}_gaps", conn_id=f"{name}_default", schedule=None):
        FillGapsOperator(task_id="fill", archive=True, **what)
    with account_dag(f"{name}_replay", conn_id=f"{name}_default", schedule=None):
        ReplayOperator(task_id="replay", **what)
