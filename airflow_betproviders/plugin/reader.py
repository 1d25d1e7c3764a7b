"""Decide what the user of the page may see, by Airflow's login and its permission to read DAGs."""

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
    """The DAGs that a user may read.

    Attributes:
        dags: the DAGs that Airflow knows and the user may read.
        all: whether the user may read every DAG, including those that Airflow no longer knows.
    """

    dags: frozenset[str]
    all: bool = False


# One page sends several requests at once. A change by an administrator takes effect after these seconds.
_rights_by_user = ShortCache[Rights](seconds=3, max_results=1000)


class Reader:
    """The logged-in user of one request, and what they may see. Airflow answers 401 to a request without a valid login.

    A user sees a stream if they may read a DAG that wrote one of its slots. Only users who may read every DAG see slots
    that name no DAG.
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
        """Return whether the user may read at least one DAG; in a deployment without DAGs, whether they may list DAGs."""
        return bool(self._rights.dags) or self._rights.all

    @property
    def reads_all(self) -> bool:
        """Return whether the user may read every DAG."""
        return self._rights.all

    def may_read(self, dag_id: str | None) -> bool:
        """Return whether the user may read a DAG; for None, whether they may read every DAG."""
        if not dag_id:
            return self.reads_all
        if dag_id in self._rights.dags:
            return True
        if dag_id not in self._known:
            self._known[dag_id] = self._authorise(dag_id)
        return self._known[dag_id]

    @cached_property
    def _rights(self) -> Rights:
        return _rights_by_user.get(self.name, self._look_up)

    def _look_up(self) -> Rights:
        manager = get_auth_manager()
        dags = frozenset(manager.get_authorized_dag_ids(user=self._user))
        # Some auth managers read "no DAG" as "any DAG", so the DAGs are compared too.
        if not manager.is_authorized_dag(method="GET", user=self._user):
            return Rights(dags)
        with create_session() as session:
            return Rights(dags, all=set(session.scalars(select(DagModel.dag_id))) <= dags)

    def _authorise(self, dag_id: str) -> bool:
        """Return whether the user may read a DAG that Airflow may no longer know."""
        try:
            requires_access_dag("GET", param_dag_id=dag_id)(self._request, self._user)
        except HTTPException:
            return False
        return True


async def logged_in(request: Request, user: GetUserDep) -> Reader:
    """Return the user of a request. FastAPI of Airflow 3.1 cannot depend on the class itself."""
    return Reader(request, user)


# Permissions cost a few queries of the metadata database. Two threads run them, so that many users leave Airflow its own
# threads and connections.
_permission_workers = Workers(threads=2, waiting=126, per_user=64)
rate = UserRateLimiter()


async def permitted(request: Request, reader: Annotated[Reader, Depends(logged_in)], dag: str | None = None) -> Reader:
    """Return the user of a request for data, if they may read any DAG.

    Raises:
        HTTPException: 403, the user may read no DAG, or not the requested one, or the request comes from another origin;
            429, the user sends too many requests.
    """
    await rate.wait(reader.name)
    if request.headers.get("Sec-Fetch-Site", "none") not in {"same-origin", "none"}:
        raise HTTPException(403, "Pages of another origin get no data.")
    reads_any, reads_dag = await _permission_workers.run(reader.name, _permissions, reader, dag)
    if not reads_any:
        raise HTTPException(403, "You may read no DAG. Ask for read permission on the DAGs that extract bets.")
    if not reads_dag:
        raise HTTPException(403, "You may not read this DAG, or there is none of this name.")
    return reader


def _permissions(reader: Reader, dag: str | None) -> tuple[bool, bool]:
    return reader.reads_any, not dag or reader.may_read(dag)
