"""Answers on the wire, and the faults that strike there."""

from __future__ import annotations

import gzip
from typing import TYPE_CHECKING

from starlette.responses import Response

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

HTML = "<!DOCTYPE html>\n<html><head><title>502 Bad Gateway</title></head><body>Bad Gateway &middot; 网关错误</body></html>"
WORTH_PACKING = 500


class Torn(Response):
    """An answer whose connection closes before the announced length has been sent."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002
        """Send half, then return: the server closes the connection."""
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        body = bytes(self.body)
        await send({"type": "http.response.body", "body": body[: len(body) // 2], "more_body": True})


def gateway_fault(struck: list[str], rate_reply: str | None) -> Response | None:
    """The answer of a server or proxy that never asked the provider, if such a fault struck."""
    if "http_500" in struck:
        return Response("Internal Server Error", 500, media_type="text/plain")
    if "http_502_html" in struck:
        return Response(HTML, 502, media_type="text/html")
    if "html_200" in struck:
        return Response(HTML, 200, media_type="text/html")
    if "http_429" in struck or ("rate" in struck and rate_reply is None):
        return too_many_requests()
    return None


def too_many_requests() -> Response:
    """HTTP 429, for calls that come too fast where the provider documents no reply of its own."""
    return Response("Too Many Requests", 429, {"retry-after": "1"}, media_type="text/plain")


def reply(text: str, accepted: str, struck: list[str]) -> Response:
    """A JSON answer, packed if the client accepts gzip, cut or torn if such a fault struck."""
    if "cut_json" in struck:
        text = text[: len(text) // 2]
    body = text.encode()
    headers = {"vary": "accept-encoding"}
    if "gzip" in accepted and len(body) > WORTH_PACKING:
        body = gzip.compress(body, 1)
        headers["content-encoding"] = "gzip"
    kind = Torn if "reset" in struck else Response
    return kind(body, 200, headers, media_type="application/json")
