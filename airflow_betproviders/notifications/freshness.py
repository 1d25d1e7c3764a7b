"""Set a deadline for a DAG's runs, so that late data raises an alert although no task has failed."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from airflow.sdk import BaseNotifier
from airflow.sdk.definitions.deadline import (  # type: ignore[attr-defined] # Airflow 3.1 has them here only
    AsyncCallback,
    DeadlineAlert,
    DeadlineReference,
    SyncCallback,
)

from airflow_betproviders.declare.interval import parse_duration
from airflow_betproviders.exceptions import InvalidArgument
from airflow_betproviders.notifications.stored_notifier import stored_arguments


def deadline_alert(fresh_within: str | timedelta, alert: Any) -> DeadlineAlert:
    """Return a deadline: a run must end within a time from when it is queued, which is the end of its interval.

    Args:
        fresh_within: the time, e.g. ``"3h"``.
        alert: a notifier that can notify asynchronously, or Airflow's ``AsyncCallback`` or ``SyncCallback``.

    Raises:
        InvalidArgument: the alert cannot be called by Airflow's triggerer.
    """
    return DeadlineAlert(
        reference=DeadlineReference.DAGRUN_QUEUED_AT,
        interval=parse_duration("fresh_within", fresh_within),
        callback=_callback(alert),
    )


def _callback(alert: Any) -> AsyncCallback | SyncCallback:
    if isinstance(alert, AsyncCallback | SyncCallback):
        return alert
    if not isinstance(alert, BaseNotifier):
        raise InvalidArgument(
            f"alert={alert!r} is neither a notifier nor an AsyncCallback or SyncCallback. Give one, such as BetProvidersNotifier."
        )
    kind = type(alert)
    if kind.async_notify is BaseNotifier.async_notify:
        raise InvalidArgument(
            f"{kind.__name__} cannot notify from the triggerer (it has no async_notify). Give one that can, or a SyncCallback."
        )
    return AsyncCallback(kind, kwargs=stored_arguments(alert))
