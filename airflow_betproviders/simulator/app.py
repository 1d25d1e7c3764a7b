"""The HTTP side: one port, a path prefix a vendor, and ``/_control``."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.routing import Route

from airflow_betproviders.simulator.call import Call, Given, Record, Reply
from airflow_betproviders.simulator.contract import Vendor
from airflow_betproviders.simulator.control import Control
from airflow_betproviders.simulator.kinds import WIRE
from airflow_betproviders.simulator.pace import Pace, TooFast
from airflow_betproviders.simulator.pages import Fields, PageFaults
from airflow_betproviders.simulator.state import SimulatorState
from airflow_betproviders.simulator.transport import TOO_MANY_REQUESTS, gateway_fault, send

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response


def make_app(state: SimulatorState) -> Starlette:
    """Make the ASGI application over all vendors."""
    methods = ["GET", "POST"]
    counters = {name: _Counter(state, vendor) for name, vendor in state.providers.items()}
    # Starlette takes a callable object for an ASGI application, hence the bound methods.
    return Starlette(
        routes=[
            Route("/_control/{what}", Control(state).__call__, methods=methods),
            *(Route(f"/{name}/{{path:path}}", counter.serve, methods=methods) for name, counter in counters.items()),
        ]
    )


class _Report:
    """Takes what a vendor reports of one call into the call log, and works faults into its pages."""

    def __init__(self, state: SimulatorState, pace: Pace, pages: PageFaults, entry: dict[str, Any]) -> None:
        self._state = state
        self._pace = pace
        self._pages = pages
        self._entry = entry

    def read(self, stream: str, params: Mapping[str, Any]) -> None:
        self._entry["stream"] = stream
        self._entry["params"] = dict(params)
        try:
            self._pace.admit()
        except TooFast as error:
            self.breach("rate", str(error), forgiven=False)
            raise

    def breach(self, rule: str, text: str, *, forgiven: bool) -> None:
        about = {name: self._entry[name] for name in ("at", "provider", "path", "stream", "params")}
        self._state.journal.breached({**about, "rule": rule, "text": text})
        if not forgiven:
            self._entry["refused"] = rule

    def page(self, rows: Sequence[Record], columns: Sequence[str] | None, given: Given) -> Given:
        spoilt = self._pages.spoil(rows, columns, given)
        self._entry["rows"], self._entry["total"] = len(spoilt.given.texts), spoilt.given.total
        self._entry["bad_rows"] = spoilt.bad_rows
        self._entry["faults"] = [*self._entry["faults"], *spoilt.struck]
        return spoilt.given


class _Counter:
    """Where calls of one vendor arrive, are logged, answered and troubled."""

    def __init__(self, state: SimulatorState, vendor: Vendor) -> None:
        self._state = state
        self._vendor = vendor
        self._pace = Pace(state.interval_of(vendor.name), state.settings.interval_tolerance)
        self._pages = PageFaults(state.faults, vendor.name, Fields(vendor.amount_field, vendor.key_field))

    async def serve(self, request: Request) -> Response:
        path = request.path_params["path"]
        entry: dict[str, Any] = {
            "at": time.time(),
            "provider": self._vendor.name,
            "method": request.method,
            "path": path,
            "stream": None,
            "params": {},
            "status": None,
            "refused": None,
            "rows": None,
            "total": None,
            "faults": [],
            "bad_rows": [],
        }
        call = Call(
            method=request.method,
            path=path,
            query=dict(request.query_params),
            headers=dict(request.headers),
            body=await request.body(),
            url=f"{str(request.base_url).rstrip('/')}/{self._vendor.name}",
            report=_Report(self._state, self._pace, self._pages, entry),
        )
        response = await self._respond(call, entry)
        entry["status"] = response.status_code
        entry["seconds"] = time.time() - entry["at"]
        self._state.journal.called(entry)
        return response

    async def _respond(self, call: Call, entry: dict[str, Any]) -> Response:
        vendor = self._vendor
        kinds = [kind for kind in WIRE if kind != "busy" or vendor.busy_replies]
        struck, rng = self._state.faults.draw(vendor.name, kinds)
        entry["faults"] = struck
        if "slow" in struck:
            await asyncio.sleep(self._state.settings.slow_seconds)
        response = gateway_fault(struck)
        if response is not None:
            return response
        if "rate" in struck:
            reply = vendor.rate_reply or TOO_MANY_REQUESTS
        elif "busy" in struck:
            reply = rng.choice(vendor.busy_replies)
        else:
            reply = await run_in_threadpool(self._reply, call)
        return send(reply, call.headers.get("accept-encoding", ""), struck)

    def _reply(self, call: Call) -> Reply:
        try:
            return self._vendor.handle(call)
        except TooFast:
            return self._vendor.rate_reply or TOO_MANY_REQUESTS
