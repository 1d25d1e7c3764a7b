"""The simulator's faults, by the outcomes that are allowed for a task."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

TRANSIENT = (
    "http_500", "http_502_html", "html_200", "reset", "cut_json", "slow", "rate", "http_429", "http_429_date", "busy",
    "http_403", "http_404", "http_409", "http_423", "http_425", "http_504", "http_503", "http_503_date",
    "http_302", "bad_location", "empty_body", "type_drift", "unknown_field", "duplicate_key", "duplicate",
    "drift", "repeated_page", "total_lie", "total_high", "total_low", "total_alternating", "lost_row", "vanished_page",
)  # fmt: skip
"""Faults of single calls. A task gets over them, or fails; a later attempt then succeeds."""
NEEDS_TOTALS = {
    "drift", "repeated_page", "total_lie", "total_high", "total_low", "total_alternating", "lost_row",
    "endless_pages", "total_absent", "vanished_page",
}  # fmt: skip
"""Faults that only a total shows, or that only streams with totals can have."""
SLOW = ("drip_body", "drip_headers", "silence", "endless_continue", "endless_500", "gzip_bomb")
"""Faults that would hold a worker, or fill its memory."""
HABITS: Mapping[str, Mapping[str, Any]] = {
    "silent_cap": {"rows": (50, 90, 200, 333)},
    "page_cap": {"rows": (50, 90, 200, 333)},
    "byte_cap": {"rows": (30_000, 64_000)},
    "too_much": {"rows": (50, 90, 200, 333)},
    "too_slow": {"rows": (90, 200, 333), "seconds": (2,)},
    "total_float": {},
    "total_absent": {},
}
"""What a server does with every answer, with the values of its options. Its tasks succeed all the same."""
NO_TOTALS = {"total_absent"}
PAGES_ONLY = {"page_cap", "total_float", "total_absent"}
TOO_MANY_ROWS = {"too_much", "too_slow"}

LASTING: Mapping[str, Mapping[str, Any]] = {
    "http_401": {}, "http_403": {}, "http_404": {}, "http_405": {}, "http_410": {}, "http_414": {}, "http_422": {},
    "http_504": {}, "http_302": {}, "bad_location": {}, "empty_body": {}, "html_200": {},
    "total_lie": {}, "total_high": {}, "total_low": {}, "total_alternating": {}, "lost_row": {}, "repeated_page": {},
    "drift": {}, "endless_pages": {}, "stray_rows": {"rows": 40},
}  # fmt: skip
"""Faults of every call of a task."""
MUST_FAIL = {*LASTING} - {"total_low", "total_alternating", "repeated_page", "drift"} | {*SLOW} - {"drip_body"}
"""Lasting faults with which no task may succeed. With the others it may, if what it stores is the truth."""
FINAL = {"http_401", "http_405", "http_410", "http_414", "http_422"}
"""Statuses that fail at once, without a second call."""

ODD_KINDS = (
    "odd_null", "odd_absent", "odd_empty", "odd_type", "odd_nested", "odd_range", "odd_precise", "odd_long", "odd_deep",
    "odd_exponent",
)  # fmt: skip
ODD_KEY_KINDS = {"odd_null", "odd_absent", "odd_deep"}
"""Odd values that make a key unreadable; others make it another key."""
