"""``/_control``: truth, call log, faults and clock over HTTP, for callers outside of this process."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse, Response

if TYPE_CHECKING:
    from starlette.requests import Request

    from airflow_betproviders.simulator.server import Simulator


class Control:
    """The control endpoints of a simulator.

    ``GET truth`` (provider, stream, start, end, and optionally filters as JSON and as_of), ``GET log``,
    ``GET breaches``, ``GET now``, ``GET connections``; ``POST faults`` (kind to probability, or to an object with
    probability, provider and times; replaces what was on), ``POST now`` (``{"now": ISO or null}``),
    ``POST reset_log``.
    """

    def __init__(self, simulator: Simulator) -> None:
        self._simulator = simulator

    async def __call__(self, request: Request) -> Response:
        """Answer a control request; HTTP 400 says what was wrong with it."""
        what = request.path_params["what"]
        try:
            if request.method == "GET":
                return await run_in_threadpool(self._look, what, dict(request.query_params))
            return self._act(what, json.loads(await request.body() or b"{}"))
        except (KeyError, ValueError, TypeError) as error:
            return JSONResponse({"error": f"{type(error).__name__}: {error}"}, 400)

    def _look(self, what: str, query: Mapping[str, str]) -> Response:
        if what == "truth":
            texts = self._simulator.truth_texts(
                query["provider"],
                query["stream"],
                moment(query["start"]),
                moment(query["end"]),
                json.loads(query.get("filters", "{}")),
                moment(query["as_of"]) if "as_of" in query else None,
            )
            return Response(f"[{','.join(texts)}]", media_type="application/json")
        shown: dict[str, Any] = {
            "log": list(self._simulator.calls),
            "breaches": list(self._simulator.breaches),
            "now": {"now": self._simulator.now.isoformat()},
            "connections": self._simulator.credentials,
        }
        return JSONResponse(shown[what])

    def _act(self, what: str, wanted: Mapping[str, Any]) -> Response:
        if what == "faults":
            self._simulator.faults.replace(wanted)
        elif what == "now":
            self._simulator.set_now(moment(wanted["now"]) if wanted["now"] else None)
        elif what == "reset_log":
            self._simulator.journal.reset()
        else:
            raise KeyError(what)
        return JSONResponse({"done": what, "now": self._simulator.now.isoformat()})


def moment(text: str) -> datetime:
    """An ISO instant, with ``Z`` or an offset."""
    found = datetime.fromisoformat(text.replace("Z", "+00:00"))
    if found.tzinfo is None:
        raise ValueError(f"{text!r} needs a time zone")
    return found
