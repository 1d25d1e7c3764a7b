"""The fast and the lenient way decode an answer to the same table, for every stream of every provider, examples included.

The fast way parses the page in one call. The lenient way finds the page's odd rows and coerces them. For comparison, these tests also
coerce every row.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from unittest import mock

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from airflow_betproviders.declare.stream import Stream
from airflow_betproviders.extraction.decode import parser as parse
from airflow_betproviders.extraction.decode.decoder import Decoder, Page
from airflow_betproviders.providers.aig import streams as aig
from airflow_betproviders.providers.gmag import streams as gmag
from airflow_betproviders.providers.jdb import streams as jdb
from airflow_betproviders.providers.pv import streams as pv
from tests.example_streams import EXAMPLE_STREAMS, kinds_of_their_own
from tests.examples import examples
from tests.extraction.pages import OFFSETS, answer

STREAMS = [*pv.STREAMS, *aig.STREAMS, *jdb.STREAMS, *gmag.STREAMS, *EXAMPLE_STREAMS]
each_stream = pytest.mark.parametrize(
    "stream", kinds_of_their_own(STREAMS), ids=lambda stream: f"{stream.provider}/{stream.name}"
)
quietly = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]


def accept(envelope: Mapping[str, Any]) -> None:
    pass


def both_ways(stream: Stream, body: bytes, offset: timedelta) -> tuple[Page, Page]:
    """Decode an answer the way the decoder chooses, and the lenient way. The lenient page equals one with every row coerced."""
    lenient = Decoder(stream, offset)._decode_slowly(body, accept)
    assert same(lenient, coerced(stream, body, offset))
    return Decoder(stream, offset)(body, accept), lenient


def coerced(stream: Stream, body: bytes, offset: timedelta) -> Page:
    with mock.patch.object(parse.Parser, "rows", side_effect=pa.ArrowInvalid("coerce every row")):
        return Decoder(stream, offset)._decode_slowly(body, accept)


def same(one: Page, other: Page) -> bool:
    tables = one.table.equals(other.table) and one.table.schema.equals(other.table.schema)
    return tables and (one.total, one.rejected, one.counts) == (other.total, other.rejected, other.counts)


@each_stream
@settings(max_examples=examples(10), suppress_health_check=quietly)
@given(data=st.data())
def test_an_answer_as_documented_is_decoded_the_fast_way_and_both_ways_agree(
    stream: Stream, data: st.DataObject
) -> None:
    body = data.draw(answer(stream))
    chosen, lenient = both_ways(stream, body, data.draw(OFFSETS))
    assert chosen.fast
    assert not chosen.rejected
    assert same(chosen, lenient)


@each_stream
@settings(max_examples=examples(10), suppress_health_check=quietly)
@given(data=st.data())
def test_an_odd_answer_gives_the_same_page_of_the_declared_types_both_ways(stream: Stream, data: st.DataObject) -> None:
    body = data.draw(answer(stream, odd=True))
    page, lenient = both_ways(stream, body, data.draw(OFFSETS))
    assert same(page, lenient)
    page.table.validate(full=True)
    for column, field in zip(page.table.columns, page.table.schema, strict=True):
        assert column.type == field.type
    for field in stream.fields:
        if field.required:
            assert page.table[field.name].null_count == 0
    assert all(bad.reason and isinstance(bad.raw, str) for bad in page.rejected)
    assert isinstance(page.table, pa.Table)


@pytest.mark.slow
@pytest.mark.parametrize(
    "stream", [aig.TRANSACTIONS, jdb.STREAMS[0]], ids=lambda stream: f"{stream.provider}/{stream.name}"
)
@pytest.mark.parametrize("most", [3, 100])
@settings(max_examples=examples(10), suppress_health_check=quietly)
@given(data=st.data())
def test_earlier_answers_do_not_change_what_an_answer_gives(stream: Stream, most: int, data: st.DataObject) -> None:
    decoder = Decoder(stream)
    with mock.patch.object(parse, "_MOST_NAMES", most):
        for odd in data.draw(st.lists(st.booleans(), max_size=5)):
            body = data.draw(answer(stream, odd=odd))
            assert same(decoder(body, accept), Decoder(stream)._decode_slowly(body, accept))
