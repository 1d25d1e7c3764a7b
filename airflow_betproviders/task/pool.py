"""Warn about tasks of one account that may run at the same time without a common rate limit."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from airflow.sdk import BaseOperator

    from airflow_betproviders.hooks.base import BetProviderHook

log = logging.getLogger(__name__)

_DEFAULT_POOL = "default_pool"


def warn_without_pool(operator: BaseOperator, hook: BetProviderHook) -> None:
    """Log a warning before the first call if tasks of one account may run at the same time and exceed its rate limit.

    Each task keeps the limit by itself. A pool of one slot keeps it across tasks, and so does ``rate_limit_storage`` in the
    connection. Any pool other than Airflow's default counts as the account's.
    """
    if operator.pool != _DEFAULT_POOL or not hook.min_interval or hook.extra["rate_limit_storage"]:
        return
    log.warning(
        "%s: this task leaves %g s between its calls, but it runs in %s, where other tasks of the account may run at the same time: "
        "together they can call too often. Create a pool of one slot (airflow pools set %s 1 'calls to one account') and "
        "set pool='%s' on every task of the account, or set rate_limit_storage in the connection.",
        hook.label,
        hook.min_interval,
        operator.pool,
        hook.conn_id,
        hook.conn_id,
    )
