"""Declare nested values: lists, objects with known members, objects with free names."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from airflow_betproviders.declare.fields.base import ArrowType, Field, Kind, OddValue, Rounded, quoted
from airflow_betproviders.declare.fields.json_text import Pairs
from airflow_betproviders.declare.fields.scalars import Decimal, Text

NAME, AMOUNT = "k", "v"  # members of a pair, as `DecimalMap` is read


@dataclass(frozen=True)
class ListOf(Kind):
    """A JSON array of one kind."""

    item: Kind

    @property
    def arrow(self) -> ArrowType:
        """Return a list type."""
        return ("list_", self.item)

    def coerce(self, value: Any, utc_offset: timedelta) -> str:
        """Coerce each item."""
        if not isinstance(value, list):
            raise OddValue(f"expected a list, got {quoted(value)}")
        cells = [self.item.cell(item, utc_offset) for item in value]
        return _nested_text("[", (("", cell or "null") for cell in cells), "]")


@dataclass(frozen=True)
class Record(Kind):
    """A JSON object with known members."""

    members: tuple[Field, ...]

    @property
    def arrow(self) -> ArrowType:
        """Return a struct type."""
        return ("struct", tuple((member.name, member.kind) for member in self.members))

    def coerce(self, value: Any, utc_offset: timedelta) -> str:
        """Coerce each member. An object with other members, or with a member twice, is an odd value."""
        known = {member.name: member.kind for member in self.members}
        if not isinstance(value, Pairs) or value.doubled or not value.keys() <= known.keys():
            raise OddValue(f"expected an object of {', '.join(known)}, got {quoted(value)}")
        cells = [(name, known[name].cell(item, utc_offset)) for name, item in value.items()]
        return _nested_text("{", ((f"{json.dumps(name)}:", cell) for name, cell in cells if cell is not None), "}")


@dataclass(frozen=True)
class DecimalMap(Kind):
    """A JSON object from free names to exact numbers."""

    value: Decimal

    @property
    def arrow(self) -> ArrowType:
        """Return a map type."""
        return ("map_", Text(), self.value)

    @property
    def wire(self) -> ArrowType:
        """Return the type of a list of pairs."""
        return ("list_", Record((Field(NAME, Text()), Field(AMOUNT, self.value))))

    def coerce(self, value: Any, utc_offset: timedelta) -> str:
        """Coerce to a list of pairs. A name without an amount is left out."""
        if not isinstance(value, Pairs) or value.doubled:
            raise OddValue(f"expected an object of amounts, got {quoted(value)}")
        pairs = [(Text().coerce(name, utc_offset), self.value.cell(item, utc_offset)) for name, item in value.items()]
        return _nested_text(
            "[", ((f'{{"{NAME}":{name},"{AMOUNT}":', cell) for name, cell in pairs if cell is not None), "]", "}"
        )


def _nested_text(first: str, parts: Iterable[tuple[str, str]], last: str, after: str = "") -> str:
    """Return the JSON text of a nested value; it is `Rounded` if a number in it was rounded."""
    cells = list(parts)
    text = first + ",".join([f"{before}{cell}{after}" for before, cell in cells]) + last
    return Rounded(text) if any(isinstance(cell, Rounded) for _, cell in cells) else text
