"""Airflow's simple auth manager, for which a user whose name is `<prefix>_team` has only the DAGs that begin so."""

from typing import Any

from airflow.api_fastapi.auth.managers.simple.simple_auth_manager import SimpleAuthManager


class TeamAuthManager(SimpleAuthManager):
    """Users by role, and some of them by DAG too."""

    def is_authorized_dag(self, *, user: Any, details: Any = None, **request: Any) -> bool:
        prefix, _, team = user.username.rpartition("_")
        if team == "team" and details and details.id and not details.id.startswith(f"{prefix}_"):
            return False
        return bool(super().is_authorized_dag(user=user, details=details, **request))
