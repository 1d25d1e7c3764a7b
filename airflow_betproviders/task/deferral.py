"""Waiting without a worker slot."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from airflow.sdk import BaseOperator

    from airflow_betproviders.declare.interval import Interval


def defer_until(operator: BaseOperator, moment: datetime, interval: Interval) -> None:
    """Defer the task until an interval is ready, and then run it from its start.

    Raises:
        TaskDeferred: Airflow's way of deferring.
    """
    from airflow.providers.standard.triggers.temporal import DateTimeTrigger

    operator.log.info("%s is ready at %s; deferring until then", interval, moment.isoformat())
    operator.defer(trigger=DateTimeTrigger(moment=moment), method_name="execute")
