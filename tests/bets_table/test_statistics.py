"""The statistics in the Delta log: no reader loses a row by them, and readers skip files."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from deltalake import QueryBuilder
from hypothesis import given, settings
from hypothesis import strategies as st

from airflow_betproviders.bets_table.arrow.statistics import FileStatistics
from airflow_betproviders.bets_table.optimize import optimize
from airflow_betproviders.bets_table.schema import INSTANT, MONEY, STORED
from tests.bets_table.lakes import MINUTE, SampleLake, aig, at, hour_of
from tests.examples import examples

AMOUNTS = st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**19), max_value=10**19, places=8)
TIMES = st.datetimes(datetime(1970, 1, 1), datetime(9999, 12, 31)).map(lambda t: t.replace(tzinfo=timezone.utc))  # noqa: DTZ001
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=50) | st.just("\U0010ffff" * 40)


def statistics(values: list[Any], type_: pa.DataType) -> dict[str, Any]:
    found = FileStatistics()
    half = len(values) // 2
    for some in (values[:half], values[half:]):
        found.add(pa.table({"c": pa.array(some, type_)}))
    return json.loads(found.to_json(), parse_float=Decimal, parse_int=Decimal)


@settings(max_examples=examples(300), deadline=None)
@given(st.lists(AMOUNTS | st.none(), min_size=1, max_size=4))
def test_ends_of_decimals_are_safe_as_decimals_and_as_doubles(values: list[Decimal | None]) -> None:
    found = statistics(values, MONEY)
    known = [value for value in values if value is not None]
    assert found["nullCount"] == {"c": len(values) - len(known)}
    if not known:
        assert found["minValues"] == found["maxValues"] == {}
        return
    low, high = found["minValues"]["c"], found["maxValues"]["c"]
    assert low <= min(known)
    assert Decimal(float(low)) <= min(known)
    assert high >= max(known)
    assert Decimal(float(high)) >= max(known)
    # Tight: within one step of the double, or of the column.
    assert high - max(known) <= max(Decimal(abs(float(max(known)))) * Decimal(2) ** -51, Decimal("1e-8"))


def test_decimals_are_rounded_outward_only_where_their_double_is_on_the_wrong_side() -> None:
    found = statistics([Decimal("0.1"), Decimal("0.3")], MONEY)
    assert (found["minValues"], found["maxValues"]) == ({"c": Decimal("0.09999999")}, {"c": Decimal("0.30000001")})
    assert statistics([Decimal("0.5")], MONEY)["maxValues"]["c"] == Decimal("0.5")


@settings(deadline=None)
@given(st.lists(TIMES, min_size=1, max_size=4))
def test_ends_of_times_are_whole_milliseconds_outward(values: list[datetime]) -> None:
    found = statistics(values, INSTANT)
    low, high = (datetime.fromisoformat(found[name]["c"].replace("Z", "+00:00")) for name in ("minValues", "maxValues"))
    assert low <= min(values) < low + timedelta(milliseconds=1)
    assert high - timedelta(milliseconds=1) < max(values) <= high


def test_the_last_instant_of_all_has_no_end_after_it() -> None:
    last = datetime.max.replace(tzinfo=timezone.utc)
    assert statistics([last], INSTANT)["maxValues"] == {}
    assert statistics([last.replace(microsecond=999_000)], INSTANT)["maxValues"] == {"c": "9999-12-31T23:59:59.999Z"}


@settings(max_examples=examples(300), deadline=None)
@given(st.lists(TEXTS, min_size=1, max_size=4))
def test_ends_of_texts_are_short_and_outward(values: list[str]) -> None:
    found = statistics(values, pa.string())
    if max(values) >= "\U0010ffff" * 32 and len(max(values)) > 32:
        assert found["minValues"] == found["maxValues"] == {}  # nothing short comes after it
        return
    low, high = found["minValues"]["c"], found["maxValues"]["c"]
    assert low.encode() <= min(values).encode()
    assert high.encode() >= max(values).encode()
    assert max(len(low), len(high)) <= 32


LAST_DIGIT = Decimal("1234567890123456.12345679")  # as a double, it is greater by 0.1
HIGHEST = Decimal("9007199254740993.00000001")  # 2**53 + 1: as a double, it is less


@pytest.fixture(scope="module", params=["merged", "compacted"])
def bets(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> SampleLake:
    """Three hours with odd amounts, texts longer than statistics, and columns that are all null in some files."""
    sample = SampleLake(tmp_path_factory.mktemp("lake"))
    for hour, amount in ((5, Decimal("0.3")), (6, LAST_DIGIT), (7, HIGHEST)):
        records = [aig(f"{hour}-{i}", placed=at(hour) + i * MINUTE / 7, stake=str(amount - i)) for i in range(3)]
        records.append({**aig(f"{hour}-open", placed=at(hour + 0.5), status=0, stake="1"), "win_amount": None, "user_id": "u" * 40 + str(hour)})  # fmt: skip
        sample.store(hour_of(hour), records, at(8))
        sample.merge(hour_of(hour))
    if request.param == "compacted":
        sample.store(hour_of(8), [aig("8", placed=at(8))], at(9))
        sample.merge(hour_of(8))
        largest = max(file.size for file in sample.table.snapshot().all_files())
        done = optimize(sample.table, interval=None, file_size=2 * largest, retention=None)
        assert (done.partitions, done.files_before, done.files_after) == (1, 4, 2)
    return sample


def test_every_column_has_statistics_or_is_null(bets: SampleLake) -> None:
    added = pa.table(bets.table.open().get_add_actions(flatten=True)).to_pylist()
    assert len(added) > 1
    for each in added:
        for name in STORED.names:
            nulls = each[f"null_count.{name}"]
            assert nulls is not None
            ends = (each.get(f"min.{name}"), each.get(f"max.{name}"))
            assert (None in ends) == (nulls == each["num_records"]), (name, ends)


def exact(amount: Decimal) -> str:
    """Return a literal that no engine takes for a double."""
    return f"cast('{amount}' as decimal(28, 8))"


QUERIES = {
    "select count(*) as n from bets": None,
    f"select count(*) as n from bets where stake = {exact(LAST_DIGIT)}": 1,
    f"select count(*) as n from bets where stake >= {exact(HIGHEST)}": 1,
    f"select count(*) as n from bets where stake > {exact(HIGHEST)}": 0,
    f"select count(*) as n from bets where stake = {exact(Decimal('0.3'))}": 1,
    "select count(*) as n from bets where net is null": 3,
    f"select count(*) as n from bets where player_id = '{'u' * 40}6'": 1,
    "select count(*) as n from bets where placed_at = timestamptz '2026-11-20 06:00:08.571Z'": 1,
}


def dataset(sample: SampleLake, query: str) -> Any:
    bets = sample.table.open().to_pyarrow_dataset()  # noqa: F841 - DuckDB finds it by name
    return duckdb.sql(query).fetchall()[0][0]


def own(sample: SampleLake, query: str) -> Any:
    query = query.replace("timestamptz '", "timestamp '")
    found = QueryBuilder().register("bets", sample.table.open()).execute(query)
    return pa.table(found.read_all())["n"][0].as_py()


@pytest.mark.parametrize("query", QUERIES)
@pytest.mark.parametrize("reader", [dataset, own])
def test_no_reader_loses_a_row(bets: SampleLake, query: str, reader: Any) -> None:
    expected = QUERIES[query] if QUERIES[query] is not None else len(bets.rows())
    assert reader(bets, query) == expected


def test_the_greatest_stake_is_exact(bets: SampleLake) -> None:
    table = bets.table.open()
    assert pc.max(table.to_pyarrow_dataset().to_table(columns=["stake"])["stake"]).as_py() == HIGHEST
    assert dataset(bets, "select max(stake) from bets") == HIGHEST
    assert own(bets, "select max(stake) as n from bets") == HIGHEST


def test_polars_loses_no_row(bets: SampleLake) -> None:
    pl = pytest.importorskip("polars")
    scan = pl.scan_delta(bets.table.uri)
    amount = pl.lit(LAST_DIGIT, dtype=pl.Decimal(28, 8))
    assert scan.filter(pl.col("stake") == amount).collect().height == 1
    assert scan.filter(pl.col("stake") >= pl.lit(HIGHEST, dtype=pl.Decimal(28, 8))).collect().height == 1
    assert scan.filter(pl.col("player_id") == "u" * 40 + "6").collect().height == 1
    assert scan.filter(pl.col("net").is_null()).collect().height == 3
    assert scan.select(pl.col("stake").max()).collect().item() == HIGHEST


def test_a_dataset_skips_files_that_cannot_have_the_bet(bets: SampleLake) -> None:
    import pyarrow.dataset as ds

    table = bets.table.open().to_pyarrow_dataset()
    found = list(table.get_fragments(filter=ds.field("bet_id") == "7-1"))
    assert len(found) == 1
    assert len(list(table.get_fragments())) > 1
