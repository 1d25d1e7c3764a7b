"""Who looks at the page, and what they may see: Airflow's own login, and its permission to read a DAG."""

from __future__ import annotations

from airflow.api_fastapi.app import get_auth_manager
from airflow.api_fastapi.core_api.security import GetUserDep, requires_access_dag
from airflow.models.dag import DagModel
from airflow.utils.session import create_session
from fastapi import HTTPException, Request
from sqlalchemy import select


class Reader:
    """The user of one request; without a valid login there is none, but status 401.

    Who wrote a stream guards it: it is shown to those who may read a DAG whose task wrote one of the slots in question. Of
    slots that name no DAG, whoever may read every DAG is a reader.
    """

    def __init__(self, request: Request, user: GetUserDep) -> None:
        self._request = request
        self._user = user
        self._known: dict[str | None, bool] = {}

    def may_read(self, dag_id: str | None) -> bool:
        """Whether they may read a DAG; None: all of them."""
        if dag_id not in self._known:
            self._known[dag_id] = self._ask(dag_id)
        return self._known[dag_id]

    def _ask(self, dag_id: str | None) -> bool:
        if not dag_id:
            return self._reads_all()
        try:
            requires_access_dag("GET", param_dag_id=dag_id)(self._request, self._user)
        except HTTPException:
            return False
        return True

    def _reads_all(self) -> bool:
        # Some auth managers take no DAG for any DAG, so each is asked for too.
        manager = get_auth_manager()
        if not manager.is_authorized_dag(method="GET", user=self._user):
            return False
        with create_session() as session:
            return set(session.scalars(select(DagModel.dag_id))) <= manager.get_authorized_dag_ids(user=self._user)


def reader(request: Request, user: GetUserDep) -> Reader:
    """Who makes a request. A function, since the FastAPI of Airflow 3.1 does not resolve annotations of a class."""
    return Reader(request, user)
