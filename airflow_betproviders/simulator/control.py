"""``/_control``: truth, call log, faults and clock over HTTP, for callers outside of this process."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse, Response

from airflow_betproviders.simulator.state import SimulatorState

if TYPE_CHECKING:
    from starlette.requests import Request


class Control:
    """The control endpoints of a simulator.

    ``GET truth`` (provider, stream, start, end, and optionally filters as JSON and as_of), ``GET filters`` (provider,
    stream, start, end), ``GET log``, ``GET breaches``, ``GET now``, ``GET connections``; ``POST faults`` (kind to
    probability, or to an object with the arguments of ``Faults.set``; replaces what was on), ``POST now``
    (``{"now": ISO or null}``), ``POST reset_log``.
    """

    def __init__(self, state: SimulatorState) -> None:
        self._state = state

    async def __call__(self, request: Request) -> Response:
        """Answer a control request; HTTP 400 names the mistake."""
        what = request.path_params["what"]
        try:
            if request.method == "GET":
                return await run_in_threadpool(self._get, what, dict(request.query_params))
            return self._post(what, json.loads(await request.body() or b"{}"))
        except (KeyError, ValueError, TypeError) as error:
            return JSONResponse({"error": f"{type(error).__name__}: {error}"}, 400)

    def _get(self, what: str, query: Mapping[str, str]) -> Response:
        if what == "truth":
            texts = self._state.truth_texts(
                query["provider"],
                query["stream"],
                moment(query["start"]),
                moment(query["end"]),
                json.loads(query.get("filters", "{}")),
                moment(query["as_of"]) if "as_of" in query else None,
            )
            return Response(f"[{','.join(texts)}]", media_type="application/json")
        if what == "filters":
            asked = (query["provider"], query["stream"], moment(query["start"]), moment(query["end"]))
            return JSONResponse(self._state.filters(*asked))
        shown: dict[str, Any] = {
            "log": list(self._state.calls),
            "breaches": list(self._state.breaches),
            "now": {"now": self._state.now.isoformat()},
            "connections": self._state.credentials,
        }
        return JSONResponse(shown[what])

    def _post(self, what: str, wanted: Mapping[str, Any]) -> Response:
        if what == "faults":
            self._state.faults.replace(wanted)
        elif what == "now":
            self._state.set_now(moment(wanted["now"]) if wanted["now"] else None)
        elif what == "reset_log":
            self._state.journal.reset()
        else:
            raise KeyError(what)
        return JSONResponse({"done": what, "now": self._state.now.isoformat()})


def moment(text: str) -> datetime:
    """Return an ISO instant, with ``Z`` or an offset."""
    instant = datetime.fromisoformat(text.replace("Z", "+00:00"))
    if instant.tzinfo is None:
        raise ValueError(f"{text!r} needs a time zone")
    return instant
