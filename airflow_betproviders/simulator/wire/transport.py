"""Send answers on the wire, with the faults that occur there."""

from __future__ import annotations

import gzip
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime
from typing import TYPE_CHECKING

from starlette.responses import Response

from airflow_betproviders.simulator.contract.call import Reply
from airflow_betproviders.simulator.faults.kinds import STATUSES
from airflow_betproviders.simulator.wire.trickle import Dripping, Endless, RawDrip, Silent, Torn, gzip_bomb

if TYPE_CHECKING:
    from airflow_betproviders.simulator.faults.switches import Faults

HTML = "<!DOCTYPE html>\n<html><head><title>502 Bad Gateway</title></head><body>Bad Gateway &middot; 网关错误</body></html>"
COMPRESS_FROM_BYTES = 500
TOO_MANY_REQUESTS: Reply = (429, {"content-type": "text/plain", "retry-after": "1"}, "Too Many Requests")
"""For calls that come too fast where the vendor documents no answer of its own."""
TIMED_OUT: Reply = (504, {"content-type": "text/html"}, HTML.replace("502 Bad Gateway", "504 Gateway Time-out"))
_LATER: Mapping[str, tuple[int, float]] = {
    "http_429": (429, 1),
    "http_429_date": (429, 8),
    "http_503": (503, 1),
    "http_503_date": (503, 8),
}


def gateway_fault(drawn: Sequence[str], faults: Faults) -> Response | None:  # noqa: C901, PLR0911, PLR0912 - one each
    """Return the answer of a server or proxy in front of the vendor, if such a fault was drawn."""
    for kind in drawn:
        switch = faults.switch(kind)
        seconds = 1.0 if switch.seconds is None else switch.seconds
        if kind in STATUSES:
            return Response(f"Status {STATUSES[kind]}", STATUSES[kind], media_type="text/plain")
        if kind in _LATER:
            return _later(kind, switch.seconds)
        match kind:
            case "http_500":
                return Response("Internal Server Error", 500, media_type="text/plain")
            case "http_502_html":
                return Response(HTML, 502, media_type="text/html")
            case "html_200":
                return Response(HTML, 200, media_type="text/html")
            case "http_302":
                return Response(None, 302, {"location": "/elsewhere"})
            case "bad_location":
                return Response(None, 302, {"location": "http://[::1"})
            case "empty_body":
                return Response(None, 200)
            case "silence":
                return Silent(seconds)
            case "drip_headers":
                return RawDrip(seconds, b"HTTP/1.1 200 OK\r\n", b"x")
            case "endless_continue":
                return RawDrip(seconds, b"", b"HTTP/1.1 100 Continue\r\n\r\n")
            case "endless_500":
                return Endless(seconds, status=500)
            case "gzip_bomb":
                return Response(gzip_bomb(), 200, {"content-encoding": "gzip"}, "application/json")
    return None


def http_date(at: datetime) -> str:
    """Return an instant as HTTP's headers have it."""
    return format_datetime(at.astimezone(timezone.utc), usegmt=True)


def _later(kind: str, seconds: float | None) -> Response:
    status, default = _LATER[kind]
    wait = default if seconds is None else seconds
    now = datetime.now(timezone.utc)
    retry = http_date(now + timedelta(seconds=wait)) if kind.endswith("_date") else f"{wait:g}"
    text = "Too Many Requests" if status == 429 else "Service Unavailable"
    return Response(text, status, {"retry-after": retry, "date": http_date(now)}, "text/plain")


def send(reply: Reply, accepted: str, drawn: Sequence[str], seconds: float) -> Response:
    """Make the response: compressed if the client accepts gzip; damaged by the faults that were drawn."""
    status, given, content = reply
    if "cut_json" in drawn:
        content = content[: len(content) // 2]
    body = content.encode() if isinstance(content, str) else content
    headers = {**given, "vary": "accept-encoding"}
    if "drip_body" in drawn:
        return Dripping(seconds, body, status, headers=headers)
    if "gzip" in accepted and len(body) > COMPRESS_FROM_BYTES:
        body = gzip.compress(body, 1)
        headers["content-encoding"] = "gzip"
    kind = Torn if "reset" in drawn else Response
    return kind(body, status, headers)
