"""The fast and the lenient way decode an answer to the same table, for every stream of every provider, examples included.

The quick way parses the page as a whole, the row-by-row way looks for the odd rows of it and coerces these. Here a third
way coerces every row.
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
from tests.example_streams import EXAMPLE_STREAMS
from tests.extraction.pages import OFFSETS, answer

STREAMS = [*pv.STREAMS, *aig.STREAMS, *jdb.STREAMS, *gmag.STREAMS, *EXAMPLE_STREAMS]
each_stream = pytest.mark.parametrize("stream", STREAMS, ids=lambda stream: f"{stream.provider}/{stream.name}")
quietly = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]


def accept(envelope: Mapping[str, Any]) -> None:
    pass


def both_ways(stream: Stream, body: bytes, offset: timedelta) -> tuple[Page, Page]:
    """The answer as it goes by itself and as it goes row by row, which agree with each row coerced for itself."""
    slow = Decoder(stream, offset)._decode_slowly(body, accept)
    assert same(slow, coerced(stream, body, offset))
    return Decoder(stream, offset)(body, accept), slow


def coerced(stream: Stream, body: bytes, offset: timedelta) -> Page:
    with mock.patch.object(parse.Parser, "rows", side_effect=pa.ArrowInvalid("each row for itself")):
        return Decoder(stream, offset)._decode_slowly(body, accept)


def same(quick: Page, slow: Page) -> bool:
    tables = quick.table.equals(slow.table) and quick.table.schema.equals(slow.table.schema)
    return tables and (quick.total, quick.bad, quick.counts) == (slow.total, slow.bad, slow.counts)


@each_stream
@settings(max_examples=25, suppress_health_check=quietly)
@given(data=st.data())
def test_an_answer_as_the_document_describes_it_goes_the_quick_way_and_both_ways_agree(
    stream: Stream, data: st.DataObject
) -> None:
    body = data.draw(answer(stream))
    quick, slow = both_ways(stream, body, data.draw(OFFSETS))
    assert quick.quick
    assert not quick.bad
    assert same(quick, slow)


@each_stream
@settings(max_examples=25, suppress_health_check=quietly)
@given(data=st.data())
def test_an_odd_answer_gives_the_same_whichever_way_it_goes(stream: Stream, data: st.DataObject) -> None:
    body = data.draw(answer(stream, odd=True))
    quick, slow = both_ways(stream, body, data.draw(OFFSETS))
    assert same(quick, slow)


@pytest.mark.parametrize(
    "stream", [aig.TRANSACTIONS, jdb.STREAMS[0]], ids=lambda stream: f"{stream.provider}/{stream.name}"
)
@pytest.mark.parametrize("most", [3, 100])
@settings(max_examples=60, suppress_health_check=quietly)
@given(data=st.data())
def test_an_answer_gives_the_same_whatever_earlier_ones_had(stream: Stream, most: int, data: st.DataObject) -> None:
    decoder = Decoder(stream)
    with mock.patch.object(parse, "_MOST_NAMES", most):
        for odd in data.draw(st.lists(st.booleans(), max_size=5)):
            body = data.draw(answer(stream, odd=odd))
            assert same(decoder(body, accept), Decoder(stream)._decode_slowly(body, accept))


@each_stream
@settings(max_examples=15, suppress_health_check=quietly)
@given(data=st.data())
def test_what_an_odd_answer_gives_fits_the_declared_types(stream: Stream, data: st.DataObject) -> None:
    page = Decoder(stream)(data.draw(answer(stream, odd=True)), accept)
    page.table.validate(full=True)
    for column, field in zip(page.table.columns, page.table.schema, strict=True):
        assert column.type == field.type
    for field in stream.fields:
        if field.required:
            assert page.table[field.name].null_count == 0
    assert all(bad.reason and isinstance(bad.raw, str) for bad in page.bad)
    assert isinstance(page.table, pa.Table)
