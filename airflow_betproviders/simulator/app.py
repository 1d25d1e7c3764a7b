"""The HTTP side: one port, a path prefix a provider, and ``/_control`` for tests and demonstrations."""

from __future__ import annotations

import asyncio
import gzip
import json
import threading
import time
from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from airflow_betproviders.simulator.exchange import Call, Provider, Refusal
from airflow_betproviders.simulator.faults import TRANSPORT, render

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

    from airflow_betproviders.simulator.server import Simulator

SECRETS = ("sign", "hash", "x", "ts", "timestamp")
HTML = "<!DOCTYPE html>\n<html><head><title>502 Bad Gateway</title></head><body>Bad Gateway &middot; 网关错误</body></html>"


class Torn(Response):
    """An answer whose connection closes before the announced length has been sent."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        body = bytes(self.body)
        await send({"type": "http.response.body", "body": body[: len(body) // 2], "more_body": True})


class Pace:
    """The rate limits, by provider."""

    def __init__(self, intervals: Mapping[str, float], tolerance: float) -> None:
        self._intervals = intervals
        self._tolerance = tolerance
        self._last: dict[str, float] = {}
        self._lock = threading.Lock()

    def admits(self, provider: str) -> bool:
        """Whether a call may come now; only calls that may come count."""
        now = time.monotonic()
        with self._lock:
            wait = self._intervals.get(provider, 0.0) - self._tolerance
            if now - self._last.get(provider, float("-inf")) < wait:
                return False
            self._last[provider] = now
            return True


def make_app(simulator: Simulator) -> Starlette:
    """The ASGI application over a simulator's providers."""
    pace = Pace(simulator.settings.min_interval, simulator.settings.interval_tolerance)

    async def vendor(request: Request) -> Response:
        provider = simulator.providers[request.path_params["provider"]]
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
            "status": 200,
            "faults": [],
            "bad_rows": [],
            "rows": None,
            "total": None,
            "refused": None,
        }
        response = await _respond(request, provider, call, entry)
        entry["status"] = response.status_code
        entry["seconds"] = time.time() - entry["at"]
        simulator.journal.called(entry)
        return response

    async def _respond(request: Request, provider: Provider, call: Call, entry: dict[str, Any]) -> Response:
        struck, rng = simulator.faults.draw(provider.name, TRANSPORT)
        entry["faults"] = struck
        if "slow" in struck:
            await asyncio.sleep(simulator.settings.slow_seconds)
        if "http_500" in struck:
            return Response("Internal Server Error", 500, media_type="text/plain")
        if "http_502_html" in struck:
            return Response(HTML, 502, media_type="text/html")
        if "html_200" in struck:
            return Response(HTML, 200, media_type="text/html")
        if "http_429" in struck or ("rate" in struck and provider.rate_reply is None):
            return Response("Too Many Requests", 429, {"retry-after": "1"}, media_type="text/plain")
        if "rate" in struck:
            return _plain(request, provider.rate_reply or "")
        if "busy" in struck and provider.busy_replies:
            return _plain(request, rng.choice(provider.busy_replies))
        text = await run_in_threadpool(_content, provider, call, entry)
        if "cut_json" in struck:
            return _plain(request, text[: len(text) // 2])
        return _plain(request, text, torn="reset" in struck)

    def _content(provider: Provider, call: Call, entry: dict[str, Any]) -> str:
        def breach(rule: str, text: str) -> None:
            simulator.journal.breached(
                {"at": entry["at"], "provider": provider.name, "path": call.path, "rule": rule, "text": text}
            )

        try:
            answer = provider.answer(call, breach)
            entry["stream"] = answer.stream
            entry["params"] = {name: value for name, value in answer.params.items() if name not in SECRETS}
            if not pace.admits(provider.name):
                breach("rate", "called too often")
                entry["refused"] = "rate"
                return provider.rate_reply or provider.refuse(Refusal("rate", "500", "called too often"))
            if isinstance(answer.content, str):
                return answer.content
            made = render(answer.content, provider, simulator.faults)
        except Refusal as refusal:
            breach(refusal.rule, refusal.text)
            entry["refused"] = refusal.rule
            return provider.refuse(refusal)
        entry["rows"], entry["total"], entry["bad_rows"] = made.rows, made.total, made.bad_rows
        entry["faults"] = [*entry["faults"], *made.struck]
        return made.text

    async def control(request: Request) -> Response:
        return await _control(simulator, request)

    return Starlette(
        routes=[
            Route("/_control/{what}", control, methods=["GET", "POST"]),
            Route("/{provider:str}/{path:path}", _known(simulator, vendor), methods=["GET", "POST"]),
        ]
    )


def _known(simulator: Simulator, vendor: Any) -> Any:
    async def endpoint(request: Request) -> Response:
        if request.path_params["provider"] not in simulator.providers:
            return Response("Not Found", 404, media_type="text/plain")
        response: Response = await vendor(request)
        return response

    return endpoint


def _plain(request: Request, text: str, *, torn: bool = False) -> Response:
    body = text.encode()
    headers = {"vary": "accept-encoding"}
    if "gzip" in request.headers.get("accept-encoding", "") and len(body) > 500:
        body = gzip.compress(body, 1)
        headers["content-encoding"] = "gzip"
    kind = Torn if torn else Response
    return kind(body, 200, headers, media_type="application/json")


async def _control(simulator: Simulator, request: Request) -> Response:
    what = request.path_params["what"]
    try:
        if request.method == "GET":
            return await run_in_threadpool(_look, simulator, what, dict(request.query_params))
        return _act(simulator, what, await request.body())
    except (KeyError, ValueError, TypeError) as error:
        return JSONResponse({"error": f"{type(error).__name__}: {error}"}, 400)


def _look(simulator: Simulator, what: str, query: Mapping[str, str]) -> Response:
    if what == "truth":
        texts = simulator.truth_texts(
            query["provider"],
            query["stream"],
            datetime.fromisoformat(query["start"]),
            datetime.fromisoformat(query["end"]),
            json.loads(query.get("filters", "{}")),
            datetime.fromisoformat(query["as_of"]) if "as_of" in query else None,
        )
        return Response(f"[{','.join(texts)}]", media_type="application/json")
    shown = {
        "log": lambda: list(simulator.calls),
        "breaches": lambda: list(simulator.breaches),
        "now": lambda: {"now": simulator.now.isoformat()},
        "connections": lambda: simulator.credentials,
    }
    return JSONResponse(shown[what]())


def _act(simulator: Simulator, what: str, body: bytes) -> Response:
    wanted = json.loads(body or b"{}")
    if what == "faults":
        simulator.faults.replace(wanted)
    elif what == "now":
        simulator.set_now(datetime.fromisoformat(wanted["now"]) if wanted.get("now") else None)
    elif what == "reset_log":
        simulator.journal.reset()
    else:
        raise KeyError(what)
    return JSONResponse({"done": what, "now": simulator.now.isoformat()})
