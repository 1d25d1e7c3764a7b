"""Windows and pages are requested ahead, within bounds."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from airflow_betproviders.declare.interval import Interval
from airflow_betproviders.exceptions import ProviderRequestError
from airflow_betproviders.extraction.decode.decoder import Page
from airflow_betproviders.extraction.fetch import prefetch
from airflow_betproviders.extraction.fetch.rate_limiter import CONNECTIONS
from airflow_betproviders.extraction.fetch.slot_reader import SlotReader
from tests.extraction.script import STREAM, Script, cut, everything, ids, within
from tests.extraction.vendor import FIVE, MINUTE, SLOT, Vendor, bet


def test_the_next_window_is_requested_while_the_pages_of_this_one_are() -> None:
    """So that its further pages, whose number its first answer gives, follow without a pause."""
    rows = [bet(f"{i}", at=90 * i) for i in range(40)]
    quarters = [Interval(FIVE + i * 15 * MINUTE, FIVE + (i + 1) * 15 * MINUTE) for i in range(4)]
    script = Script(lambda n, window, params: cut(within(rows, window or SLOT), params))
    with ThreadPoolExecutor(1) as pool:  # one thread: calls are made in the order they are asked for
        parts = everything(SlotReader(Vendor([]), STREAM, {}, script, pool), quarters)

    assert ids(parts) == [row["id"] for row in rows]
    order = [(quarters.index(window), params["page"]) for window, params in script.asked if window]
    assert sorted(order) == [(quarter, number) for quarter in range(4) for number in range(1, 5)]
    for quarter in range(3):
        assert order.index((quarter + 1, 1)) < order.index((quarter, 3)) < order.index((quarter + 1, 2))


def test_where_calls_are_spaced_a_window_is_read_to_its_end_first() -> None:
    rows = [bet(f"{i}", at=90 * i) for i in range(40)]
    quarters = [Interval(FIVE + i * 15 * MINUTE, FIVE + (i + 1) * 15 * MINUTE) for i in range(4)]
    script = Script(lambda n, window, params: cut(within(rows, window or SLOT), params))
    with ThreadPoolExecutor(1) as pool:
        parts = everything(SlotReader(Vendor([], min_interval=5), STREAM, {}, script, pool), quarters)

    assert ids(parts) == [row["id"] for row in rows]
    assert [window for window, _ in script.asked] == [quarter for quarter in quarters for _ in range(4)]
    assert script.pages() == [1, 2, 3, 4] * 4


@pytest.mark.parametrize(
    ("limit", "received", "most"),
    [
        ("_MAX_ROWS_RECEIVED", 9, 3),
        ("_MAX_ROWS_RECEIVED", 5, 1),
        ("_MAX_ROWS_RECEIVED", 1, 1),
        ("_MAX_BYTES_RECEIVED", 9000, 3),
        ("_MAX_BYTES_RECEIVED", 1, 1),
    ],
)
def test_answers_on_their_way_are_bounded_by_their_rows_and_bytes(
    monkeypatch: pytest.MonkeyPatch, limit: str, received: int, most: int
) -> None:
    """Large answers are decoded one at a time."""
    monkeypatch.setattr(prefetch, limit, received)
    rows = [bet(f"{i:02}", at=90 * i) for i in range(40)]
    on_their_way, seen, guard, reached = 0, [], threading.Lock(), threading.Event()

    def answer(n: int, window: Interval | None, params: Mapping[str, Any]) -> Page:
        nonlocal on_their_way
        with guard:
            on_their_way += 1
            seen.append(on_their_way)
            if on_their_way == most:
                reached.set()
        if n > 1:  # the first answer says how large they are
            assert reached.wait(60)
        time.sleep(0.005)
        with guard:
            on_their_way -= 1
        made = cut(within(rows, window or SLOT), params)
        made.bytes = 1000 * made.table.num_rows
        return made

    quarters = [Interval(FIVE + i * 15 * MINUTE, FIVE + (i + 1) * 15 * MINUTE) for i in range(4)]
    with ThreadPoolExecutor(8) as pool:
        parts = everything(SlotReader(Vendor([]), STREAM, {}, Script(answer), pool), quarters)

    assert ids(parts) == [row["id"] for row in rows]
    assert max(seen) == most


def test_large_answers_are_requested_ahead_but_received_one_at_a_time_by_one_thread(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Their latency passes meanwhile, their memory is taken once; threads would each keep some of it."""
    monkeypatch.setattr(prefetch, "_MAX_ROWS_RECEIVED", 5)
    rows = [bet(f"{i:02}", at=90 * i) for i in range(40)]
    ahead: list[int] = []
    receivers = set()

    def answer(n: int, window: Interval | None, params: Mapping[str, Any]) -> Page:
        if n > 1 and CONNECTIONS not in ahead:  # the first answer says how large they are
            until = time.monotonic() + 60
            while len(script.asked) - len(ahead) < CONNECTIONS and time.monotonic() < until:
                time.sleep(0.001)
        time.sleep(0.005)
        ahead.append(len(script.asked) - len(ahead))
        receivers.add(threading.current_thread().name)
        return cut(within(rows, window or SLOT), params)

    quarters = [Interval(FIVE + i * 15 * MINUTE, FIVE + (i + 1) * 15 * MINUTE) for i in range(4)]
    script = Script(answer)
    with ThreadPoolExecutor(8) as pool:
        parts = everything(SlotReader(Vendor([]), STREAM, {}, script, pool), quarters)

    assert ids(parts) == [row["id"] for row in rows]
    assert max(ahead) == CONNECTIONS
    assert len(receivers) == 1


def test_a_read_that_fails_does_not_leave_large_answers_waiting_for_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prefetch, "_MAX_ROWS_RECEIVED", 5)
    rows = [bet(f"{i:02}", at=90 * i) for i in range(40)]
    received = []

    def answer(n: int, window: Interval | None, params: Mapping[str, Any]) -> Page:
        received.append(params["page"])
        if params["page"] == 3:
            raise ProviderRequestError("no such page")
        return cut(rows, params)

    script = Script(answer)
    # The pool is left when its threads have ended.
    with ThreadPoolExecutor(8) as pool, pytest.raises(ProviderRequestError, match="no such page"):
        everything(SlotReader(Vendor([]), STREAM, {}, script, pool), [SLOT])
    assert received == [1, 2, 3]
    assert len(script.asked) > 3
