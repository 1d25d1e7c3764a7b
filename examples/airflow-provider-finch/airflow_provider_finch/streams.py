"""Finch's feeds: CSV after a line that says how far the answer reaches; amounts are text in currency units, times UTC."""

from __future__ import annotations

from datetime import timedelta

from airflow_betproviders.declare.answer_formats import Csv
from airflow_betproviders.declare.fields import Decimal, Epoch, Field, Integer, IsoTime, Text
from airflow_betproviders.declare.request_parameters import EpochParam, Filter
from airflow_betproviders.declare.stream import Reaches, Stream
from airflow_betproviders.declare.windows import WindowRule

_AMOUNT = Decimal(28, 8)
DATA_TYPES = ("RNG", "LC", "VSB", "BNG", "R1", "R2")


def _feed(name: str, endpoint: str, doc: str, data_types: tuple[str, ...]) -> Stream:
    return Stream(
        provider="finch",
        name=name,
        endpoint=endpoint,
        doc=doc,
        format=Csv(preamble=("timepoint",), null=("", "null")),
        envelope={"timepoint": Reaches(Epoch("ms"))},
        fields=(
            Field("playerID", Integer()),
            Field("extPlayerID", Text()),
            Field("gameID", Text()),
            Field("playSessionID", Integer(), required=True),
            Field("parentSessionID", Integer()),
            Field("startDate", IsoTime()),
            Field("endDate", IsoTime(), required=True),
            Field("status", Text()),
            Field("type", Text()),
            Field("bet", _AMOUNT, required=True, money=True),
            Field("win", _AMOUNT, required=True, money=True),
            Field("currency", Text()),
            Field("jackpot", _AMOUNT),
            Field("roundDetails", Text()),
        ),
        key=("playSessionID",),
        time_column="endDate",
        # The caller can't make it shorter: what lies past the window's end is dropped.
        windows=WindowRule(span=timedelta(minutes=10), fixed=True),
        bounds=("timepoint",),
        time=EpochParam(1000),
        filters={
            "dataType": Filter(type=str, required=True, choices=data_types),
            "domain": Filter(type=str),
        },
        lag=timedelta(minutes=15),
    )


ROUNDS = _feed(
    "rounds",
    "/feeds/v3/rounds/finished/",
    "Rounds that are over, each once, by the time they ended (document 3.2). The vendor states no retention.",
    DATA_TYPES,
)
ADJUSTED = _feed(
    "adjusted",
    "/feeds/v3/rounds/adjusted/",
    "Live-casino rounds that were adjusted, by the time of the adjustment (document 3.2).",
    ("LC",),
)

STREAMS = (ROUNDS, ADJUSTED)
