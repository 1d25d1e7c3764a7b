"""Build the page's responses. Each has security headers; an error is one sentence."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response

if TYPE_CHECKING:
    from fastapi import FastAPI, Request

SAFE_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
    ),
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}


class JsonResponse(Response):
    """A JSON response for one user, which no cache may keep.

    Args:
        content: what `json.dumps` takes, or text that is JSON already.
        status_code: HTTP status.
        headers: further headers.
    """

    media_type = "application/json"

    def __init__(self, content: Any, status_code: int = 200, headers: dict[str, str] | None = None) -> None:
        """Encode the content without spaces."""
        text = content if isinstance(content, str) else json.dumps(content, separators=(",", ":"))
        super().__init__(text, status_code, {**SAFE_HEADERS, "Cache-Control": "no-store", **(headers or {})})


def add_error_handlers(app: FastAPI) -> None:
    """Answer every refused request with one sentence under ``detail``, without the values that the client sent."""
    from starlette.exceptions import HTTPException

    app.add_exception_handler(HTTPException, _refused)
    app.add_exception_handler(RequestValidationError, _invalid)


async def _refused(_request: Request, problem: Any) -> Response:
    return JsonResponse({"detail": problem.detail}, problem.status_code, dict(problem.headers or {}))


async def _invalid(_request: Request, problem: Any) -> Response:
    problems = (f"{each['loc'][-1]}: {each['msg'][:1].lower()}{each['msg'][1:]}" for each in problem.errors())
    return JsonResponse({"detail": f"{'; '.join(problems)}."}, 422)
