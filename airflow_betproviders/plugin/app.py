"""Serve the coverage page. Each route requires Airflow's login and returns what the user may see.

It reads receipts, the bets table and reconciliations in a child process of low priority, and changes nothing. The page
starts backfills through Airflow's own API, with the user's login and permissions.
"""

from __future__ import annotations

import json
from datetime import datetime
from functools import partial
from importlib.resources import files
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Depends, FastAPI, HTTPException
from fastapi.responses import FileResponse, Response

from airflow_betproviders import __version__
from airflow_betproviders.declare.interval import Interval
from airflow_betproviders.lake.survey.cells import STATES
from airflow_betproviders.plugin import places
from airflow_betproviders.plugin.answers import SAFE_HEADERS, JsonResponse, add_error_handlers
from airflow_betproviders.plugin.limits.cache import ShortCache
from airflow_betproviders.plugin.limits.lake_process import LakeProcess
from airflow_betproviders.plugin.limits.workers import Workers
from airflow_betproviders.plugin.query import Chosen, Now, Slot, Span
from airflow_betproviders.plugin.reader import Reader, logged_in, permitted
from airflow_betproviders.plugin.views import money, reconciliations
from airflow_betproviders.plugin.views.amounts import amounts_of
from airflow_betproviders.plugin.views.stream_view import StreamView
from airflow_betproviders.plugin.views.streams import LakeView, Selection, find_receipt, read_lake

PAGE = Path(str(files("airflow_betproviders.plugin"))) / "page"
_FILES = {path.relative_to(PAGE).as_posix(): path for path in PAGE.rglob("*") if path.is_file()}

PermittedReader = Annotated[Reader, Depends(permitted)]

workers = Workers()
lake_process = LakeProcess()
_lake_views = ShortCache[LakeView](seconds=5, max_results=8)  # one page sends several requests that need the same views


def create_app() -> FastAPI:
    """Return the application that Airflow's API server mounts."""
    # Its own documentation pages would be open to anybody.
    app = FastAPI(title="Bet coverage", docs_url=None, redoc_url=None, openapi_url=None)
    add_error_handlers(app)
    page = APIRouter(dependencies=[Depends(logged_in)])
    page.add_api_route("/", get_page)
    page.add_api_route("/assets/{name:path}", get_asset)
    data = APIRouter(prefix="/api", dependencies=[Depends(permitted)])
    data.add_api_route("/coverage", get_coverage)
    data.add_api_route("/money", get_ggr)
    data.add_api_route("/reconciliations", get_reconciliations)
    data.add_api_route("/slot", get_slot)
    app.include_router(page)
    app.include_router(data)
    return app


def clear_cache() -> None:
    """Drop the cached views, so that the next request reads the lake again."""
    _lake_views.clear()


async def get_page() -> Response:
    """Return the page's HTML, which holds no data."""
    return FileResponse(PAGE / "index.html", headers={**SAFE_HEADERS, "Cache-Control": "no-cache"})


async def get_asset(name: str) -> Response:
    """Return a script, a stylesheet or a picture of the page."""
    if name not in _FILES:
        raise HTTPException(404, "There is no such file.")
    return FileResponse(_FILES[name], headers={**SAFE_HEADERS, "Cache-Control": "private, no-cache"})


async def get_coverage(
    reader: PermittedReader, chosen: Chosen, span: Span, now: Now, dag: str | None = None
) -> Response:
    """Return the slots of the selected days. With ``dag``, only streams that this DAG wrote."""
    return await workers.run(reader.name, _coverage, reader, chosen, span, now, dag)


async def get_ggr(reader: PermittedReader, chosen: Chosen, span: Span, now: Now, dag: str | None = None) -> Response:
    """Return turnover and gross gaming revenue of the accounts whose main stream the user may see."""
    return await workers.run(reader.name, _ggr, reader, chosen, span, now, dag)


