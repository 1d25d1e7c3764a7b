"""Faults in rows: changes of a record's text."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from airflow_betproviders.simulator.contract.call import WireRecord
from airflow_betproviders.simulator.faults.kinds import ODD
from airflow_betproviders.simulator.faults.odd_values import odd_value
from airflow_betproviders.simulator.faults.records import (
    Members,
    members_of,
    position,
    record_text,
    replaced,
    with_values,
)
from airflow_betproviders.simulator.faults.switches import Faults

DRIFTED = 0.4
"""Share of a page's rows whose types drift or that have unknown fields."""
ODD_SHARE = 0.05


@dataclass(frozen=True)
class Fields:
    """Name the fields of a vendor's rows that faults change, each by a regular expression."""

    amount: str
    key: str


@dataclass
class ChangedRows:
    """The rows of a page after the faults, and what the call log says of them."""

    texts: list[str]
    kinds: list[str] = field(default_factory=list)
    bad_rows: list[str] = field(default_factory=list)
    odd_values: list[dict[str, str]] = field(default_factory=list)


class RowFaults:
    """Apply the faults that are switched on to the rows of one vendor."""

    def __init__(self, faults: Faults, fields: Fields) -> None:
        self._faults = faults
        self._fields = fields

    def inject(
        self,
        rows: Sequence[WireRecord],
        texts: list[str],
        columns: Sequence[str] | None,
        kinds: Sequence[str],
        rng: random.Random,
    ) -> ChangedRows:
        """Change the texts of a page's rows by faults, and return them.

        Args:
            rows: the rows of the page.
            texts: their texts, which are changed in place.
            columns: the columns of a CSV page; None for JSON.
            kinds: the faults that are drawn for the page; those that do not concern rows are ignored.
            rng: chooses rows and values.
        """
        changed = ChangedRows(texts)
        if "bad_row" in kinds:
            at = rng.randrange(len(rows))
            texts[at] = record_text(self._bad(members_of(texts[at], columns), columns, rng), columns)
            changed.bad_rows.append(rows[at].key)
            changed.kinds.append("bad_row")
        for kind in ("type_drift", "unknown_field", "duplicate_key"):
            if kind in kinds and columns is None:
                changed.texts = [
                    self._drifted(kind, text, rng) if rng.random() < DRIFTED else text for text in changed.texts
                ]
                changed.kinds.append(kind)
        for kind in ODD:
            if kind in kinds:
                self._put_odd(kind, rows, columns, changed)
        if "duplicate" in kinds:
            faulty = {*changed.bad_rows, *(odd["key"] for odd in changed.odd_values)}
            good = [text for row, text in zip(rows, changed.texts, strict=True) if row.key not in faulty]
            changed.texts = [*changed.texts, rng.choice(good or changed.texts)]
            changed.kinds.append("duplicate")
        return changed

    def renamed(self, row: WireRecord, columns: Sequence[str] | None, suffix: str) -> str:
        """Return a row's text with a suffix to its key, so that it counts as another row."""
        members = members_of(row.text, columns)
        at = position(members, self._fields.key)
        if at is None:
            return row.text
        value = members[at][1]
        digits = "".join(filter(str.isdigit, suffix)).zfill(9)
        renamed = f'{value[:-1]}-{suffix}"' if value.startswith('"') else f"{value[:9]}{digits[-9:]}"
        return record_text(replaced(members, at, renamed), columns)

    def _put_odd(
        self, kind: str, rows: Sequence[WireRecord], columns: Sequence[str] | None, changed: ChangedRows
    ) -> None:
        """Put odd values into rows. The seed and a row's key decide, so a second read brings the same values."""
        switch = self._faults.switch(kind)
        share = ODD_SHARE if switch.rows is None else switch.rows
        for at, row in enumerate(rows):
            rng = random.Random(f"{self._faults.seed}/{kind}/{row.key}")
            if rng.random() >= share:
                continue
            members = members_of(changed.texts[at], columns)
            odd = (
                {name: _raw(value, columns) for name, value in switch.values.items()}
                if kind == "odd_patch"
                else _odd(kind, members, switch.field, rng, csv=columns is not None)
            )
            if not odd:
                continue
            changed.texts[at] = record_text(with_values(members, odd), columns)
            changed.odd_values += [
                {"key": row.key, "field": name, "kind": kind, "value": (value or "")[:200]}
                for name, value in odd.items()
            ]
        if any(odd_value["kind"] == kind for odd_value in changed.odd_values):
            changed.kinds.append(kind)

    def _drifted(self, kind: str, text: str, rng: random.Random) -> str:
        members = members_of(text)
        at = position(members, self._fields.amount)
        if kind == "unknown_field":
            value = rng.choice(("1.50", "[1,{}]", '"é😀"', "null"))
            return record_text([*members, (f"newField{rng.randrange(3)}", value)])
        if at is None:
            return text
        if kind == "duplicate_key":
            return record_text([*members, members[at]])
        return record_text(replaced(members, at, _other_type(members[at][1], rng)))

    def _bad(self, members: Members, columns: Sequence[str] | None, rng: random.Random) -> Members:
        key, amount = position(members, self._fields.key), position(members, self._fields.amount)
        if key is not None and (amount is None or rng.random() < 0.5):
            return [*members[:key], *members[key + 1 :]] if columns is None else replaced(members, key, "")
        if amount is None:
            return members
        return replaced(members, amount, '"not a number"' if columns is None else "not a number")


def _odd(kind: str, members: Members, wanted: str | None, rng: random.Random, *, csv: bool) -> dict[str, str | None]:
    """Return an odd value for the first field that can have one; ``None`` leaves the member out."""
    fields = [member for member in members if wanted in {None, member[0]}]
    rng.shuffle(fields)
    for name, old in fields:
        if kind == "odd_absent":
            return {} if csv else {name: None}
        if (new := odd_value(kind, old, rng, csv=csv)) is not None:
            return {name: new}
    return {}


def _raw(value: Any, columns: Sequence[str] | None) -> str:
    return json.dumps(value, ensure_ascii=False) if columns is None else str(value)


def _other_type(value: str, rng: random.Random) -> str:
    """Return a number as text, a text as number, or an int with a decimal point: the same value in another type."""
    if value == "null":
        return value
    if value.startswith('"'):
        return value[1:-1]
    if "." not in value and rng.random() < 0.5:
        return f"{value}.0"
    return f'"{value}"'
