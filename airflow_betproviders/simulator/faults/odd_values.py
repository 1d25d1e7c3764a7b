"""Odd values for a member of a record, by the type of its value."""

from __future__ import annotations

import random
import re
from collections.abc import Mapping

NESTED = '{"a":1,"b":[1.5]}'
DEEP = "[" * 700 + "]" * 700
LONG = "1" * 20_000 + "x"
ALWAYS: Mapping[str, str] = {
    "odd_null": "null",
    "odd_empty": '""',
    "odd_nested": NESTED,
    "odd_deep": DEEP,
    "odd_exponent": "1e99999999999999999999",
    "odd_long": f'"{LONG}"',
}
CELLS: Mapping[str, str] = {
    "odd_null": "null",
    "odd_empty": "",
    "odd_nested": NESTED,
    "odd_long": LONG,
    "odd_type": "x1",
}
"""Values that a cell of CSV can have."""

_NUMBER = re.compile(r"-?\d+(\.\d+)?")
_TIME = re.compile(r"(?P<first>\d+)-\d\d-(?P<last>\d+)[ T]\d\d:\d\d:\d\d.*")


def odd_value(kind: str, value: str, rng: random.Random, *, csv: bool) -> str | None:
    """Return a raw value of an odd kind in the place of ``value``.

    Returns:
        ``None`` where the kind has no such value, or where the member is to be left out.
    """
    quote = "" if csv or not value.startswith('"') else '"'
    content = value[1:-1] if quote else value
    if kind == "odd_range":
        odd = _beyond(content, rng, text=csv or bool(quote))
    elif kind == "odd_precise":
        odd = _precise(content)
    elif csv:
        return CELLS.get(kind)
    elif kind == "odd_type":
        return _other(value, rng)
    else:
        return ALWAYS.get(kind)
    return None if odd is None else f"{quote}{odd}{quote}"


def _beyond(content: str, rng: random.Random, *, text: bool) -> str | None:
    time = _TIME.fullmatch(content)
    if time is not None:
        years_first = len(time["first"]) == 4
        clock = content[10:]
        return (
            rng.choice(("0001-01-01", "9999-12-31")) if years_first else rng.choice(("01-01-0001", "31-12-9999"))
        ) + clock
    if _NUMBER.fullmatch(content) is None:
        return None
    if "." in content or text:
        return "1" + "0" * 40
    return rng.choice(("-62167219200000", "1000000000000000000", "9223372036854775808"))


def _precise(content: str) -> str | None:
    if _NUMBER.fullmatch(content) is None or "." not in content:
        return None
    digits = len(content.lstrip("-0.").replace(".", ""))
    return content + "0" * (16 - digits) + "4" if 0 < digits < 16 else None


def _other(value: str, rng: random.Random) -> str:
    if value.startswith('"'):
        return rng.choice(("7", "true", "1.5"))
    if value in {"true", "false"}:
        return rng.choice(('"maybe"', "2"))
    return rng.choice(('"x1"', "true", '"1,234.50"'))
