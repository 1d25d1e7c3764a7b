"""The calls of a window keep to what was asked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from airflow_betproviders.declare.interval import Interval
from airflow_betproviders.declare.pagination import (
    NextLink,
)
from airflow_betproviders.exceptions import IncompleteWindow
from airflow_betproviders.extraction.decode.decoder import Page
from airflow_betproviders.extraction.fetch.slot_reader import SlotReader
from tests.extraction.script import STREAM, Script, everything, ids
from tests.extraction.vendor import SLOT, Vendor, bet, page, serving


@pytest.mark.parametrize(
    ("repeated", "leaves"),
    [
        ("size=3&", False),
        ("game=7&list=1&list=2&", False),
        ("game=8&", True),
        ("game=&", True),
        ("game=7&game=8&", True),
        ("list=1&", True),
        ("list=2&list=1&", True),
        ("at=2026-11-20T05:00:00+08:00&", False),
        ("at=2026-11-20T06:00:00%2B08:00&", True),
    ],
)
def test_a_link_keeps_the_parameters_of_the_first_call(repeated: str, leaves: bool) -> None:
    asked = {"game": 7, "list": ["1", "2"], "at": "2026-11-20T05:00:00+08:00"}

    class Asking(Vendor):
        def params(self, *_args: Any) -> dict[str, Any]:
            return dict(asked)

    def answer(n: int, window: Interval | None, params: Mapping[str, Any]) -> Page:
        return replace(page(bet(f"{n}")), token=f"/bets?{repeated}after=2" if n == 1 else None)

    script = Script(answer)
    reader = SlotReader(Asking([]), serving(STREAM, paging=NextLink(size_param="size")), {}, script)
    if leaves:
        with pytest.raises(IncompleteWindow, match=r"the link to the next page has .* was requested"):
            everything(reader, [SLOT])
        return
    (part,) = everything(reader, [SLOT])
    assert ids([part]) == ["1", "2"]
    assert {**asked, "after": "2"}.items() <= script.asked[1][1].items()
