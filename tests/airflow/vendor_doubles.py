"""Simulators in the test's own process, whose time, faults, refusals and calls a test controls."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from airflow_betproviders.simulator.server import Simulator
from airflow_betproviders.simulator.settings import Settings
from airflow_betproviders.simulator.vendor.base import Call, Inquiry, ListPage, Refusal
from demo.audit import Truth

SIGNED = ("sign", "hash", "x")
NO_WAIT = {"aig": 0.0}


@contextmanager
def simulator(now: datetime, secrets: set[str], **settings: Any) -> Iterator[Simulator]:
    """A simulator whose time stands still, and whose signatures and ciphers are added to `secrets`."""
    made = Simulator(Settings(now=now, rate=60, history_days=45, min_interval=NO_WAIT, **settings))
    for provider in made.providers.values():
        listen(provider, secrets)
    with made.running():
        yield made


def listen(provider: Any, secrets: set[str]) -> None:
    opened = provider.open

    def open_(call: Call) -> Inquiry:
        secrets.update(_signed(call))
        inquiry: Inquiry = opened(call)
        return inquiry

    provider.open = open_


def refuse(
    provider: Any, code: str, text: str, when: Callable[[Inquiry], bool] = lambda inquiry: True
) -> Callable[[], None]:
    """Let the provider answer the authentic calls of a kind with this code and text; what is returned mends it."""
    answered = provider.answer

    def answer(inquiry: Inquiry) -> ListPage | str:
        if when(inquiry):
            raise Refusal("parameter", code, text)
        given: ListPage | str = answered(inquiry)
        return given

    def mend() -> None:
        provider.answer = answered

    provider.answer = answer
    return mend


def _signed(call: Call) -> Iterator[str]:
    fields: dict[str, Any] = dict(call.query)
    if call.body:
        fields |= json.loads(call.body)
    yield from (str(fields[name]) for name in SIGNED if name in fields)


def truth_of(made: Simulator) -> Truth:
    """Return the truth as the audit asks for it; simulated time stands still, so the instant does not matter."""

    def truth(provider: str, stream: str, start: str, end: str, _as_of: str) -> list[dict[str, Any]]:
        return made.truth(provider, stream, datetime.fromisoformat(start), datetime.fromisoformat(end))

    return truth
