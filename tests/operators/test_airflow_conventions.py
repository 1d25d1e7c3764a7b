"""Operators follow Airflow's conventions: deferral, templates, assets, arguments."""

from __future__ import annotations

import time
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from airflow.configuration import conf
from airflow.sdk import DAG, Asset

from airflow_betproviders.declare.interval import Interval
from airflow_betproviders.exceptions import InvalidArgument
from airflow_betproviders.operators.extract import ExtractToParquetOperator, stream_asset
from airflow_betproviders.operators.reconcile import ReconcileOperator, reconciliation_asset
from airflow_betproviders.operators.replay import ReplayOperator
from airflow_betproviders.sensors.complete import BetsCompleteSensor
from airflow_betproviders.task import deferral
from tests.airflow_versions import TaskDeferred

ARGUMENTS: dict[str, Any] = {"task_id": "task", "conn_id": "pv_default", "path": "file:///lake"}
DEFAULT_DEFERRABLE = "AIRFLOW__OPERATORS__DEFAULT_DEFERRABLE"


@pytest.fixture
def unset(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(DEFAULT_DEFERRABLE, raising=False)


DEFERRING = [ExtractToParquetOperator, ReconcileOperator, BetsCompleteSensor]


@pytest.mark.parametrize("made", DEFERRING)
def test_whether_a_task_defers_is_a_boolean_or_the_text_of_one(made: Any) -> None:
    assert not made(**ARGUMENTS, deferrable="false").deferrable
    with pytest.raises(InvalidArgument, match="deferrable='no' is neither True nor False"):
        made(**ARGUMENTS, deferrable="no")


def test_a_reconciliation_that_does_not_repair_updates_no_extraction() -> None:
    ours, bets = reconciliation_asset("pv_default"), stream_asset("pv_default")
    assert ReconcileOperator(**ARGUMENTS, repair="false").outlets == [ours]
    for may_repair in (True, "true", "{{ params.repair }}"):
        assert ReconcileOperator(**ARGUMENTS, repair=may_repair).outlets == [ours, bets]
    with pytest.raises(InvalidArgument, match="repair=5 is neither True nor False"):
        ReconcileOperator(**ARGUMENTS, repair=5)  # type: ignore[arg-type]


@pytest.mark.parametrize("made", DEFERRING)
def test_a_task_defers_unless_the_deployment_or_the_dag_says_otherwise(
    made: Any, unset: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert made(**ARGUMENTS).deferrable
    assert not made(**ARGUMENTS, deferrable=False).deferrable
    monkeypatch.setenv(DEFAULT_DEFERRABLE, "False")
    assert not made(**ARGUMENTS).deferrable
    assert made(**ARGUMENTS, deferrable=True).deferrable


def test_a_configuration_file_counts_and_airflows_own_default_does_not(
    unset: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert conf.getboolean("operators", "default_deferrable") is False
    assert deferral.default_deferrable()
    if not conf.has_section("operators"):
        conf.add_section("operators")
    conf.set("operators", "default_deferrable", "False")
    try:
        assert not deferral.default_deferrable()
    finally:
        conf.remove_option("operators", "default_deferrable")


def test_without_deferral_the_task_waits_in_its_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []
    monkeypatch.setattr(time, "sleep", slept.append)
    moment = datetime.now(timezone.utc) + timedelta(minutes=10)
    interval = Interval(moment - timedelta(hours=1), moment)
    deferral.wait_until(ExtractToParquetOperator(**ARGUMENTS, deferrable=False), moment, interval)
    assert 0 < slept[0] <= 600
    with pytest.raises(TaskDeferred):
        deferral.wait_until(ExtractToParquetOperator(**ARGUMENTS, deferrable=True), moment, interval)
    assert len(slept) == 1


@pytest.mark.parametrize("main", ["history", "transactions", "game_history"])
def test_the_main_stream_has_one_asset_whether_it_is_named_or_not(main: str) -> None:
    assert (
        stream_asset("account", main)
        == stream_asset("account")
        == Asset("betproviders/account/main", "betproviders://account/main")
    )


def test_another_stream_has_an_asset_of_its_own() -> None:
    assert stream_asset("jdb_default", "recent_transactions").uri == "betproviders://jdb_default/recent_transactions"


@pytest.mark.parametrize("argument", ["conn_id", "stream"])
@pytest.mark.parametrize("made", [ExtractToParquetOperator, ReplayOperator])
def test_a_template_that_would_name_the_asset_needs_outlets(made: Any, argument: str) -> None:
    arguments = {**ARGUMENTS, argument: "{{ params.which }}"}
    with pytest.raises(InvalidArgument, match=r"outlets=\[stream_asset"):
        made(**arguments)
    assert made(**arguments, outlets=[stream_asset("pv_default")]).outlets == [stream_asset("pv_default")]


@pytest.mark.parametrize("ignored", ["slot", "lag", "lookback", "archive", "deferrable"])
def test_a_replay_refuses_arguments_that_it_would_ignore(ignored: str) -> None:
    with pytest.raises(TypeError, match=ignored):
        ReplayOperator(**ARGUMENTS, **{ignored: "1h"})


def test_default_args_reach_every_argument() -> None:
    with DAG("defaults", schedule=None, default_args={"conn_id": "aig_default", "path": "file:///lake", "slot": "1d"}):
        extract = ExtractToParquetOperator(task_id="extract")
    assert (extract.conn_id, extract.path, extract.slot) == ("aig_default", "file:///lake", "1d")


def test_dicts_are_shown_as_json_in_the_ui() -> None:
    assert ExtractToParquetOperator.template_fields_renderers == {"filters": "json", "pii": "json"}
    assert {"filters", "pii", "slot", "archive"} <= set(ExtractToParquetOperator.template_fields)