async def get_reconciliations(
    reader: PermittedReader, chosen: Chosen, span: Span, now: Now, dag: str | None = None
) -> Response:
    """Return the last reconciliation of each stream that the user may see and that is reconciled."""
    return await workers.run(reader.name, _reconciled, reader, chosen, span, now, dag)


async def get_slot(reader: PermittedReader, chosen: Chosen, interval: Slot) -> Response:
    """Return the receipt of a stored slot, for those who may read the DAG that wrote it."""
    return await workers.run(reader.name, _slot, reader, chosen, interval)


def _coverage(reader: Reader, chosen: Selection, span: Interval, now: datetime, dag: str | None) -> Response:
    paths = places.configured_lakes()
    views = _read_lakes(paths, chosen, span, now)
    shown = _visible_streams(reader, views, dag)
    problems = [problem for view in views for problem in view.problems]
    if chosen.account is not None and not shown and not problems:
        raise HTTPException(404, "There is no such account, or it was written by a DAG that you may not read.")
    visible = {view.lake for view in shown}
    members = {
        "version": __version__,
        "now": now.isoformat(),
        "start": span.start.isoformat(),
        "end": span.end.isoformat(),
        "states": STATES,
        "lakes": [path if reader.reads_all or number in visible else "" for number, path in enumerate(paths)],
        "truncated": any(view.truncated for view in views),
        "problems": problems if reader.reads_all else [],
    }
    streams = ",".join(view.to_json(reader.may_read) for view in shown)
    return JsonResponse(f'{json.dumps(members, separators=(",", ":"))[:-1]},"streams":[{streams}]}}')


def _ggr(reader: Reader, chosen: Selection, span: Interval, now: datetime, dag: str | None) -> Response:
    shown = _visible_streams(reader, _read_lakes(places.configured_lakes(), chosen, span, now), dag)
    accounts = {(view.label["provider"], view.label["account"]) for view in shown if view.main}
    money_of_days = (
        lake_process.call(money.money_of_days, places.configured_table(), span) if accounts else money.Money()
    )
    days = [day.to_json() for day in money_of_days.days if (day.provider, day.account) in accounts]
    private = money_of_days.private and not reader.reads_all
    return JsonResponse(
        {"days": days, "problem": "The bets table cannot be read." if private else money_of_days.problem}
    )


def _reconciled(reader: Reader, chosen: Selection, span: Interval, now: datetime, dag: str | None) -> Response:
    paths = places.configured_lakes()
    shown = [view for view in _visible_streams(reader, _read_lakes(paths, chosen, span, now), dag) if view.main]
    streams = [(paths[view.lake], *(view.label[name] for name in ("provider", "stream", "account"))) for view in shown]
    results = zip(shown, lake_process.call(reconciliations.last_reconciliations, streams), strict=True)
    return JsonResponse([{"lake": view.lake, **view.label, **result} for view, result in results if result])


def _slot(reader: Reader, chosen: Selection, interval: Interval) -> Response:
    if not chosen.names_one:
        raise HTTPException(422, "Name the slot's lake, provider, stream and account.")
    path = dict(enumerate(places.configured_lakes())).get(chosen.lake or 0)
    stored_slot = lake_process.call(find_receipt, path, chosen, interval) if path else None
    if stored_slot is None or not reader.may_read(stored_slot[0].dag_id):
        raise HTTPException(404, "There is no such slot, or it was written by a DAG that you may not read.")
    receipt, place = stored_slot
    return JsonResponse({**receipt.to_members(), "path": place, "amounts": amounts_of(receipt)})


def _read_lakes(paths: list[str], chosen: Selection, span: Interval, now: datetime) -> list[LakeView]:
    """Return the views of the selected lakes; a view is read at most every few seconds."""
    selected = [(number, path, chosen, span) for number, path in enumerate(paths) if chosen.lake in {None, number}]
    return [_lake_views.get(key, partial(lake_process.call, read_lake, *key, now)) for key in selected]


def _visible_streams(reader: Reader, views: list[LakeView], dag: str | None) -> list[StreamView]:
    return [view for lake in views for view in lake.views if view.is_visible(reader.may_read, dag)]
