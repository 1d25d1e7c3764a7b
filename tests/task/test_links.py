"""A task links to its slot on the coverage page and to its data in the store's console."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qs, urlsplit

import fsspec
import pytest

from airflow_betproviders.declare.interval import Interval
from airflow_betproviders.lake.layout import Lake
from airflow_betproviders.task.links import CoverageLink, DataLink, TaskTarget
from tests.bets_table.lakes import at
from tests.operator_runs import operator


def target(root: str = "/data/raw", **filters: Any) -> TaskTarget:
    lake = Lake(fsspec.filesystem("file"), root, "pv", "history", "10 01", filters)
    return TaskTarget(lake, Interval(at(5), at(6)))


def links(made: Any) -> dict[str, str]:
    return {link.name: link.get_link(made, ti_key=None) for link in (CoverageLink(), DataLink())}


@pytest.fixture(autouse=True)
def _base(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW__API__BASE_URL", "https://data.example.com/airflow/")


def test_a_task_has_both(tmp_path: Path) -> None:
    assert {link.name for link in operator(tmp_path, "pv").operator_extra_links} == {"Coverage", "Data"}


def test_coverage_opens_at_the_first_slot() -> None:
    parts = urlsplit(links(SimpleNamespace(target=target(game_id=2011), path="file:///data/raw"))["Coverage"])

    assert (parts.scheme, parts.netloc) == ("", ""), "Airflow may have several names"
    assert parts.path == "/airflow/plugin/bet_coverage/airflow/betproviders/"
    assert parse_qs(parts.query) == {
        "provider": ["pv"],
        "stream": ["history"],
        "account": ["10 01"],
        "filters": ["game_id=2011"],
        "slot": ["2026-11-20T05:00:00+00:00"],
    }


def test_a_task_that_failed_early_links_to_the_page_of_all_streams() -> None:
    assert (
        links(SimpleNamespace(target=None, path=""))["Coverage"] == "/airflow/plugin/bet_coverage/airflow/betproviders/"
    )
    assert not links(SimpleNamespace(target=None, path=""))["Data"]


@pytest.mark.parametrize(
    ("path", "root", "link"),
    [
        (
            "s3://lake/raw",
            "lake/raw",
            "https://console.aws.amazon.com/s3/buckets/lake?prefix=raw%2Fprovider%3Dpv%2Fstream%3Dhistory%2F",
        ),
        ("s3://aws_eu@lake/raw", "lake/raw", "https://console.aws.amazon.com/s3/buckets/lake?prefix=raw%2F"),
        ("gs://lake/raw", "lake/raw", "https://console.cloud.google.com/storage/browser/lake/raw/provider%3Dpv/"),
        ("s3://minio@lake/raw", "lake/raw", "/airflow/plugin/bet_coverage/"),
        ("file:///data/raw", "/data/raw", "/airflow/plugin/bet_coverage/"),
    ],
)
def test_data_is_in_the_stores_own_console_where_it_has_one(
    monkeypatch: pytest.MonkeyPatch, path: str, root: str, link: str
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_AWS_EU", '{"conn_type": "aws", "extra": {"region_name": "eu-west-1"}}')
    monkeypatch.setenv("AIRFLOW_CONN_MINIO", '{"conn_type": "aws", "extra": {"endpoint_url": "http://minio:9000"}}')

    assert links(SimpleNamespace(target=target(root), path=path))["Data"].startswith(link)
