"""Wait until an interval is ready, without holding a worker slot."""

from __future__ import annotations

import os
import time
from configparser import RawConfigParser
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from airflow.configuration import conf

if TYPE_CHECKING:
    from airflow.sdk import BaseOperator

    from airflow_betproviders.declare.interval import Interval

_OPTION = ("operators", "default_deferrable")


def default_deferrable() -> bool:
    """Return ``[operators] default_deferrable`` where the deployment sets it, otherwise True.

    Airflow's own default is False. It would keep an account's only pool slot for as long as a provider's lag.
    """
    in_environment = "AIRFLOW__{}__{}".format(*_OPTION).upper() in os.environ
    if in_environment or RawConfigParser.has_option(conf, *_OPTION):  # `conf.has_option` counts defaults in
        return conf.getboolean(*_OPTION)
    return True


def wait_until(operator: BaseOperator, moment: datetime, interval: Interval) -> None:
    """Defer the task until a moment and run it from its start then; wait in the worker if it is not deferrable.

    Args:
        operator: the task's operator.
        moment: when the interval is ready.
        interval: for the log.

    Raises:
        TaskDeferred: Airflow's way of deferring.
    """
    if not getattr(operator, "deferrable", True):
        operator.log.info("%s is ready at %s; waiting in the worker until then", interval, moment.isoformat())
        time.sleep(max(0.0, (moment - datetime.now(timezone.utc)).total_seconds()))
        return
    from airflow.providers.standard.triggers.temporal import DateTimeTrigger

    operator.log.info("%s is ready at %s; deferring until then", interval, moment.isoformat())
    operator.defer(trigger=DateTimeTrigger(moment=moment), method_name="execute")
