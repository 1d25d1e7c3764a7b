"""Answers with rows that the task's filters leave out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import fsspec
import pytest

from airflow_betproviders.exceptions import InvalidArgument
from airflow_betproviders.extraction.privacy import PiiPolicy
from airflow_betproviders.extraction.slots import Extraction
from airflow_betproviders.lake.layout import Lake
from tests.cases.vendors import SLOT, Vendor, spread
from tests.conftest import MakeHook

# Provider, stream, filter, its value, and members of a row that the filter leaves out.
IGNORED = [
    ("pv", "history", "game_ids", [1062, 2000], {"game_id": 1063}),
    ("pv", "games_game_history", "game_id", 1062, {"game_id": 1063}),
    ("jdb", "transactions", "gTypes", [0, 7], {"gType": 9}),
    ("jdb", "recent_transactions", "gTypes", [0, 7], {"gType": 9}),
    ("gmag", "game_history", "playerId", "p1", {"playerId": "p11"}),
    ("gmag", "game_history", "providerCode", "pt", {"providerCode": "jdb"}),
    ("gmag", "game_history", "currency", "CNY", {"currency": "USD"}),
    ("gmag", "game_history", "gameCode", "bfb", {"gameCode": "bfb2"}),
]


def serve(make: MakeHook, provider: str, stream: str, patch: dict[str, Any], own: dict[str, Any]) -> Vendor:
    """Return a vendor whose 41st bet has other members than all others."""
    vendor = Vendor(make(provider), stream, spread(60))
    vendor.patch = lambda i: patch if i == 40 else own
    return vendor


@pytest.mark.parametrize(("provider", "stream", "name", "value", "other"), IGNORED)
def test_a_row_that_a_filter_leaves_out_is_stored_with_a_warning(
    make: MakeHook,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    provider: str,
    stream: str,
    name: str,
    value: Any,
    other: dict[str, Any],
) -> None:
    ((column, found),) = other.items()
    own = {column: value[0] if isinstance(value, list) else value}
    vendor = serve(make, provider, stream, other, own)
    assert len(vendor.ids(vendor.store(tmp_path, **{name: value}))) == 60
    (warning,) = [record.getMessage() for record in caplog.records if "was requested" in record.getMessage()]
    for part in (
        f"connection {provider}_default, stream {stream}, window [2026-11-20T05:",
        f"filter {name}={value!r} was requested, and 1 of ",
        f"rows of an answer have another {column}, one of them {found!r}. They are stored.",
        f"ask the provider, or extract without {name}",
    ):
        assert part in warning


@pytest.mark.parametrize(
    ("provider", "name", "value", "as_sent"),
    [
        ("gmag", "playerId", "Player1", {"playerId": "player1"}),
        ("gmag", "currency", "cny", {"currency": "CNY "}),
        ("gmag", "playerId", "77", {"playerId": 77}),
        ("gmag", "gameCode", "bfb", {"gameCode": ""}),
        ("gmag", "currency", "CNY", {"currency": None}),
        ("pv", "game_ids", [1062], {"game_id": "1062"}),
        ("pv", "game_ids", [1062], {"game_id": None}),
    ],
)
def test_values_that_may_be_what_the_filter_means_raise_no_warning(
    make: MakeHook,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    provider: str,
    name: str,
    value: Any,
    as_sent: dict[str, Any],
) -> None:
    """The documents do not say how text compares, and a row without a value contradicts nothing."""
    stream = {"pv": "history", "gmag": "game_history"}[provider]
    vendor = serve(make, provider, stream, as_sent, as_sent)
    assert len(vendor.ids(vendor.store(tmp_path, **{name: value}))) == 60
    assert "was requested" not in caplog.text


def test_a_warning_quotes_no_row_where_columns_are_hashed(
    make: MakeHook, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    vendor = serve(make, "gmag", "game_history", {"currency": "XYZ"}, {})
    filters = {"currency": "CNY"}
    lake = Lake(fsspec.filesystem("file"), str(tmp_path), "gmag", "game_history", vendor.hook.account, filters)
    policy = PiiPolicy(vendor.stream, {"playerId": "hash"}, b"0123456789abcdef", filters)
    Extraction(vendor.hook, vendor.stream, filters, pii_policy=policy).store([SLOT], lake)
    assert "have another currency. They" in caplog.text
    assert "XYZ" not in caplog.text


def test_a_column_that_a_filter_shows_is_not_hashed(make: MakeHook) -> None:
    """The folder's name has the values of game_ids, which are those of the column game_id."""
    stream = make("pv").stream("history")
    with pytest.raises(InvalidArgument, match="game_id: it is a filter too"):
        PiiPolicy(stream, {"game_id": "hash"}, b"0123456789abcdef", {"game_ids": [1062]})
