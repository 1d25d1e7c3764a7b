"""The tree of errors in the module's docstring is the tree of the classes."""

from __future__ import annotations

import pickle
import re

import pytest

from airflow_betproviders import exceptions
from airflow_betproviders.exceptions import BetProviderError, FinalError
from tests.airflow_versions import AirflowFailException

ERRORS = [
    error for error in vars(exceptions).values() if isinstance(error, type) and issubclass(error, BetProviderError)
]


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: error.__name__)
def test_every_error_survives_pickling(error: type[BetProviderError]) -> None:
    raised = error("connection a: what to do")
    again = pickle.loads(pickle.dumps(raised))
    assert isinstance(again, error)
    assert type(again) is type(raised)
    assert str(again) == "connection a: what to do"


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: error.__name__)
def test_airflow_knows_which_errors_are_final(error: type[BetProviderError]) -> None:
    raised = error("why")
    assert isinstance(raised, AirflowFailException) == issubclass(error, FinalError)
    assert type(raised).__name__ == error.__name__


def test_the_drawn_tree_is_the_tree() -> None:
    drawn: dict[str, str | None] = {}
    path: list[str] = []
    for line in (exceptions.__doc__ or "").partition("```")[2].partition("```")[0].strip().splitlines():
        branch, name = re.match(r"((?:[│ ]   |[├└]── )*)(\w+)", line).groups()  # type: ignore[union-attr]
        depth = len(branch) // 4
        path[depth:] = [name]
        drawn[name] = path[depth - 1] if depth else None
    real = {error.__name__: error.__mro__[1].__name__ if error is not BetProviderError else None for error in ERRORS}
    assert drawn == real
