"""Faults in lists: which rows a page gives, what it says of them, and what becomes of a row's text."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field

from airflow_betproviders.simulator.call import Given, Record
from airflow_betproviders.simulator.faults import Faults
from airflow_betproviders.simulator.kinds import LIST, ROW
from airflow_betproviders.simulator.records import Members, members_of, position, replaced, text_of

SHARE = 0.4
"""Of a page's rows that a fault of rows changes."""


@dataclass
class Spoilt:
    """A page, and what the call log says of it."""

    given: Given
    struck: list[str] = field(default_factory=list)
    bad_rows: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Fields:
    """The names of a vendor's fields that faults of rows change, as patterns."""

    amount: str
    key: str


class PageFaults:
    """Works the faults that are switched on into pages."""

    def __init__(self, faults: Faults, provider: str, fields: Fields) -> None:
        self._faults = faults
        self._provider = provider
        self._fields = fields

    def spoil(self, rows: Sequence[Record], columns: Sequence[str] | None, given: Given) -> Spoilt:
        """Return the page's rows, with the faults of lists and rows that strike it."""
        kinds, rng = self._faults.draw(self._provider, (*LIST, *ROW))
        spoilt = Spoilt(given)
        first = given.offset
        if "drift" in kinds and first:
            shift = rng.randrange(1, 4) * rng.choice((-1, 1))
            given.offset, given.total = max(first + shift, 0), max(len(rows) - shift, 0)
            spoilt.struck.append("drift")
        if "repeated_page" in kinds and first:
            given.offset = max(first - given.size, 0)
            spoilt.struck.append("repeated_page")
        if "total_lie" in kinds:
            given.total = (given.total or 0) + rng.randrange(1, 5)
            spoilt.struck.append("total_lie")
        chosen = rows[given.offset : given.offset + given.size]
        given.offset = first
        given.texts = [row.text for row in chosen]
        if chosen:
            self._spoil_rows(chosen, columns, kinds, rng, spoilt)
        for kind in kinds:
            if kind not in spoilt.struck:
                self._faults.undo(kind)
        return spoilt

    def _spoil_rows(
        self,
        rows: Sequence[Record],
        columns: Sequence[str] | None,
        kinds: Sequence[str],
        rng: random.Random,
        spoilt: Spoilt,
    ) -> None:
        texts = list(spoilt.given.texts)
        if "bad_row" in kinds:
            at = rng.randrange(len(rows))
            texts[at] = text_of(self._bad(members_of(texts[at], columns), columns, rng), columns)
            spoilt.bad_rows.append(rows[at].key)
            spoilt.struck.append("bad_row")
        for kind in ("type_drift", "unknown_field", "duplicate_key"):
            if kind in kinds and columns is None:
                texts = [self._drifted(kind, text, rng) if rng.random() < SHARE else text for text in texts]
                spoilt.struck.append(kind)
        if "duplicate" in kinds:
            good = [text for row, text in zip(rows, texts, strict=True) if row.key not in spoilt.bad_rows]
            texts.append(rng.choice(good or texts))
            spoilt.struck.append("duplicate")
        spoilt.given.texts = texts

    def _drifted(self, kind: str, text: str, rng: random.Random) -> str:
        members = members_of(text)
        at = position(members, self._fields.amount)
        if kind == "unknown_field":
            value = rng.choice(("1.50", "[1,{}]", '"é😀"', "null"))
            return text_of([*members, (f"newField{rng.randrange(3)}", value)])
        if at is None:
            return text
        if kind == "duplicate_key":
            return text_of([*members, members[at]])
        return text_of(replaced(members, at, _other_type(members[at][1], rng)))

    def _bad(self, members: Members, columns: Sequence[str] | None, rng: random.Random) -> Members:
        key, amount = position(members, self._fields.key), position(members, self._fields.amount)
        if key is not None and (amount is None or rng.random() < 0.5):
            return [*members[:key], *members[key + 1 :]] if columns is None else replaced(members, key, "")
        if amount is None:
            return members
        return replaced(members, amount, '"not a number"' if columns is None else "not a number")


def _other_type(value: str, rng: random.Random) -> str:
    """A number as text, a text as number, or an int with a decimal point: the same value in another type."""
    if value == "null":
        return value
    if value.startswith('"'):
        return value[1:-1]
    if "." not in value and rng.random() < 0.5:
        return f"{value}.0"
    return f'"{value}"'
