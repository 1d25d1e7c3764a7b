"""A worker of the campaign: one task in its own process, as Airflow runs it. It may be killed at any moment."""

from __future__ import annotations

import json
import os
import resource
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from multiprocessing.connection import Connection as Pipe
from types import SimpleNamespace
from typing import Any

import deltalake  # noqa: F401 - imported before the fork, as all that follows
import pandas as pd  # noqa: F401
import s3fs  # noqa: F401
import tenacity.nap
from airflow.providers.amazon.aws.assets import redshift  # noqa: F401
from airflow.providers.amazon.aws.fs import s3  # noqa: F401
from airflow.providers.amazon.aws.hooks import base_aws  # noqa: F401
from airflow.sdk import BaseHook, Connection, ObjectStoragePath  # noqa: F401

import airflow_betproviders.bets_table.merge
import airflow_betproviders.extraction.slots
import airflow_betproviders.hooks.base  # noqa: F401
from airflow_betproviders.operators.extract import ExtractToParquetOperator
from airflow_betproviders.operators.gaps import FillGapsOperator
from airflow_betproviders.operators.merge import MergeBetsOperator
from airflow_betproviders.operators.replay import ReplayOperator
from tests.operator_runs import context
from tests.processes import processes

OPERATORS = {
    "extract": ExtractToParquetOperator,
    "gaps": FillGapsOperator,
    "merge": MergeBetsOperator,
    "replay": ReplayOperator,
}
STORE = "campaign_store"


@dataclass(frozen=True)
class Task:
    """What a worker is to do.

    Attributes:
        kind: which operator.
        arguments: the operator's.
        connections: by id, as Airflow's JSON.
    """

    kind: str
    arguments: Mapping[str, Any]
    connections: Mapping[str, Mapping[str, Any]] = field(repr=False)


@dataclass(frozen=True)
class Outcome:
    """What became of an attempt.

    Attributes:
        state: ``succeeded``, ``failed`` or ``killed``.
        error: the exception's class, where there was one.
        message: and what it said.
        peak_mib: the most memory that the process had.
    """

    state: str
    error: str = ""
    message: str = ""
    peak_mib: int = 0


class Workers:
    """Starts tasks in processes of their own."""

    def run(self, task: Task, kill_after: float | None = None) -> Outcome:
        """Run a task; after so many seconds it is killed, as by a node that is lost."""
        mine, its = processes.Pipe(duplex=False)
        process = processes.Process(target=work, args=(task, its))
        process.start()
        its.close()
        try:
            if kill_after is not None:
                process.join(kill_after)
                if process.is_alive():
                    process.kill()
            outcome = mine.recv() if mine.poll(180) else Outcome("failed", "Hung", "no answer in three minutes")
        except EOFError:
            outcome = Outcome("killed")
        finally:
            mine.close()
        process.join(10)
        if process.is_alive():
            process.kill()
            process.join()
        return outcome


def work(task: Task, pipe: Pipe) -> None:
    """Run a task in this process, and end the process."""
    with open(os.devnull, "wb") as nowhere:  # noqa: PTH123 - logs of thousands of tries
        os.dup2(nowhere.fileno(), 1)
        os.dup2(nowhere.fileno(), 2)
    tenacity.nap.time = SimpleNamespace(sleep=lambda seconds: None)  # type: ignore[attr-defined,assignment]
    connections = {
        name: Connection(conn_id=name, **{**given, "extra": json.dumps(given["extra"])})
        for name, given in task.connections.items()
    }
    BaseHook.get_connection = classmethod(lambda cls, conn_id: connections[conn_id])  # type: ignore[method-assign,assignment]
    operator = OPERATORS[task.kind](task_id=task.kind, **task.arguments)
    try:
        type(operator).execute.__wrapped__(operator, context())
    except Exception as error:  # noqa: BLE001 - whatever it is, the task fails
        outcome = Outcome("failed", type(error).__name__, str(error)[:500])
    else:
        outcome = Outcome("succeeded")
    pipe.send(replace(outcome, peak_mib=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024))
    pipe.close()
    os._exit(0)  # threads that still wait for an answer are not waited for
