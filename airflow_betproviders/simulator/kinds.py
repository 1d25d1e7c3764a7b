"""Every kind of fault, by where it strikes, with what it does."""

from __future__ import annotations

from collections.abc import Mapping

WIRE: Mapping[str, str] = {
    "http_500": "HTTP 500 with a text",
    "http_502_html": "HTTP 502 with a gateway's HTML page",
    "html_200": "HTTP 200 with an HTML page",
    "reset": "the connection closes in the middle of the answer",
    "cut_json": "half of the body, with a matching length",
    "slow": "the answer waits for `slow_seconds`",
    "rate": "the vendor's own answer to calls that come too fast, else HTTP 429",
    "http_429": "HTTP 429 with Retry-After in seconds",
    "busy": "the vendor's own `try later`",
}
"""Kinds that replace or spoil an answer on its way."""

LIST: Mapping[str, str] = {
    "drift": "after its first page, a list has other rows in front",
    "duplicate": "one row twice in a page",
    "repeated_page": "the previous page again",
    "total_lie": "a total that is a few too high",
}
"""Kinds that change which rows a page gives, or what it says of them."""

ROW: Mapping[str, str] = {
    "type_drift": "the same amount in another type",
    "unknown_field": "a member that the document doesn't know",
    "duplicate_key": "the amount's member twice",
    "bad_row": "one row loses its key, or its amount is no number; its key is in the call log's `bad_rows`",
}
"""Kinds that change a row's text."""

KINDS: Mapping[str, str] = {**WIRE, **LIST, **ROW}
COMMON = tuple(KINDS)
"""What a client must get over by itself, or put into quarantine."""
