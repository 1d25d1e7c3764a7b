"""Odd values in every field, from the answer to the bets table: each is in its column, in ``_extra`` or in quarantine, exactly."""

from __future__ import annotations

import json
from collections import Counter
from datetime import datetime, timedelta, timezone
from decimal import Decimal as Exact
from importlib import import_module
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from airflow_betproviders.bets_table.mapping import InvalidRow, Origin, map_to_bets
from airflow_betproviders.bets_table.schema import MONEY, SCHEMA
from airflow_betproviders.declare.bet_mapping import BetMapping
from airflow_betproviders.declare.fields import Boolean, Decimal, Double, Epoch, Integer, Text
from airflow_betproviders.declare.stream import Stream
from airflow_betproviders.exceptions import ProviderUnavailable
from airflow_betproviders.extraction.decode.columns import EXTRACTED_AT, INSTANT
from airflow_betproviders.extraction.decode.decoder import Decoder, Page
from airflow_betproviders.registry import mapping_of
from tests.bets_table.records import READ, SLOT
from tests.examples import examples
from tests.extraction.pages import record
from tests.sample_answers import STREAMS, answer

EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
UNITS = {"s": 1, "ms": 1000, "us": 1_000_000}
LISTS = [stream for stream in STREAMS if stream.key]
PROVIDERS = ("pv", "aig", "jdb", "gmag")
MAPPINGS: dict[str, BetMapping] = {
    **{name: mapping_of(name) for name in PROVIDERS},
    **{name: import_module(f"airflow_provider_{name}.bets").MAPPING for name in ("nova", "rowan", "quill")},
}
MAIN = [stream for stream in LISTS if stream.name == MAPPINGS[stream.provider].streams[0]]
OFFSET = timedelta(hours=-4)
TOO_MUCH = Exact(10) ** 20


class Number(str):
    """A number as it is written."""

    __slots__ = ()


def parsed(text: str) -> Any:
    """JSON whose numbers keep their text, and whose objects keep doubled members: a tuple of pairs."""
    return json.loads(text, parse_float=Number, parse_int=Number, parse_constant=Number, object_pairs_hook=tuple)


def plain(value: Any) -> Any:
    """Return the same without the difference between a number and its text, and between orders of members."""
    if isinstance(value, tuple):
        return sorted(([name, plain(member)] for name, member in value), key=repr)
    return [plain(item) for item in value] if isinstance(value, list) else value


def decoded(stream: Stream, records: list[str]) -> Page | None:
    """Return the page of an answer, or None where it is refused."""
    try:
        return Decoder(stream, OFFSET)(answer(stream, f"[{','.join(records)}]"), lambda envelope: None)
    except ProviderUnavailable:
        return None


def draw_page(data: st.DataObject, stream: Stream) -> tuple[list[str], Page | None]:
    """Draw records with odd values; return them and their page, or None where it is refused."""
    records = data.draw(st.lists(record(stream, odd=True), min_size=1, max_size=4))
    return records, decoded(stream, records)


def holds(kind: Any, cell: Any, value: Any) -> bool:  # noqa: PLR0911 - one for each kind
    """Return whether a column has a value of the wire, exactly."""
    if value is None or (value == "" and not isinstance(value, Number)):
        return cell is None or (cell == "" and isinstance(kind, Text))
    match kind:
        case Text() if isinstance(value, str):
            return bool(cell == str(value))
        case Text():
            return bool(plain(parsed(cell)) == plain(value))
        case Boolean():
            return cell is not None and str(value).strip().lower() in {
                str(cell).lower(),
                str(int(cell)),
                f"{int(cell)}.0",
            }
        case Integer() | Decimal():
            return cell is not None and Exact(str(value).strip()) == cell
        case Double():
            return cell is not None and float(str(value)) == cell
        case Epoch(unit=unit):
            return cell is not None and (cell - EPOCH) / timedelta(seconds=1) == float(Exact(str(value)) / UNITS[unit])
    return cell is not None


@pytest.mark.parametrize("stream", LISTS, ids=lambda stream: f"{stream.provider}-{stream.name}")
@settings(max_examples=examples(10), deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_each_value_is_in_its_column_in_extra_or_in_quarantine(stream: Stream, data: st.DataObject) -> None:
    records, page = draw_page(data, stream)
    if page is None:
        return
    set_aside = Counter(json.dumps(plain(parsed(row.raw))) for row in page.rejected)
    rows = iter(page.table.to_pylist())
    kinds = {field.name: field.kind for field in stream.fields}
    for text in records:
        sent = parsed(text)
        if set_aside[json.dumps(plain(sent))]:
            set_aside[json.dumps(plain(sent))] -= 1
            continue
        row = next(rows)
        extra = dict(parsed(row["_extra"])) if row["_extra"] else {}
        doubled = {name for name, count in Counter(name for name, _ in sent).items() if count > 1}
        for name, value in sent:
            if name in doubled:
                assert name in extra
            elif name in extra:
                assert plain(extra[name]) == plain(value)
            else:
                assert holds(kinds[name], row[name], value), (name, value, row[name])
    assert next(rows, None) is None
    assert not +set_aside


@pytest.mark.parametrize("stream", MAIN, ids=lambda stream: stream.provider)
@settings(max_examples=examples(10), deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_the_net_result_is_the_payout_less_the_stake_or_all_are_null(stream: Stream, data: st.DataObject) -> None:
    _, page = draw_page(data, stream)
    if page is None:
        return
    raw = page.table.append_column(EXTRACTED_AT, pa.repeat(pa.scalar(READ, INSTANT), page.table.num_rows))
    try:
        bets = map_to_bets(raw, MAPPINGS[stream.provider], Origin("acc", stream.name, SLOT, READ))
    except InvalidRow as error:
        invalid = error
    else:
        invalid = None
    if invalid:
        worth = [
            raw[field.name][invalid.row].as_py() for field in stream.fields if isinstance(field.kind, Decimal | Integer)
        ]
        assert any(abs(Exact(amount)) * 10 >= TOO_MUCH for amount in worth if amount is not None), invalid
        return
    assert bets.num_rows == raw.num_rows
    for bet in bets.to_pylist():
        stake, payout, net = bet["stake"], bet["payout"], bet["net"]
        assert net == (None if stake is None or payout is None else payout - stake)
        assert all(
            bet[name] is None or isinstance(bet[name], Exact)
            for name, kind in zip(SCHEMA.names, SCHEMA.types, strict=True)
            if kind == MONEY
        )
        json.loads(bet["rest"])
