"""Wait until a task may continue, without holding a worker slot; end a task that is killed."""

from __future__ import annotations

import os
import sys
import time
from configparser import RawConfigParser
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from airflow.configuration import conf

from airflow_betproviders.task.airflow_exceptions import AirflowTaskTimeout
from airflow_betproviders.task.arguments import flag

if TYPE_CHECKING:
    from airflow.sdk import BaseOperator

_OPTION = ("operators", "default_deferrable")


def is_deferrable(value: object) -> bool:
    """Return the argument ``deferrable`` as a boolean; where it is None, what the deployment sets.

    Raises:
        InvalidArgument: the value is neither a boolean nor the text of one.
    """
    return default_deferrable() if value is None else flag("deferrable", value)


def default_deferrable() -> bool:
    """Return ``[operators] default_deferrable`` where the deployment sets it, otherwise True.

    Airflow's own default is False. It would keep an account's only pool slot for as long as a provider's lag.
    """
    in_environment = "AIRFLOW__{}__{}".format(*_OPTION).upper() in os.environ
    if in_environment or RawConfigParser.has_option(conf, *_OPTION):  # `conf.has_option` also sees defaults
        return conf.getboolean(*_OPTION)
    return True


def wait_until(operator: BaseOperator, moment: datetime, what: object, **kwargs: Any) -> None:
    """Defer the task until a moment. Then ``execute`` starts again. A task that is not deferrable waits in its worker.

    Args:
        operator: the task's operator.
        moment: when the task may go on.
        what: what is ready at that moment, for the log.
        **kwargs: further arguments that ``execute`` gets after the deferral.

    Raises:
        TaskDeferred: Airflow's way of deferring.
    """
    if not getattr(operator, "deferrable", True):
        operator.log.info("%s is ready at %s; waiting in the worker until then", what, moment.isoformat())
        time.sleep(max(0.0, (moment - datetime.now(timezone.utc)).total_seconds()))
        return
    from airflow.providers.standard.triggers.temporal import DateTimeTrigger

    operator.log.info("%s is ready at %s; deferring until then", what, moment.isoformat())
    operator.defer(trigger=DateTimeTrigger(moment=moment), method_name="execute", kwargs=kwargs or None)


class EndsWhenKilled:
    """Mixin of operators whose ``execute`` ends when the task is killed.

    Airflow itself only calls `on_kill`. A task that went on would make calls until SIGKILL comes some seconds later, and would
    leave its local files behind.
    """

    _killed = False

    def on_kill(self) -> None:
        """Leave ``execute``, so that it removes its local files. Airflow calls this in the task's main thread.

        Raises:
            SystemExit: Airflow retries the task. No handler of errors catches it. Not raised a second time, nor after
                ``execution_timeout``: ``execute`` is being left already.
        """
        if not self._killed and not isinstance(sys.exc_info()[1], AirflowTaskTimeout):
            self._killed = True
            raise SystemExit("The task was killed. What it has stored so far stays; the next attempt stores the rest.")
