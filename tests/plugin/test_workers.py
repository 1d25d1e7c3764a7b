"""Few threads and a short queue: further requests are refused at once, and no result is computed twice."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from fastapi import HTTPException

from airflow_betproviders.plugin.limits.cache import ShortCache
from airflow_betproviders.plugin.limits.rate import UserRateLimiter
from airflow_betproviders.plugin.limits.workers import Workers

TIMEOUT = 30


async def _status(job: asyncio.Future[int]) -> int:
    try:
        await job
    except HTTPException as refused:
        return refused.status_code
    return 200


def test_beyond_the_queue_everybody_waits_outside() -> None:
    async def scenario() -> list[int]:
        gate = threading.Event()
        workers = Workers(threads=2, waiting=3, per_user=2)
        jobs = [asyncio.ensure_future(workers.run(f"user{n}", gate.wait, TIMEOUT)) for n in range(9)]
        refused = [await _status(job) for job in jobs[5:]]  # while the others still wait
        assert not any(job.done() for job in jobs[:5])
        gate.set()
        done = [await _status(job) for job in jobs[:5]]
        return done + refused + [await _status(asyncio.ensure_future(workers.run("user0", gate.wait, TIMEOUT)))]

    assert asyncio.run(scenario()) == [200] * 5 + [503] * 4 + [200]


def test_one_user_leaves_room_for_others() -> None:
    async def scenario() -> list[int]:
        gate = threading.Event()
        workers = Workers(threads=1, waiting=9, per_user=2)
        jobs = [
            asyncio.ensure_future(workers.run(user, gate.wait, TIMEOUT)) for user in ("eve", "eve", "eve", "ada", "eve")
        ]
        await asyncio.sleep(0)
        gate.set()
        return [await _status(job) for job in jobs]

    assert asyncio.run(scenario()) == [200, 200, 429, 200, 429]


def test_a_long_wait_ends_and_takes_its_place_in_the_queue_along() -> None:
    async def scenario() -> list[int]:
        gate, ran = threading.Event(), threading.Event()
        workers = Workers(threads=1, waiting=1, per_user=9, seconds=0.2)
        jobs = [asyncio.ensure_future(workers.run("ada", work)) for work in (lambda: gate.wait(TIMEOUT), ran.set)]
        found = [await _status(job) for job in jobs]
        gate.set()
        workers.close()
        assert not ran.is_set(), "nobody waits for it any more"
        return found

    assert asyncio.run(scenario()) == [503, 503]


def test_a_result_is_made_once_and_kept_for_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = 0.0
    monkeypatch.setattr("airflow_betproviders.plugin.limits.cache.time.monotonic", lambda: clock)
    gate, made = threading.Event(), []
    cache = ShortCache[int](seconds=5, max_results=2)

    def make() -> int:
        gate.wait(TIMEOUT)
        made.append(1)
        return len(made)

    with ThreadPoolExecutor(8) as pool:
        results = [pool.submit(cache.get, "key", make) for _ in range(8)]
        gate.set()
        assert {result.result() for result in results} == {1}
    clock = 4.9
    assert cache.get("key", make) == 1
    clock = 5.1
    assert cache.get("key", make) == 2
    cache.get("second", make)
    cache.get("third", make)
    assert cache.get("key", make) == 5, "the oldest made room"


def test_an_error_is_not_kept() -> None:
    cache = ShortCache[int](seconds=5, max_results=2)

    def fail() -> int:
        raise OSError("once")

    with pytest.raises(OSError, match="once"):
        cache.get("key", fail)
    assert cache.get("key", lambda: 7) == 7


def test_requests_of_a_user_are_spaced_and_refusals_wait_too(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, slept = 1000.0, []

    async def sleep(seconds: float) -> None:
        slept.append(round(seconds, 3))

    monkeypatch.setattr("airflow_betproviders.plugin.limits.rate.time.monotonic", lambda: clock)
    monkeypatch.setattr("airflow_betproviders.plugin.limits.rate.asyncio.sleep", sleep)
    rate = UserRateLimiter(per_second=10, burst=2, longest_wait=0.25)

    async def ask(user: str, times: int) -> list[int]:
        return [await _status(asyncio.ensure_future(rate.wait(user))) for _ in range(times)]  # type: ignore[arg-type]

    assert asyncio.run(ask("ada", 6)) == [200] * 5 + [429]
    assert slept == [0, 0, 0, 0.1, 0.2, 0.25]
    assert asyncio.run(ask("vic", 1)) == [200], "another user does not wait"
    clock += 0.1
    assert asyncio.run(ask("ada", 2)) == [200, 429]
