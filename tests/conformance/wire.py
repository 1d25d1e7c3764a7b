"""Holds a stored table against the records that the provider would have sent, member by member.

Written from the vendors' documents: how a member is written on the wire, not how the package reads it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

KEYS = {
    "pv": ("event_id",),
    "aig": ("id",),
    "jdb": ("gType", "historyId"),
    "gmag": ("brandId", "providerCode", "playerId", "roundId"),
    "gmag/game_transactions": ("providerCode", "transId"),
    "gmag/extra_transactions": ("providerCode", "transId"),
    "gmag/game_report": ("currency",),
    "pv/games": ("game_id",),
    "pv/stage_summary": ("date",),
    "pv/slots_game_stage_summary": ("game_id",),
    "pv/slots_user_stage_summary": ("user_id", "game_id"),
    "jdb/daily_by_player": ("uid",),
    "jdb/daily_by_game_type": ("gType",),
    "gmag/games": ("providerCode", "gameCode"),
    "pv/bonus_summary": (),
    "pv/games_user_stage_summary": (),
    "pv/games_game_stage_summary": (),
}
JDB_ZONE = timezone(timedelta(hours=-4))


def key_of(provider: str, stream: str, record: Mapping[str, Any]) -> tuple[str, ...]:
    """A record's identity, by the vendor's document."""
    names = KEYS.get(f"{provider}/{stream}", KEYS[provider])
    return tuple(str(record.get(name)) for name in names)


def on_the_wire(provider: str, value: Any) -> Any:  # noqa: PLR0911 - one for each type
    """A stored value as the vendor writes it; numbers and amounts as Decimal, so that 1, 1.0 and "1.00" are equal."""
    match value:
        case datetime() if provider == "pv":
            return Decimal(int(value.timestamp()))
        case datetime() if provider == "aig":
            return Decimal(round(value.timestamp() * 1000))
        case datetime() if provider == "jdb":
            return value.astimezone(JDB_ZONE).strftime("%d-%m-%Y %H:%M:%S")
        case datetime():
            return value.strftime("%Y-%m-%d %H:%M:%S.") + f"{value.microsecond // 1000:03d}"
        case bool() | None | str():
            return value
        case int() | Decimal():
            return Decimal(value)
        case list() if value and isinstance(value[0], tuple):
            return {name: on_the_wire(provider, amount) for name, amount in value}
        case list():
            return [on_the_wire(provider, item) for item in value]
        case dict():
            return {name: on_the_wire(provider, item) for name, item in value.items() if item is not None}
    raise AssertionError(value)


def same(sent: Any, stored: Any) -> bool:  # noqa: PLR0911 - one for each pair of types
    """Whether what was sent and what is stored (as on the wire) are equal to the last digit."""
    if isinstance(sent, bool) or isinstance(stored, bool):
        return sent is stored
    if isinstance(stored, Decimal) and isinstance(sent, str | int | Decimal):
        return Decimal(sent) == stored
    if isinstance(sent, Mapping) and isinstance(stored, Mapping):
        return sent.keys() == stored.keys() and all(same(sent[name], stored[name]) for name in sent)
    if isinstance(sent, Mapping) and not sent:
        return stored in ([], {}, None)
    if isinstance(sent, list) and isinstance(stored, list):
        return len(sent) == len(stored) and all(map(same, sent, stored))
    if isinstance(sent, str) and isinstance(stored, str) and sent != stored:
        return _with_milliseconds(sent) == stored
    if isinstance(sent, int) and isinstance(stored, str):
        return str(sent) == stored
    return bool(sent == stored)


def _with_milliseconds(text: str) -> str:
    return f"{text}.000" if len(text) == len("2021-06-10 10:01:02") else text


def differences(
    provider: str, stream: str, truth: Iterable[Mapping[str, Any]], rows: list[dict[str, Any]]
) -> list[str]:
    """What is missing, doubled, too much, or off by a digit; empty when the rows are the truth."""
    found: list[str] = []
    stored: dict[tuple[str, ...], dict[str, Any]] = {}
    for row in rows:
        key = key_of(provider, stream, row)
        if key in stored:
            found.append(f"doubled {key}")
        stored[key] = row
    for sent in truth:
        key = key_of(provider, stream, sent)
        row = stored.pop(key, None)
        if row is None:
            found.append(f"missing {key}")
            continue
        extra = json.loads(row.get("_extra") or "{}", parse_float=Decimal)
        for name, value in sent.items():
            if value is None:
                continue
            held = on_the_wire(provider, row.get(name))
            if not same(value, held) and extra.get(name) != value:
                found.append(f"{key}: {name} was {value!r}, is {held!r}")
    found += [f"never sent {key}" for key in stored]
    return found
