"""Add the coverage page to Airflow's UI. Every Airflow process loads this module, so it imports nothing else."""

from __future__ import annotations

import asyncio
from importlib import import_module
from typing import Any

from airflow.plugins_manager import AirflowPlugin

from airflow_betproviders.task.page import PREFIX, ROUTE, page_path


class LazyApp:
    """An ASGI application that imports the page on its first request, which only the API server gets."""

    _app: Any = None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Forward a request to the page."""
        if self._app is None:
            self._app = await asyncio.to_thread(_create)
        await self._app(scope, receive, send)


def _create() -> Any:
    return import_module("airflow_betproviders.plugin.app").create_app()


def _external_view(**members: str) -> dict[str, str]:
    icons = {"icon": page_path("assets/icon.svg"), "icon_dark_mode": page_path("assets/icon-dark.svg")}
    return {"name": "Coverage", **icons, **members}


class BetProvidersPlugin(AirflowPlugin):
    """Add the coverage page to the navigation, and the coverage of one DAG as a tab of that DAG."""

    name = "betproviders"
    fastapi_apps: list[Any] = [{"app": LazyApp(), "url_prefix": PREFIX, "name": "Bet coverage"}]  # noqa: RUF012 - so in the base class
    external_views: list[Any] = [  # noqa: RUF012 - so in the base class
        _external_view(href=page_path(), destination="nav", url_route=ROUTE),
        _external_view(href=f"{page_path()}?dag={{DAG_ID}}", destination="dag", url_route=f"{ROUTE}_dag"),
    ]
