"""Compare what is stored with what the vendor sent, member by member and to the last digit."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal, InvalidOperation
from functools import partial
from typing import Any

from airflow_betproviders.testing.expectations import Expectations


def differences(
    expectations: Expectations,
    key: tuple[str, ...],
    sent: Iterable[Mapping[str, Any]],
    rows: Iterable[Mapping[str, Any]],
) -> list[str]:
    """Return each record that is missing, stored twice, never sent, or stored with another value; empty if there is none.

    Args:
        expectations: how times are written.
        key: the columns that identify a record.
        sent: the records, as the vendor writes them.
        rows: the stored rows.
    """
    problems: list[str] = []
    stored: dict[tuple[str, ...], Mapping[str, Any]] = {}
    for row in rows:
        identity = tuple(str(row.get(name)) for name in key)
        if identity in stored:
            problems.append(f"stored twice: {identity}")
        stored[identity] = row
    example = next(iter(stored.values()), {})
    for record in sent:
        identity = tuple(str(_stored_key(expectations, name, record, example)) for name in key)
        match = stored.pop(identity, None)
        if match is None:
            problems.append(f"missing: {identity}")
            continue
        problems += _differences_of_record(expectations, identity, record, match)
    return problems + [f"never sent: {identity}" for identity in stored]


def _differences_of_record(
    expectations: Expectations, identity: tuple[str, ...], record: Mapping[str, Any], row: Mapping[str, Any]
) -> Iterable[str]:
    extra = _exact(row.get("_extra") or "{}")
    for name, value in record.items():
        if value is None or value == "":
            continue
        if not same(expectations, name, value, row.get(name)) and extra.get(name) != value:
            yield f"{identity}: {name} was sent as {value!r} and is stored as {row.get(name)!r}"


def same(expectations: Expectations, name: str, sent: Any, stored: Any) -> bool:  # noqa: PLR0911 - one for each pair of types
    """Return whether a value of the wire and a stored one are equal, whatever the wire's type is."""
    if type(sent) is type(stored) and not isinstance(sent, list | dict) and sent == stored:  # most values
        return True
    if isinstance(stored, datetime):
        return expectations.time(name, sent) == stored
    if isinstance(sent, bool) or isinstance(stored, bool):
        return sent is stored
    if isinstance(stored, int | Decimal | float) and isinstance(sent, str | int | Decimal | float):
        try:
            return Decimal(str(sent)) == Decimal(str(stored))
        except InvalidOperation:
            return False
    if isinstance(sent, Mapping):
        return _same_object(expectations, sent, stored)
    if isinstance(sent, list) and isinstance(stored, list):
        return len(sent) == len(stored) and all(
            same(expectations, name, item, stored_item) for item, stored_item in zip(sent, stored, strict=True)
        )
    if isinstance(sent, int) and isinstance(stored, str):
        return str(sent) == stored
    return bool(sent == stored)


def _same_object(expectations: Expectations, sent: Mapping[str, Any], stored: Any) -> bool:
    if isinstance(stored, str):
        return bool(_exact(stored) == sent)
    stored = dict(stored or {})  # a map is a list of pairs
    there = {name: value for name, value in stored.items() if value is not None}
    return there.keys() == sent.keys() and all(same(expectations, name, sent[name], there[name]) for name in sent)


def _stored_key(expectations: Expectations, name: str, record: Mapping[str, Any], example: Mapping[str, Any]) -> Any:
    """Return the key as it is stored, such as in the example: a time column of a key is compared as a time."""
    value = record.get(name)
    return expectations.time(name, value) if isinstance(example.get(name), datetime) and value is not None else value


def _exact(text: str) -> Any:
    """Read JSON with exact numbers; one that no Python number holds, such as ``1e99999999999999999999``, as its text."""
    return json.loads(text, parse_float=partial(_number, Decimal), parse_int=partial(_number, int))


def _number(kind: type[int | Decimal], text: str) -> Decimal | int | str:
    try:
        return kind(text)
    except (ValueError, ArithmeticError):
        return text
