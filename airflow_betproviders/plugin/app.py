"""The coverage page's application: each route asks for Airflow's login, and gives what the user may see.

It reads receipts, the bets table and reconciliations. Backfills are started by the page itself at Airflow's own API, with
the user's own login and permissions.
"""

from __future__ import annotations

import json
import logging
from datetime import date, datetime, timezone
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any

from fastapi import Depends, FastAPI, HTTPException, Query
from fastapi.responses import FileResponse, Response

from airflow_betproviders import __version__
from airflow_betproviders.declare.interval import DAY, Interval
from airflow_betproviders.exceptions import InvalidArgument
from airflow_betproviders.lake.coverage import STATES
from airflow_betproviders.plugin import money, places, reconciliations
from airflow_betproviders.plugin.reader import Reader, reader
from airflow_betproviders.plugin.streams import Selection, Shown, look, span_of, stored

log = logging.getLogger(__name__)

PAGE = Path(str(files("airflow_betproviders.plugin"))) / "page"
_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
}

Whoever = Annotated[Reader, Depends(reader)]
Days = Annotated[int, Query(ge=1, le=400)]


class Json(Response):
    """Of the moment, and of this user: kept nowhere."""

    media_type = "application/json"

    def __init__(self, content: Any, status_code: int = 200) -> None:
        """Write it without the spaces."""
        text = json.dumps(content, separators=(",", ":"))
        super().__init__(text, status_code, {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"})


def create_app() -> FastAPI:
    """The application that Airflow's API server mounts."""
    # Its own documentation pages would be open to anybody.
    app = FastAPI(title="Bet coverage", docs_url=None, redoc_url=None, openapi_url=None, dependencies=[Depends(reader)])
    app.add_api_route("/", index)
    app.add_api_route("/assets/{name:path}", asset)
    app.add_api_route("/api/coverage", coverage)
    app.add_api_route("/api/money", ggr)
    app.add_api_route("/api/reconciliations", reconciled)
    app.add_api_route("/api/slot", slot)
    return app


def index() -> Response:
    """The page; it holds no data."""
    return FileResponse(PAGE / "index.html", headers={**_HEADERS, "Cache-Control": "no-cache"})


def asset(name: str) -> Response:
    """A script, a style or a picture of it."""
    known = {path.relative_to(PAGE).as_posix(): path for path in PAGE.rglob("*") if path.is_file()}
    if name not in known:
        raise HTTPException(404, "There is no such file.")
    return FileResponse(known[name], headers={**_HEADERS, "Cache-Control": "private, no-cache"})


def selection(
    lake: int | None = None,
    provider: str | None = None,
    stream: str | None = None,
    account: str | None = None,
    filters: str | None = None,
    *,
    narrowed: bool = False,
) -> Selection:
    """The streams that a request is about."""
    return Selection(lake, provider, stream, account, filters, narrowed)


Chosen = Annotated[Selection, Depends(selection)]


def coverage(
    reader: Whoever, chosen: Chosen, days: Days = 60, last: date | None = None, dag: str | None = None
) -> Response:
    """The slots of the days up to the last one, today by default; ``dag``: of what this DAG has written."""
    now = datetime.now(timezone.utc)
    span = span_of(days, last, now)
    paths = places.lakes()
    shown, problems = look(paths, chosen, span, reader.may_read, now=now, dag=dag)
    knows_all = reader.may_read(None)
    return Json(
        {
            "version": __version__,
            "now": now.isoformat(),
            "start": span.start.isoformat(),
            "end": span.end.isoformat(),
            "states": STATES,
            "lakes": [
                path if knows_all or any(each.lake == n for each in shown) else "" for n, path in enumerate(paths)
            ],
            "problems": (problems if paths else [places.UNSET]) if knows_all or not paths else [],
            "streams": [each.to_json() for each in shown],
        }
    )


def ggr(reader: Whoever, chosen: Chosen, days: Days = 60, last: date | None = None, dag: str | None = None) -> Response:
    """Turnover and gross gaming revenue of the accounts whose main stream the user may see."""
    path = places.table()
    if not path:
        return Json({"days": [], "problem": "Set the Variable betproviders_table to see GGR here."})
    now = datetime.now(timezone.utc)
    span = span_of(days, last, now)
    accounts = {
        (each.coverage.lake.provider, each.coverage.lake.account)
        for each in _shown(reader, chosen, span, now, dag)
        if each.main
    }
    if not accounts:
        return Json({"days": [], "problem": None})
    try:
        found = money.by_day(path, span.start.date(), (span.end - DAY).date())
    except (InvalidArgument, ModuleNotFoundError) as problem:
        log.warning("the bets table cannot be read: %s", problem)
        return Json(
            {"days": [], "problem": str(problem) if reader.may_read(None) else "The bets table cannot be read."}
        )
    except Exception as problem:
        log.exception("the bets table cannot be read")
        told = f"The bets table cannot be read: {type(problem).__name__}. The API server's log tells why."
        return Json({"days": [], "problem": told})
    return Json({"days": [day.to_json() for day in found if (day.provider, day.account) in accounts], "problem": None})


def reconciled(
    reader: Whoever, chosen: Chosen, days: Days = 60, last: date | None = None, dag: str | None = None
) -> Response:
    """The last reconciliation of each stream that the user may see and that is reconciled."""
    now = datetime.now(timezone.utc)
    span = span_of(days, last, now)
    found = []
    for each in _shown(reader, chosen, span, now, dag):
        try:
            result = reconciliations.last(each.coverage.lake) if each.main else None
        except Exception:
            log.exception("the last reconciliation of %s cannot be read", each.coverage.lake.base)
            continue
        if result:
            found.append({"lake": each.lake, **each.coverage.label, "filters": "", **result})
    return Json(found)


def slot(reader: Whoever, chosen: Chosen, start: datetime, end: datetime) -> Response:
    """The receipt of a stored slot, for those who may read the DAG that wrote it."""
    paths = places.lakes()
    found = None
    if chosen.lake is not None and 0 <= chosen.lake < len(paths):
        try:
            found = stored(paths[chosen.lake], chosen, Interval(start, end))
        except InvalidArgument:
            log.warning("a slot cannot be looked at", exc_info=True)
    if found is None or not reader.may_read(found[0].dag_id):
        raise HTTPException(404, "There is no such slot, or it was written by a DAG that you may not read.")
    receipt, path = found
    return Json({**vars(receipt), "path": path})


def _shown(reader: Reader, chosen: Selection, span: Interval, now: datetime, dag: str | None) -> list[Shown]:
    return look(places.lakes(), chosen, span, reader.may_read, now=now, dag=dag)[0]
