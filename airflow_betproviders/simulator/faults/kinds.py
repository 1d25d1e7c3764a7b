"""Every kind of fault, by the part of an answer that it changes, with its effect."""

from __future__ import annotations

from collections.abc import Mapping

STATUSES: Mapping[str, int] = {
    f"http_{status}": status for status in (401, 403, 404, 405, 409, 410, 414, 422, 423, 425, 504)
}

WIRE: Mapping[str, str] = {
    "http_500": "HTTP 500 with a text",
    "http_502_html": "HTTP 502 with a gateway's HTML page",
    "html_200": "HTTP 200 with an HTML page",
    "reset": "the connection closes in the middle of the answer",
    "cut_json": "half of the body, with a matching length",
    "slow": "the answer waits for `seconds`, by default `slow_seconds` of the settings",
    "rate": "the vendor's own answer to calls that come too fast, else HTTP 429",
    "http_429": "HTTP 429 with Retry-After in `seconds` (1)",
    "busy": "the vendor's own `try later`",
    **dict.fromkeys(STATUSES, "the HTTP status of that number"),
    "http_302": "HTTP 302 to another path",
    "bad_location": "HTTP 302 with `Location: http://[::1`",
    "http_429_date": "HTTP 429 with Retry-After as a date `seconds` (8) ahead",
    "http_503": "HTTP 503 with Retry-After in `seconds` (1)",
    "http_503_date": "HTTP 503 with Retry-After as a date `seconds` (8) ahead",
    "empty_body": "HTTP 200 with no body",
    "empty_list": "a success without rows: `[]` where the rows or the data belong",
    "empty_object": "a success without rows: `{}` in that place",
    "empty_null": "a success without rows: `null` in that place",
    "empty_absent": "a success without rows: the member is left out",
    "silence": "no byte, until the caller closes",
    "drip_body": "one byte of the body every `seconds` (1)",
    "drip_headers": "one byte of the headers every `seconds` (1)",
    "endless_continue": "`100 Continue` every `seconds` (1)",
    "endless_500": "HTTP 500 with a body that never ends",
    "date_behind": "the `Date` header is `seconds` (3600) behind the vendor's clock",
    "gzip_bomb": "3 MB of gzip that inflate to 3 GB",
}
"""Kinds that replace or damage an answer on its way."""

LIST: Mapping[str, str] = {
    "drift": "after its first page, a list has other rows in front",
    "duplicate": "one row twice in a page",
    "repeated_page": "the previous page again",
    "total_lie": "a total that is a few too high",
    "total_high": "a total that is half as high again, and at least 10 more",
    "total_low": "half of the total",
    "total_alternating": "every second answer has one more in its total",
    "total_absent": "the total is left out, as in AIG's Roulette sample",
    "total_float": "the total with a decimal point, such as `3.0`",
    "endless_pages": "a total of 1,000,000,000,000, and every page full of rows with new keys",
    "lost_row": "a page lacks one of its rows; the total counts it",
    "stray_rows": "`rows` (1) more rows, which earlier answers gave for other windows; the total counts them",
    "vanish": "once a stream has returned rows, its later answers have none, and a total of 0",
    "vanished_page": "a page after the first has no rows, and a total of 0",
    "page_cap": "pages of `rows` (half of the requested size), and the answer states this page size",
    "silent_cap": "no more than `rows` (half of the requested size) in an answer, without any sign",
    "byte_cap": "no more rows than fit into `rows` (20,000) bytes, and at least one, without any sign",
    "too_much": "HTTP 504 for answers with more than `rows` (1000) rows",
    "too_slow": "answers with more than `rows` (1000) rows wait for `seconds` (10)",
}
"""Kinds that change which rows a page gives, or what it says of them."""

ROW: Mapping[str, str] = {
    "type_drift": "the same amount in another type",
    "unknown_field": "a member that the document doesn't know",
    "duplicate_key": "the amount's member twice",
    "bad_row": "one row loses its key, or its amount is no number; its key is in the call log's `bad_rows`",
}
"""Kinds that change rows of a page, drawn for each answer."""

ODD: Mapping[str, str] = {
    "odd_null": "`null`",
    "odd_absent": "the member is left out",
    "odd_empty": '`""`',
    "odd_type": "another type, or a text that is no number",
    "odd_nested": '`{"a":1,"b":[1.5]}`',
    "odd_range": "a number beyond 64 bits, a time before 1970 or after 9999",
    "odd_precise": "an amount with 17 digits, as a double is printed",
    "odd_long": "20,000 digits and an `x`",
    "odd_deep": "700 lists in each other",
    "odd_exponent": "`1e99999999999999999999`",
    "odd_patch": "the members of `values` instead of the row's own",
}
"""Kinds that put an odd value into ``field`` (any) of a share of ``rows`` (0.05). Which rows and fields follows from the
seed and the row's key, so every answer with this kind has the same ones; the call log has them as ``odd_values``."""

KINDS: Mapping[str, str] = {**WIRE, **LIST, **ROW, **ODD}
COMMON = (
    "http_500", "http_502_html", "html_200", "reset", "cut_json", "slow", "rate", "http_429", "busy",
    "drift", "duplicate", "repeated_page", "total_lie", "type_drift", "unknown_field", "duplicate_key", "bad_row",
)  # fmt: skip
"""Kinds that ``--fault-rate`` switches on: a client recovers by itself, or puts a row into quarantine."""
