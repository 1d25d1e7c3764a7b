"""The parts of a window have to agree with its own answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from airflow_betproviders.declare.interval import Interval
from airflow_betproviders.extraction.decode.decoder import Page
from airflow_betproviders.extraction.fetch.completeness.slot_changed import SlotChanged
from tests.extraction.script import STREAM, cut, read, within
from tests.extraction.vendor import PAGED, SLOT, bet, serving


def test_parts_of_a_split_window_must_bring_the_versions_that_it_showed() -> None:
    """The whole window's answer, which has too many rows, shows a newer version than the parts do at first."""
    old = [bet(f"{i}", at=60 * i) for i in range(8)]
    new = [bet("0", changed=7), *old[1:]]

    def answer(n: int, window: Interval | None, params: Mapping[str, Any]) -> Page:
        return cut(within(old if 1 < n < 6 else new, window or SLOT), params)

    with pytest.raises(SlotChanged, match="did not come in its parts, or came older"):
        read(serving(STREAM, paging=replace(PAGED, total_cap=5)), answer)
