"""The user of the page, and what the user may see: Airflow's own login, and its permission to read a DAG."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Annotated

from airflow.api_fastapi.app import get_auth_manager
from airflow.api_fastapi.core_api.security import GetUserDep, requires_access_dag
from airflow.models.dag import DagModel
from airflow.utils.session import create_session
from fastapi import Depends, HTTPException, Request
from sqlalchemy import select

from airflow_betproviders.plugin.limits.cache import ShortCache
from airflow_betproviders.plugin.limits.rate import UserRateLimiter
from airflow_betproviders.plugin.limits.workers import Workers


@dataclass(frozen=True)
class Rights:
    """Which DAGs a user may read.

    Attributes:
        dags: those that Airflow knows.
        all: whether they may read every DAG, including those that Airflow no longer knows.
    """

    dags: frozenset[str]
    all: bool = False


# A page asks several things at once, and a crowd asks many; what an administrator changes shows after these seconds.
_known = ShortCache[Rights](seconds=3, most=1000)


class Reader:
    """The user of one request; without a valid login there is none, but status 401.

    A stream is shown to those who may read a DAG whose task wrote one of the slots in question. Slots that name no DAG are
    shown to those who may read every DAG.
    """

    def __init__(self, request: Request, user: GetUserDep) -> None:
        self._request = request
        self._user = user
        self._known: dict[str, bool] = {}

    @property
    def name(self) -> str:
        """Return the user's id."""
        return str(self._user.get_id())

    @property
    def reads_any(self) -> bool:
        """Return whether the user may read any DAG; where there is none yet, whether the user may list DAGs."""
        return bool(self._rights.dags) or self._rights.all

    @property
    def reads_all(self) -> bool:
        """Return whether the user may read every DAG."""
        return self._rights.all

    def may_read(self, dag_id: str | None) -> bool:
        """Return whether the user may read a DAG; None: all of them."""
        if not dag_id:
            return self.reads_all
        if dag_id in self._rights.dags:
            return True
        if dag_id not in self._known:
            self._known[dag_id] = self._ask(dag_id)
        return self._known[dag_id]

    @cached_property
    def _rights(self) -> Rights:
        return _known.get(self.name, self._look_up)

    def _look_up(self) -> Rights:
        manager = get_auth_manager()
        dags = frozenset(manager.get_authorized_dag_ids(user=self._user))
        # Some auth managers read "no DAG" as "any DAG", so the DAGs are compared too.
        if not manager.is_authorized_dag(method="GET", user=self._user):
            return Rights(dags)
        with create_session() as session:
            return Rights(dags, all=set(session.scalars(select(DagModel.dag_id))) <= dags)

    def _ask(self, dag_id: str) -> bool:
        """Return whether the user may read a DAG that Airflow may no longer know."""
        try:
            requires_access_dag("GET", param_dag_id=dag_id)(self._request, self._user)
        except HTTPException:
            return False
        return True


async def logged_in(request: Request, user: GetUserDep) -> Reader:
    """Return the user of a request. A function, since the FastAPI of Airflow 3.1 does not resolve annotations of a class."""
    return Reader(request, user)


# Permissions cost a few queries of the metadata database. Two threads make them, so that a crowd leaves Airflow its own
# threads and connections.
_gate = Workers(threads=2, waiting=126, per_user=64)
rate = UserRateLimiter()


async def permitted(request: Request, reader: Annotated[Reader, Depends(logged_in)], dag: str | None = None) -> Reader:
    """Return the user of a request for data, if they may read any DAG.

    Raises:
        HTTPException: 403, they may read no DAG or not the one that they name, or a page of another origin asks; 429, they
            ask too often.
    """
    await rate.wait(reader.name)
    if request.headers.get("Sec-Fetch-Site", "none") not in {"same-origin", "none"}:
        raise HTTPException(403, "Pages of another origin get no data.")
    reads_any, reads_dag = await _gate.run(reader.name, _permissions, reader, dag)
    if not reads_any:
        raise HTTPException(403, "You may read no DAG. Ask for read permission on the DAGs that extract bets.")
    if not reads_dag:
        raise HTTPException(403, "You may not read this DAG, or there is none of this name.")
    return reader


def _permissions(reader: Reader, dag: str | None) -> tuple[bool, bool]:
    return reader.reads_any, not dag or reader.may_read(dag)
