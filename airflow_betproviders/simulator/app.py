"""Serve all vendors over HTTP: one port, a path prefix for each vendor, and ``/_control``."""

from __future__ import annotations

import asyncio
import random
import time
import traceback
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response
from starlette.routing import Route

from airflow_betproviders.simulator.contract.call import Call, Reply, VendorPage, WireRecord
from airflow_betproviders.simulator.contract.vendor import Vendor
from airflow_betproviders.simulator.control import Control
from airflow_betproviders.simulator.faults.kinds import WIRE
from airflow_betproviders.simulator.faults.lists import ListFaults, TooMuch
from airflow_betproviders.simulator.faults.rows import Fields
from airflow_betproviders.simulator.state import SimulatorState
from airflow_betproviders.simulator.wire.rate_limit import RateLimit, TooFast
from airflow_betproviders.simulator.wire.transport import TIMED_OUT, TOO_MANY_REQUESTS, gateway_fault, http_date, send

if TYPE_CHECKING:
    from starlette.requests import Request

EMPTY = ("empty_list", "empty_object", "empty_null", "empty_absent")


def make_app(state: SimulatorState) -> Starlette:
    """Make the ASGI application over all vendors."""
    methods = ["GET", "POST"]
    endpoints = {name: _Endpoint(state, vendor) for name, vendor in state.providers.items()}
    # Starlette takes a callable object for an ASGI application, hence the bound methods.
    return Starlette(
        routes=[
            Route("/_control/{what}", Control(state).__call__, methods=methods),
            *(Route(f"/{name}/{{path:path}}", endpoint.serve, methods=methods) for name, endpoint in endpoints.items()),
        ]
    )


class _LoggingReporter:
    """Write a vendor's reports of one call to the call log, and put faults into its pages."""

    def __init__(self, state: SimulatorState, limit: RateLimit, pages: ListFaults, entry: dict[str, Any]) -> None:
        self._state = state
        self._limit = limit
        self._pages = pages
        self._entry = entry

    def read(self, stream: str, params: Mapping[str, Any]) -> None:
        self._entry["stream"] = stream
        self._entry["params"] = dict(params)
        try:
            self._limit.admit()
        except TooFast as error:
            self.breach("rate", str(error), forgiven=False)
            raise

    def breach(self, rule: str, text: str, *, forgiven: bool) -> None:
        about = {name: self._entry[name] for name in ("at", "provider", "path", "stream", "params")}
        self._state.journal.breached({**about, "rule": rule, "text": text})
        if not forgiven:
            self._entry["refused"] = rule

    def page(self, rows: Sequence[WireRecord], columns: Sequence[str] | None, given: VendorPage) -> VendorPage:
        try:
            faulty = self._pages.inject(self._entry["stream"], rows, columns, given)
        except TooMuch:
            self._entry["faults"] = [*self._entry["faults"], "too_much"]
            raise
        if "too_slow" in faulty.kinds:
            time.sleep(self._state.faults.switch("too_slow").seconds or 10)
        self._entry["rows"], self._entry["total"] = len(faulty.given.texts), faulty.given.total
        self._entry["bad_rows"], self._entry["odd_values"] = faulty.bad_rows, faulty.odd_values
        self._entry["faults"] = [*self._entry["faults"], *faulty.kinds]
        return faulty.given


class _Endpoint:
    """The endpoint of one vendor: logs each call, answers it, and puts faults into the answer."""

    def __init__(self, state: SimulatorState, vendor: Vendor) -> None:
        self._state = state
        self._vendor = vendor
        self._limit = RateLimit(state.interval_of(vendor.name), state.settings.interval_tolerance)
        self._pages = ListFaults(state.faults, vendor.name, Fields(vendor.amount_field, vendor.key_field))

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
            "odd_values": [],
        }
        call = Call(
            method=request.method,
            path=path,
            query=dict(request.query_params),
            headers=dict(request.headers),
            body=await request.body(),
            url=f"{str(request.base_url).rstrip('/')}/{self._vendor.name}",
            report=_LoggingReporter(self._state, self._limit, self._pages, entry),
        )
        response = await self._respond(call, entry)
        behind = self._wait("date_behind", 3600.0) if "date_behind" in entry["faults"] else 0.0
        response.headers.setdefault("date", http_date(self._state.now - timedelta(seconds=behind)))
        entry["status"] = response.status_code
        entry["seconds"] = time.time() - entry["at"]
        self._state.journal.called(entry)
        return response

    async def _respond(self, call: Call, entry: dict[str, Any]) -> Response:
        faults = self._state.faults
        kinds = [kind for kind in WIRE if self._applies(kind)]
        drawn, rng = faults.draw(self._vendor.name, kinds)
        entry["faults"] = drawn
        replaced = gateway_fault(drawn, faults) or self._replaced(drawn, rng)
        if "slow" in drawn:
            await asyncio.sleep(self._wait("slow", self._state.settings.slow_seconds))
        reply = await run_in_threadpool(self._reply, call) if replaced is None else replaced
        for_stream = faults.for_one_stream(kinds)
        if for_stream and entry["stream"] is not None:
            late, rng = faults.draw(self._vendor.name, for_stream, entry["stream"])
            entry["faults"] = [*entry["faults"], *late]
            drawn = [*drawn, *late]
            reply = gateway_fault(late, faults) or self._replaced(late, rng) or reply
            if "slow" in late:
                await asyncio.sleep(self._wait("slow", self._state.settings.slow_seconds))
        if isinstance(reply, Response):
            return reply
        return send(reply, call.headers.get("accept-encoding", ""), drawn, self._wait("drip_body", 1.0))

    def _applies(self, kind: str) -> bool:
        """Return whether the vendor can answer with this fault. Some kinds need an answer of the vendor's own."""
        if kind == "busy":
            return bool(self._vendor.busy_replies)
        return kind.removeprefix("empty_") in self._vendor.empty_replies if kind in EMPTY else True

    def _replaced(self, drawn: Sequence[str], rng: random.Random) -> Reply | None:
        """Return the vendor's own answer instead of rows, if such a fault was drawn."""
        for kind in drawn:
            if kind == "rate":
                return self._vendor.rate_reply or TOO_MANY_REQUESTS
            if kind == "busy":
                return rng.choice(self._vendor.busy_replies)
            if kind in EMPTY:
                return self._vendor.empty_replies[kind.removeprefix("empty_")]
        return None

    def _wait(self, kind: str, default: float) -> float:
        seconds = self._state.faults.switch(kind).seconds
        return default if seconds is None else seconds

    def _reply(self, call: Call) -> Reply:
        try:
            return self._vendor.handle(call)
        except TooFast:
            return self._vendor.rate_reply or TOO_MANY_REQUESTS
        except TooMuch:
            return TIMED_OUT
        except Exception as error:  # noqa: BLE001 - a mistake of the vendor's module, which its author must see
            where = traceback.extract_tb(error.__traceback__)[-1]
            call.breach("simulator", f"{type(error).__name__}: {error} ({where.filename}:{where.lineno})")
            return 500, {"content-type": "text/plain"}, "Internal Server Error"
