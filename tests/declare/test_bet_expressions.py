"""Bet expressions: what an author of another package relies on."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import FrozenInstanceError, dataclass
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from airflow_betproviders.declare.bet_expressions import Expression, coalesce, concat, constant, if_else, is_in, text


def test_declaring_a_mapping_imports_no_arrow() -> None:
    code = (
        "import sys, airflow_betproviders.providers.aig.bets, airflow_betproviders.providers.gmag.bets;"
        "sys.exit('pyarrow' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_expressions_are_values() -> None:
    assert is_in("status", 1, 2) == is_in("status", 1, 2)
    assert is_in("status", 1, 2) != is_in("status", 2)
    assert repr(text("id")) == "text(name='id')"
    with pytest.raises(FrozenInstanceError):
        text("id").name = "other"  # type: ignore[misc]


@dataclass(frozen=True)
class Upper(Expression):
    """A word of another package."""

    name: str

    def evaluate(self, table: pa.Table) -> Any:
        return pc.utf8_upper(table[self.name])


def test_a_package_adds_a_word_of_its_own() -> None:
    table = pa.table({"state": ["won", None], "code": [1, 2]})
    expression = if_else(is_in("code", 2), constant("other"), coalesce(Upper("state"), constant("none")))
    assert expression.evaluate(table).to_pylist() == ["WON", "other"]


def test_joined_fields_of_two_records_never_make_one_text() -> None:
    table = pa.table({"a": ["x/y", "x", None], "b": ["z", "y/z", "z"]})
    assert concat("a", "b").evaluate(table).to_pylist() == ["x%2Fy/z", "x/y/z", None]


def test_money_constants_have_the_tables_type() -> None:
    assert constant(Decimal("1.5")).evaluate(pa.table({"a": [1]})).type == pa.decimal128(28, 8)
