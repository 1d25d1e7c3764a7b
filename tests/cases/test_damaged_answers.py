"""True answers that are damaged on their way, of every provider and example: the rows are stored, or the error is ours."""

from __future__ import annotations

import gzip
import http.client
import json
import random
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import fsspec
import pyarrow.parquet as pq
import pytest
from airflow.sdk import BaseHook, Connection

from airflow_betproviders.declare.interval import Interval
from airflow_betproviders.exceptions import BetProviderError
from airflow_betproviders.extraction.slots import Extraction
from airflow_betproviders.lake.layout import Lake
from airflow_betproviders.registry import hook_class
from airflow_betproviders.simulator import Settings, Simulator
from tests.campaign import examples
from tests.recorder import Recorder, Reply, Request

STREAMS = {
    "pv": "history",
    "aig": "transactions",
    "jdb": "transactions",
    "gmag": "game_history",
    "nova": "bets",
    "rowan": "history",
    "quill": "history",
    "finch": "rounds",
}
BEGIN = (datetime.now(timezone.utc) - timedelta(days=1)).replace(minute=0, second=0, microsecond=0)
SLOT = Interval(BEGIN, BEGIN + timedelta(hours=1))
Damage = Callable[[bytes, random.Random], Reply]
PACKED = {"Content-Encoding": "gzip"}


def _cut(body: bytes, rng: random.Random) -> Reply:
    return Reply(body[: rng.randrange(max(1, len(body.rstrip()) - 1))].rstrip(b"\n"))


def _members_twice(body: bytes, rng: random.Random) -> Reply:
    """Two halves of an answer as one object, of which a JSON parser gives the second; CSV twice."""
    if not body.startswith(b"{"):
        return Reply(body + body)
    halves = []
    for first in (0, 1):
        document = json.loads(body)
        rows = _rows(document)
        rows[:] = rows[first::2]
        halves.append(json.dumps(document)[1:-1])
    rng.shuffle(halves)
    return Reply(f"{{{', '.join(halves)}}}".encode())


def _rows(document: dict[str, Any]) -> list[Any]:
    inner = next(member for member in document.values() if isinstance(member, list | dict) and member)
    return inner if isinstance(inner, list) else _rows(inner)


DAMAGE: dict[str, Damage] = {
    "two answers in one object": _members_twice,
    "cut anywhere": _cut,
    "the last byte lost": lambda body, rng: Reply(body[:-1]),
    "cut, by the length that it announces": lambda body, rng: Reply(body, missing=rng.randrange(1, len(body) + 1)),
    "cut inside gzip": lambda body, rng: Reply(gzip.compress(body)[: -rng.randrange(1, 12)], headers=PACKED),
    "cut before it was packed": lambda body, rng: Reply(gzip.compress(_cut(body, rng).bytes), headers=PACKED),
    "gzip with bytes behind it": lambda body, rng: Reply(gzip.compress(body) + b"\0more", headers=PACKED),
    "packed twice": lambda body, rng: Reply(gzip.compress(gzip.compress(body)), headers=PACKED),
    "empty": lambda body, rng: Reply(b""),
    "blanks": lambda body, rng: Reply(b" \r\n"),
    "twice": lambda body, rng: Reply(body + body),
    "an error behind it": lambda body, rng: Reply(body + b'{"error":"504 Gateway Time-out"}'),
    "NUL behind it": lambda body, rng: Reply(body + b"\0"),
    "NUL in it": lambda body, rng: Reply(body[: len(body) // 2] + b"\0" + body[len(body) // 2 :]),
    "a BOM before it": lambda body, rng: Reply(b"\xef\xbb\xbf" + body),
    "UTF-16": lambda body, rng: Reply(body.decode().encode("utf-16")),
    "HTML": lambda body, rng: Reply(b"<html><body>Maintenance</body></html>\n"),
    "a line of HTML in place of the rest": lambda body, rng: Reply(body.partition(b"\n")[0] + b"\n<html>busy</html>\n"),
    "null": lambda body, rng: Reply(b"null"),
    "an open quote": lambda body, rng: Reply(body[: len(body) // 2] + b'"' + body[len(body) // 2 :]),
}  # fmt: skip


@pytest.fixture(scope="module")
def simulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Simulator]:
    settings = Settings(now=BEGIN + timedelta(hours=6), history_days=2, seed=5, rate=60.0, min_interval={})
    with examples.installed(tmp_path_factory.mktemp("site")), Simulator(settings).running() as running:
        yield running


def forward(request: Request, host: str) -> bytes:
    """Return the vendor's own answer."""
    connection = http.client.HTTPConnection(urlsplit(host).netloc, timeout=60)
    headers = {name: value for name, value in request.headers.items() if name.lower() != "accept-encoding"}
    connection.request(request.method, request.raw_path, request.body or None, headers)
    body = connection.getresponse().read()
    connection.close()
    return body


@pytest.mark.slow
@pytest.mark.parametrize("name", DAMAGE)
@pytest.mark.parametrize("provider", STREAMS)
@pytest.mark.usefixtures("waited")
def test_a_damaged_answer_costs_no_row(
    simulator: Simulator, server: Recorder, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, provider: str, name: str
) -> None:
    account = simulator.credentials[provider]
    host = account["host"]
    rng = random.Random(f"{provider}/{name}")

    def reply(request: Request) -> Reply:
        body = forward(request, host)
        return DAMAGE[name](body, rng) if rng.random() < 0.5 else Reply(body)

    server.replies = reply
    netloc = urlsplit(server.url).netloc
    given: dict[str, Any] = {**account, "host": urlsplit(host)._replace(netloc=netloc).geturl()}
    given["extra"] = json.dumps({**account["extra"], "timeout": 5})
    connection = Connection(conn_id="vendor", **given)
    monkeypatch.setattr(BaseHook, "get_connection", classmethod(lambda cls, conn_id: connection))
    hook = hook_class(provider)("vendor")
    stream = replace(hook.stream(STREAMS[provider]), limits=None)  # nobody waits for a quota
    filters = simulator.filters(provider, stream.name, SLOT.start, SLOT.end)[0]
    lake = Lake(fsspec.filesystem("file"), str(tmp_path), provider, stream.name, hook.account, filters)
    try:
        stored = Extraction(hook, stream, filters).store([SLOT], lake)
    except BetProviderError as error:
        assert "connection vendor" in str(error)  # noqa: PT017 - either outcome is right
        return
    truth = [*simulator.truth(provider, stream.name, SLOT.start, SLOT.end, filters)]
    (path,) = stored.paths.values()
    (receipt,) = stored.receipts
    assert pq.read_metadata(path).num_rows + receipt.bad_rows >= len(truth) > 0
    # A control character in a text is kept as it came.
    keys = {
        tuple(str(row[column]).replace("\0", "") for column in stream.key) for row in pq.read_table(path).to_pylist()
    }
    lost = {tuple(str(record[column]) for column in stream.key) for record in truth} - keys
    assert len(lost) <= receipt.bad_rows
