"""Answers on the wire, and the faults that strike there."""

from __future__ import annotations

import gzip
from collections.abc import Sequence
from typing import TYPE_CHECKING

from starlette.responses import Response

from airflow_betproviders.simulator.call import Reply

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

HTML = "<!DOCTYPE html>\n<html><head><title>502 Bad Gateway</title></head><body>Bad Gateway &middot; 网关错误</body></html>"
WORTH_PACKING = 500
TOO_MANY_REQUESTS: Reply = (429, {"content-type": "text/plain", "retry-after": "1"}, "Too Many Requests")
"""For calls that come too fast where the vendor documents no answer of its own."""


class Torn(Response):
    """An answer whose connection closes before the announced length has been sent."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002
        """Send half, then return: the server closes the connection."""
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        body = bytes(self.body)
        await send({"type": "http.response.body", "body": body[: len(body) // 2], "more_body": True})


def gateway_fault(struck: Sequence[str]) -> Response | None:
    """Return the answer of a server or proxy that never asked the vendor, if such a fault struck."""
    if "http_500" in struck:
        return Response("Internal Server Error", 500, media_type="text/plain")
    if "http_502_html" in struck:
        return Response(HTML, 502, media_type="text/html")
    if "html_200" in struck:
        return Response(HTML, 200, media_type="text/html")
    if "http_429" in struck:
        status, headers, body = TOO_MANY_REQUESTS
        return Response(body, status, dict(headers))
    return None


def send(reply: Reply, accepted: str, struck: Sequence[str]) -> Response:
    """Make the response: packed if the client accepts gzip, cut or torn if such a fault struck."""
    status, given, content = reply
    if "cut_json" in struck:
        content = content[: len(content) // 2]
    body = content.encode() if isinstance(content, str) else content
    headers = {**given, "vary": "accept-encoding"}
    if "gzip" in accepted and len(body) > WORTH_PACKING:
        body = gzip.compress(body, 1)
        headers["content-encoding"] = "gzip"
    kind = Torn if "reset" in struck else Response
    return kind(body, status, headers)
