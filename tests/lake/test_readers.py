"""The calls of docs/reference/lake.md, as written there: each row once and accounts as text, for every stream."""

from __future__ import annotations

import ast
import re
import sys
from collections import Counter
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from airflow_betproviders.lake.discovery import find_lakes
from airflow_betproviders.lake.layout import Lake
from tests.extraction.stored import store
from tests.extraction.vendor import SLOT
from tests.lake.sample import ACCOUNTS, LOCAL, Rows, fill, streams

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "reference" / "lake.md").read_text()
CALLS = dict(re.findall(r"^### (\w+)\n+```python\n(.*?)```", PAGE, re.DOTALL | re.MULTILINE))
ODD_ACCOUNTS = [
    ".", "..", " ", "", "%2F", "%", "a=b", "a/b", "a\\b", "a:b*?", "a b ", "a&b", "a'b", 'a"b', "a\nb", "a+b", "{a}", "[a]", "~101", "~~x",
    "NULL", "null", "__HIVE_DEFAULT_PARTITION__", "2026-01-01", "2026-01-01T05:00:00", "true", "inf", "NaN", "-1", "+5", "1_000", "0x1F",
    ".5", "12:30", "t12", "now", "\uff10\uff11", "日本", "🎲", "e\u0301", "A", "_hidden", ".hidden",
]  # fmt: skip
EXAMPLE = "provider=aig/stream=transactions"
TEXT = {"DuckDB": "VARCHAR", "Polars": "String", "pandas": "str", "PyArrow": "string", "Spark": "string"}
# Spark comes with `make test-spark`: it is twenty times as large as the other readers, and needs Java.
SPARK = [
    pytest.mark.timeout(1800),
    pytest.mark.skipif(not find_spec("pyspark"), reason="pyspark is not installed"),
]
READERS = [pytest.param(name, marks=SPARK if name == "Spark" else []) for name in CALLS]


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Rows, Rows]:
    folder = tmp_path_factory.mktemp("readers")
    return folder, *fill(folder / "raw")


def test_the_page_has_a_call_for_each_reader() -> None:
    assert list(CALLS) == ["DuckDB", "Polars", "pandas", "PyArrow", "Spark"]
    assert all(EXAMPLE in call for call in CALLS.values())


@pytest.mark.slow
@pytest.mark.parametrize("reader", READERS)
def test_a_streams_folder_has_each_row_once_and_accounts_as_text(
    reader: str, lake: tuple[Path, Rows, Rows], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, plain, narrowed = lake
    monkeypatch.chdir(folder)
    for stream in streams():
        place = f"provider={stream.provider}/stream={stream.name}"
        for path, rows in ((place, plain), (f"filtered/{place}", narrowed)):
            found = _run(reader, path, "stream")
            assert _kind(reader, found) == TEXT[reader], path
            expected = {account: rows[stream.provider, stream.name, account] for account in ACCOUNTS}
            assert _accounts(reader, found) == expected, path
            assert ("filter" in _columns(reader, found)) == (rows is narrowed), path


@pytest.mark.slow
@pytest.mark.parametrize("reader", READERS)
def test_all_streams_together_have_each_row_once(
    reader: str, lake: tuple[Path, Rows, Rows], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, plain, _ = lake
    monkeypatch.chdir(folder)
    found = {
        (*key[:2], key[2].removeprefix("~")): count for *key, count in _rows(reader, _run(reader, EXAMPLE, "counts"))
    }
    assert found == plain


@pytest.mark.parametrize("reader", READERS)
def test_accounts_that_look_like_something_else_are_text(
    reader: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for account in ODD_ACCOUNTS:
        store(Lake(LOCAL, f"{tmp_path}/raw", "aig", "transactions", account), SLOT, rows=1)
    monkeypatch.chdir(tmp_path)
    found = _run(reader, EXAMPLE, "stream")
    assert _kind(reader, found) == TEXT[reader]
    assert _accounts(reader, found) == dict.fromkeys(ODD_ACCOUNTS, 1)
    assert {lake.account for lake in find_lakes(LOCAL, f"{tmp_path}/raw")} == set(ODD_ACCOUNTS)


@pytest.mark.slow
def test_fastparquet_reads_each_streams_files_where_it_is_installed(lake: tuple[Path, Rows, Rows]) -> None:
    """It has no decimals: amounts become floats. Its integers are not compared: see the page."""
    fastparquet = pytest.importorskip("fastparquet")
    folder, plain, _ = lake
    found: Rows = Counter()
    for path in folder.glob("raw/provider=*/stream=*/account=agent001/**/*.parquet"):
        provider, stream = (part.partition("=")[2] for part in path.relative_to(folder / "raw").parts[:2])
        with path.open("rb") as handle:
            rows = fastparquet.ParquetFile(handle).to_pandas()
        expected = pq.read_table(path, partitioning=None)
        found[provider, stream, "agent001"] += len(rows)
        for field in expected.schema:
            values = rows[field.name].dropna().tolist() if field.name in rows else []  # a record is a column a member
            if pa.types.is_string(field.type):
                assert values == expected[field.name].to_pylist()
            elif pa.types.is_decimal(field.type):
                assert values == pytest.approx([float(value) for value in expected[field.name].to_pylist()])
    assert found == {key: count for key, count in plain.items() if key[2] == "agent001"}


@pytest.fixture(scope="module", autouse=True)
def _end_spark() -> Iterator[None]:
    yield
    if "pyspark.sql" in sys.modules and (session := sys.modules["pyspark.sql"].SparkSession.getActiveSession()):
        session.stop()


def _run(reader: str, path: str, name: str) -> Any:
    """Run the page's own code as far as it assigns a name, and return the value: the counts of all streams take long."""
    names: dict[str, Any] = {}
    for statement in ast.parse(CALLS[reader].replace(EXAMPLE, path)).body:
        exec(ast.unparse(statement), names)
        if name in names:
            return names[name]
    raise NameError(name)


def _columns(reader: str, found: Any) -> list[str]:
    return list(found.column_names if reader == "PyArrow" else found.columns)


def _kind(reader: str, found: Any) -> str:
    match reader:
        case "DuckDB":
            return str(found.types[found.columns.index("account")])
        case "Polars":
            return str(found.schema["account"])
        case "pandas":
            return str(found["account"].cat.categories.dtype)
        case "PyArrow":
            return str(found.schema.field("account").type)
        case _:
            return str(found.schema["account"].dataType.simpleString())


def _accounts(reader: str, found: Any) -> dict[str, int]:
    match reader:
        case "DuckDB":
            everything = found.fetchall()
            values = [row[found.columns.index("account")] for row in everything]
        case "Spark":
            values = [row["account"] for row in found.collect()]
        case "PyArrow":
            values = found["account"].to_pylist()
        case _:
            values = list(found["account"])
    return dict(Counter(value.removeprefix("~") for value in values))


def _rows(reader: str, counts: Any) -> list[tuple[Any, ...]]:
    match reader:
        case "DuckDB":
            return list(counts.fetchall())
        case "Polars":
            return list(counts.rows())
        case "pandas":
            return [(*key, count) for key, count in counts.items() if count]
        case "PyArrow":
            return [tuple(row.values()) for row in counts.to_pylist()]
        case _:
            return [tuple(row) for row in counts.collect()]
