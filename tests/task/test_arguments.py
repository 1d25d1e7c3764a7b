"""Arguments of operators, as a DAG gives them or as a template renders them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from airflow.sdk import DAG

from airflow_betproviders.exceptions import InvalidArgument, airflow_exception
from airflow_betproviders.operators.export import ExportBetsOperator
from airflow_betproviders.operators.extract import ExtractToParquetOperator
from airflow_betproviders.operators.gaps import FillGapsOperator
from airflow_betproviders.operators.merge import MergeBetsOperator, OptimizeBetsOperator
from airflow_betproviders.operators.reconcile import ReconcileOperator
from airflow_betproviders.operators.replay import ReplayOperator
from airflow_betproviders.sensors.complete import BetsCompleteSensor
from airflow_betproviders.task.arguments import (
    flag,
    is_template,
    mapping,
    names,
    optional_duration,
    require_text,
    whole_number,
)

ACCOUNT = {"conn_id": "aig_default", "path": "file:///lake"}
TEMPLATED: tuple[tuple[Any, dict[str, str]], ...] = (
    *(
        (kind, ACCOUNT)
        for kind in (
            *(ExtractToParquetOperator, FillGapsOperator, ReplayOperator, ReconcileOperator),
            BetsCompleteSensor,
        )
    ),
    (MergeBetsOperator, {"path": "file:///lake", "table": "file:///bets"}),
    (ExportBetsOperator, {"path": "file:///bets.csv", "table": "file:///bets"}),
    (OptimizeBetsOperator, {"table": "file:///bets"}),
)


@pytest.mark.parametrize(
    ("read", "value", "expected"),
    [
        (optional_duration, "90m", timedelta(minutes=90)),
        (optional_duration, timedelta(0), timedelta(0)),
        *((optional_duration, nothing, None) for nothing in (None, "", "None")),
        (flag, True, True),
        (flag, "False", False),
        (flag, "true", True),
        (mapping, {"game_id": 1}, {"game_id": 1}),
        *((mapping, nothing, {}) for nothing in (None, "", "None")),
        (names, "missing", ("missing",)),
        (names, ["missing", "damaged"], ("missing", "damaged")),
        (names, None, ()),
    ],
)
def test_values_and_their_rendered_text_are_read(
    read: Callable[[str, Any], Any], value: object, expected: object
) -> None:
    assert read("argument", value) == expected


@pytest.mark.parametrize(
    ("read", "value", "cure"),
    [
        (optional_duration, 5, "Write a number and a unit: 15m, 1h, 1d"),
        (optional_duration, "9" * 30 + "d", "Write a number and a unit: 15m, 1h, 1d"),
        (flag, "yes", "neither True nor False"),
        (flag, None, "neither True nor False"),
        (mapping, "{'game_id': 1}", "render_template_as_native_obj=True"),
        (mapping, [], "is not a dict"),
        (names, 5, "is not a list of names"),
        (names, [5], "is not a list of names"),
    ],
)
def test_other_values_are_refused_by_the_arguments_name(
    read: Callable[[str, Any], Any], value: object, cure: str
) -> None:
    with pytest.raises(InvalidArgument, match=cure) as refused:
        read("argument", value)
    assert str(refused.value).startswith(f"argument={value!r}")


@pytest.mark.parametrize("value", [3, "3", " 3 "])
def test_whole_numbers_may_be_text(value: object) -> None:
    assert whole_number("max_bad_rows", value, minimum=0) == 3


@pytest.mark.parametrize("value", [-1, "-1", 1.5, "1.5", True, None, "", "3 %", [3]])
def test_other_numbers_are_refused(value: object) -> None:
    with pytest.raises(InvalidArgument, match=r"max_bad_rows=.* is not a whole number of at least 0"):
        whole_number("max_bad_rows", value, minimum=0)


@pytest.mark.parametrize("value", ["", "  ", None, 5, ["aig_default"]])
def test_text_is_required(value: object) -> None:
    with pytest.raises(InvalidArgument, match="Give conn_id='aig_default' or the like"):
        require_text("conn_id", value, "aig_default")


@pytest.mark.parametrize(
    ("template", "missing"),
    [
        ("{{ data_interval_end.start_of('day') }}", "'data_interval_end' is undefined"),
        ("{{ dag_run.conf.start }}", "has no attribute 'start'"),
    ],
)
def test_a_template_of_what_the_run_lacks_fails_at_once_with_the_cure(template: str, missing: str) -> None:
    """As in a run that was triggered without a logical date, and without a conf."""
    context: Any = {"dag_run": {"conf": {}}}
    for kind, arguments in TEMPLATED:
        with DAG("dag", schedule=None):
            task: Any = kind(task_id="task", **arguments, start=template)
        with pytest.raises(
            InvalidArgument, match=f"{missing}.*trigger it with a logical date, or use Backfill"
        ) as refused:
            task.render_template_fields(context)
        assert isinstance(refused.value, airflow_exception("AirflowFailException"))


@pytest.mark.parametrize("value", ["{{ params.account }}", "{% if a %}b{% endif %}"])
def test_a_template_is_text_later(value: str) -> None:
    assert is_template(value)
    require_text("conn_id", value, "aig_default")
