"""Whether anything keeps an account's rate of calls when tasks run side by side."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from airflow.sdk import BaseOperator

    from airflow_betproviders.hooks.base import BetProviderHook

log = logging.getLogger(__name__)

_EVERYBODYS_POOL = "default_pool"


def warn_without_pool(operator: BaseOperator, hook: BetProviderHook) -> None:
    """Say in the task's log, before the first call, that nothing keeps the rate that tasks have together.

    A task keeps its own. A pool of one slot keeps tasks apart, whatever a backfill allows to run at once; so does a budget
    that the connection shares. Any pool but Airflow's default one counts as the account's.
    """
    if operator.pool != _EVERYBODYS_POOL or not hook.min_interval or hook.extra["rate_limit_storage"]:
        return
    log.warning(
        "%s: this task leaves %g s between its calls, but it runs in %s, where other tasks of the account may run beside it: "
        "together they can call too often. Create a pool of one slot (airflow pools set %s 1 'calls to one account') and "
        "set pool='%s' on every task of the account, or set rate_limit_storage in the connection.",
        hook.label,
        hook.min_interval,
        operator.pool,
        hook.conn_id,
        hook.conn_id,
    )
