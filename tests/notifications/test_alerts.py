"""The how-to's alert, as Airflow runs it: stored with the DAG, called by the triggerer, received by a webhook."""

from __future__ import annotations

import asyncio
import importlib
import json
import re
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from airflow.sdk import BaseNotifier, Connection

from airflow_betproviders.dags import incremental_dag
from airflow_betproviders.notifications import notifier as module
from airflow_betproviders.notifications.notifier import BetProvidersNotifier
from airflow_betproviders.notifications.stored_notifier import restore, stored_arguments
from tests.airflow_versions import CallbackTrigger, DagSerialization
from tests.notifications.conftest import Connect
from tests.operator_runs import context
from tests.recorder import Recorder

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "alerts.md"
LATE = {
    "dag_run": {"dag_id": "aig_alerts", "dag_run_id": "scheduled__2026-11-20T07:00:00+00:00"},
    "deadline": {"id": "1", "deadline_time": "2026-11-20T10:00:00+00:00"},
}
COMMAND = "airflow backfill create --dag-id bets --from-date 2026-11-20T06:00:00+00:00"
FOUND = (
    "aig transactions, account agent001: [2026-11-20T06:00:00Z, 2026-11-20T07:00:00Z), 1 slot",
    "The provider",
    COMMAND,
)

Chat = Callable[[], BaseNotifier]


@pytest.fixture
def webhook() -> Iterator[Recorder]:
    with Recorder() as received:
        yield received


@pytest.fixture
def chat(webhook: Recorder, connect: Connect, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Chat]:
    """Yield the page's notifier, imported from a plugins folder, with a connection to a webhook on loopback."""
    [source] = re.findall(r'^```python title="plugins/chat.py"\n(.*?)^```', PAGE.read_text(), re.MULTILINE | re.DOTALL)
    (tmp_path / "plugins").mkdir()
    (tmp_path / "plugins" / "chat.py").write_text(source)
    monkeypatch.syspath_prepend(str(tmp_path / "plugins"))
    connect(
        Connection(conn_id="team_chat", conn_type="generic", host=f"{webhook.url}/services", password="T000/B000/XXXX")
    )
    yield lambda: importlib.import_module("chat").ChatNotifier("team_chat")
    sys.modules.pop("chat", None)


def missed(alert: BaseNotifier) -> list[Any]:
    """Store a DAG's alert as Airflow does, and let its triggerer call it."""
    dag = incremental_dag("aig_alerts", conn_id="aig_default", path="file:///lake", fresh_within="3h", alert=alert)
    [deadline] = dag.deadline if isinstance(dag.deadline, list) else [dag.deadline]
    assert type(alert).__name__ in json.dumps(DagSerialization.to_dict(dag)), "it is stored with the DAG"
    stored = json.loads(json.dumps(deadline.callback.kwargs))

    async def triggerer() -> list[Any]:
        trigger = CallbackTrigger(deadline.callback.path, {**stored, "context": LATE})
        return [event.payload async for event in trigger.run()]

    return asyncio.run(triggerer())


@pytest.mark.usefixtures("days_later")
def test_a_late_run_is_announced_with_what_is_missing_and_the_command(lake: str, chat: Chat, webhook: Recorder) -> None:
    events = missed(BetProvidersNotifier(path=lake, via=chat()))
    assert [event["state"] for event in events] == ["running", "success"], events

    [request] = webhook.requests
    assert request.path == "/services/T000/B000/XXXX"
    first, second, gap, *_later = request.json["text"].splitlines()
    assert first.startswith(
        "Run scheduled__2026-11-20T07:00:00+00:00 of DAG aig_alerts has not ended by its deadline, "
    )
    assert second == f"Bets are missing in {lake}:"
    assert all(part in gap for part in FOUND), gap


def test_a_late_run_is_announced_although_nothing_is_missing(lake: str, chat: Chat, webhook: Recorder) -> None:
    missed(BetProvidersNotifier(path=lake, provider="pv", via=chat()))
    [request] = webhook.requests
    assert request.json["text"].splitlines()[1:] == [f"No bets are missing in {lake}."]


@pytest.mark.usefixtures("days_later")
def test_a_failed_task_sends_the_same_without_a_triggerer(lake: str, chat: Chat, webhook: Recorder) -> None:
    BetProvidersNotifier(path=lake, via=chat())(context())
    BetProvidersNotifier(path=lake, via=chat(), provider="pv")(context())
    [request] = webhook.requests  # the second had nothing to say
    assert request.json["text"].splitlines()[0] == f"Bets are missing in {lake}:"
    assert all(part in request.json["text"] for part in FOUND)


class Awaited(BaseNotifier):
    """A notifier that only a triggerer can call."""

    sent: list[str]

    def __init__(self, text: str = "", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.text = text
        self.sent = []

    async def async_notify(self, context: Any) -> None:
        """Keep the text, and the thread that is blocked meanwhile."""
        self.sent.append(self.text)
        context["threads"].append(threading.get_ident())


def test_the_triggerer_goes_on_while_the_lake_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    others_went_on, threads = threading.Event(), []

    def slow_lake(path: str, **_: Any) -> str:
        threads.append(threading.get_ident())
        return "bets are missing" if others_went_on.wait(30) else "the triggerer was blocked"

    monkeypatch.setattr(module, "missing_data", slow_lake)
    via = Awaited()

    async def another_trigger() -> None:
        others_went_on.set()

    async def triggerer() -> None:
        alert = BetProvidersNotifier(path="file:///lake", via=via, context={"threads": threads})

        async def call() -> None:
            await alert

        await asyncio.gather(call(), another_trigger())

    asyncio.run(triggerer())
    assert via.sent == ["bets are missing"]
    assert threads[0] != threads[1] == threading.get_ident()


class Louder(Awaited):
    """A notifier that leaves its base class's arguments to it."""

    def __init__(self, volume: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.volume = volume


def test_a_notifier_is_made_again_from_its_arguments_and_those_of_its_base_class() -> None:
    alert = BetProvidersNotifier(path="file:///lake", via=Louder(11, text="hush"), provider="aig")
    stored = stored_arguments(alert)
    assert stored["via"] == {"notifier": f"{__name__}:Louder", "arguments": {"volume": 11, "text": "hush"}}
    again = restore({"notifier": f"{module.__name__}:BetProvidersNotifier", "arguments": stored})
    assert isinstance(again, BetProvidersNotifier)
    assert stored_arguments(again) == stored
