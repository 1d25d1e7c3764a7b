"""Whatever a vendor does wrong at random, the stored rows are those that it has, or the task fails. ``make misbehaviour`` runs more seeds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from airflow_betproviders.extraction import slots
from tests.misbehaviour.scenario import HABITS_FROM, draw, no_threads, run_scenario

SEEDS = 160
A_TEST = 20


def seeds(start: int, count: int) -> list[Any]:
    """Return each test's first seed; `make test-quick` runs the first test."""
    first, *rest = range(start, start + count, A_TEST)
    return [first, *(pytest.param(seed, marks=pytest.mark.slow) for seed in rest)]


@pytest.mark.parametrize("first", [*seeds(1, SEEDS), *seeds(HABITS_FROM, SEEDS // 4)])
def test_whatever_a_vendor_does_the_slot_is_complete_or_fails(
    waited: list[float], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, first: int
) -> None:
    threads = slots._threads
    for seed in range(first, first + A_TEST):
        scenario = draw(seed)
        monkeypatch.setattr(slots, "_threads", threads if scenario.threads else no_threads)
        problems, outcome = run_scenario(scenario, tmp_path / f"{seed}")
        assert not problems, f"{scenario}\n{outcome}"


@pytest.mark.slow
def test_rows_of_another_window_that_a_piece_shows_are_not_lost(
    waited: list[float], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Finch answers half of its windows with nothing; a piece that proves a window reaches into such a one."""
    monkeypatch.setattr(slots, "_threads", no_threads)
    scenario = draw(550492)
    scenario.runs = [scenario.runs[0][:1]]  # a row of another window comes with the second slot, which fails
    assert (scenario.stream.provider, scenario.threads) == ("finch", False)
    problems, outcome = run_scenario(scenario, tmp_path)
    assert not problems, outcome
    assert outcome == "stored"
