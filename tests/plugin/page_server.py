"""The coverage page on a free port without Airflow around it: a user who may read everything, and no backfills."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace

import uvicorn
from fastapi import FastAPI, HTTPException

from airflow_betproviders.plugin import app, places, query, reader
from airflow_betproviders.simulator.server import PromptServer
from demo.airflow_client import wait_for
from tests.plugin.showcase import Showcase


@contextmanager
def serving(show: Showcase | None, *, table: bool = True) -> Iterator[str]:
    """Serve the page of a lake, or of none: yields its address."""
    app.clear_cache()
    known = places.configured_lakes, places.configured_table
    places.configured_lakes = lambda: [show.path] if show else []
    places.configured_table = lambda: show.table if show and table else ""
    page = app.create_app()
    page.dependency_overrides[reader.logged_in] = lambda: SimpleNamespace(
        name="ada", reads_any=True, reads_all=True, may_read=lambda _: True
    )
    if show:  # whose hours are counted from when it was made: an hour may have turned since
        page.dependency_overrides[query.present] = lambda: show.now
    around = FastAPI()
    around.mount("/betproviders", page)
    server = PromptServer(uvicorn.Config(around, port=0, log_level="warning", ws="none"))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        while not server.started and thread.is_alive():
            time.sleep(0.005)
        wait_for(_can_read, 240, "the process that reads the lake to start")
        port = server.servers[0].sockets[0].getsockname()[1]
        yield f"http://127.0.0.1:{port}/betproviders/"
    finally:
        server.stop()
        thread.join()
        places.configured_lakes, places.configured_table = known


def _can_read() -> bool | None:
    try:
        return app.lake_process.call(bool, 1)
    except HTTPException:  # it is still starting
        return None
