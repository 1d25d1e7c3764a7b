"""Cutting an answer into the texts of its rows, so that an odd row costs only itself and not its whole page."""

from __future__ import annotations

import json
import re

MARK = "rows were here"
_SPACE = re.compile(r"[ \t\n\r]*")


def cut(text: str, name: str) -> tuple[str, list[str]] | None:
    """The first list under a name, as the texts of its items, and the document with `MARK` as that list's only item.

    Whether it is the list that was meant shows by where the mark then stands. None where there is no such list.
    """
    found = re.search(rf"{re.escape(json.dumps(name))}\s*:\s*\[", text)
    if not found:
        return None
    scan, rows = json.JSONDecoder().raw_decode, []
    place = _skip(text, found.end())
    try:
        while text[place] != "]":
            _, end = scan(text, place)
            rows.append(text[place:end])
            place = _skip(text, end)
            if text[place] == ",":
                place = _skip(text, place + 1)
                if text[place] == "]":
                    return None
            elif text[place] != "]":
                return None
    except (ValueError, IndexError, RecursionError):
        return None
    return f"{text[: found.end()]}{json.dumps(MARK)}{text[place:]}", rows


def _skip(text: str, place: int) -> int:
    space = _SPACE.match(text, place)
    return space.end() if space else place
