"""The HTTP side: one port, a path prefix a provider, and ``/_control``."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response
from starlette.routing import Route

from airflow_betproviders.simulator.control import Control
from airflow_betproviders.simulator.exchange import Call, Provider, Refusal
from airflow_betproviders.simulator.faults import TRANSPORT, render
from airflow_betproviders.simulator.pace import Pace
from airflow_betproviders.simulator.transport import gateway_fault, reply, too_many_requests

if TYPE_CHECKING:
    from starlette.requests import Request

    from airflow_betproviders.simulator.server import Simulator

SECRETS = ("sign", "hash", "x", "ts", "timestamp")


def make_app(simulator: Simulator) -> Starlette:
    """The ASGI application over a simulator's providers."""
    methods = ["GET", "POST"]
    # Starlette takes a callable object for an ASGI application, hence the bound methods.
    return Starlette(
        routes=[
            Route("/_control/{what}", Control(simulator).__call__, methods=methods),
            Route("/{provider:str}/{path:path}", _Counter(simulator).serve, methods=methods),
        ]
    )


class _Counter:
    """Where calls of the vendors' APIs arrive, are logged, answered and troubled."""

    def __init__(self, simulator: Simulator) -> None:
        self._simulator = simulator
        self._pace = Pace(simulator.settings.min_interval, simulator.settings.interval_tolerance)

    async def serve(self, request: Request) -> Response:
        provider = self._simulator.providers.get(request.path_params["provider"])
        if provider is None:
            return Response("Not Found", 404, media_type="text/plain")
        call = Call(
            request.method,
            request.path_params["path"],
            dict(request.query_params),
            request.headers.get("content-type", ""),
            await request.body(),
        )
        entry: dict[str, Any] = {
            "at": time.time(),
            "provider": provider.name,
            "method": call.method,
            "path": call.path,
            "stream": None,
            "params": {},
            "status": None,
            "refused": None,
            "rows": None,
            "total": None,
            "faults": [],
            "bad_rows": [],
        }
        response = await self._respond(provider, call, request.headers.get("accept-encoding", ""), entry)
        entry["status"] = response.status_code
        entry["seconds"] = time.time() - entry["at"]
        self._simulator.journal.called(entry)
        return response

    async def _respond(self, provider: Provider, call: Call, accepted: str, entry: dict[str, Any]) -> Response:
        kinds = TRANSPORT if provider.busy_replies else tuple(kind for kind in TRANSPORT if kind != "busy")
        struck, rng = self._simulator.faults.draw(provider.name, kinds)
        entry["faults"] = struck
        if "slow" in struck:
            await asyncio.sleep(self._simulator.settings.slow_seconds)
        response = gateway_fault(struck, provider.rate_reply)
        if response is not None:
            return response
        if "rate" in struck and provider.rate_reply is not None:
            text = provider.rate_reply
        elif "busy" in struck:
            text = rng.choice(provider.busy_replies)
        else:
            text = await run_in_threadpool(self._content, provider, call, entry)
        if entry["refused"] == "rate" and provider.rate_reply is None:
            return too_many_requests()
        return reply(text, accepted, struck)

    def _content(self, provider: Provider, call: Call, entry: dict[str, Any]) -> str:
        try:
            inquiry = provider.open(call)
            entry["stream"] = inquiry.stream
            entry["params"] = {name: value for name, value in inquiry.params.items() if name not in SECRETS}
            self._pace.admit(provider.name)
            page = provider.answer(inquiry)
            if isinstance(page, str):
                return page
            made = render(page, provider, self._simulator.faults)
        except Refusal as refusal:
            self._breached(refusal, entry)
            entry["refused"] = refusal.rule
            if refusal.rule == "rate" and provider.rate_reply is not None:
                return provider.rate_reply
            return provider.refuse(refusal)
        for lapse in page.forgiven:
            self._breached(lapse, entry)
        entry["rows"], entry["total"], entry["bad_rows"] = made.rows, made.total, made.bad_rows
        entry["faults"] = [*entry["faults"], *made.struck]
        return made.text

    def _breached(self, refusal: Refusal, entry: dict[str, Any]) -> None:
        about = {name: entry[name] for name in ("at", "provider", "path", "stream", "params")}
        self._simulator.journal.breached({**about, "rule": refusal.rule, "text": refusal.text})
