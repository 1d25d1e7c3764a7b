"""One round at a time: the page that shows it, or its record."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone

import pytest

from airflow_betproviders.providers.aig.hook import AigHook
from airflow_betproviders.providers.gmag.hook import GmAgHook
from airflow_betproviders.providers.jdb.hook import JdbHook
from airflow_betproviders.providers.pv.hook import PvHook
from tests.conftest import MakeHook
from tests.jdb_cipher import decrypt
from tests.recorder import Recorder


def test_pv_slots_detail_url(make: MakeHook, server: Recorder) -> None:
    server.answer({"code": 200, "msg": "", "data": {"url": "https://www.google.com"}})
    hook = make("pv")
    assert isinstance(hook, PvHook)
    assert hook.slots_detail_url(1044, "1044-2-685-1742794635-0") == "https://www.google.com"
    (request,) = server.requests
    assert request.path == "/api/slots/detail/url"
    assert request.json["data"] == {"game_id": 1044, "draw_id": "1044-2-685-1742794635-0"}


def test_aig_transaction_detail(make: MakeHook, server: Recorder) -> None:
    server.answer(
        {"code": 200, "message": "success", "data": {"id": "67453d0923c36d2571d40815", "win_amount": "200.00"}}
    )
    hook = make("aig")
    assert isinstance(hook, AigHook)
    detail = hook.transaction_detail("67453d0923c36d2571d40815")
    assert detail == {"id": "67453d0923c36d2571d40815", "win_amount": "200.00"}
    (request,) = server.requests
    assert request.path == "/api/game/transaction/detail"
    assert request.query["txn_id"] == "67453d0923c36d2571d40815"


@pytest.mark.parametrize("data", [[{"path": "https://result.example/1"}], {"path": "https://result.example/1"}])
def test_jdb_game_result_url(make: MakeHook, server: Recorder, data: object) -> None:
    server.answer({"status": "0000", "data": data})
    hook = make("jdb")
    assert isinstance(hook, JdbHook)
    assert hook.game_result_url("test01", "5250145823902", g_type=0) == "https://result.example/1"
    action = json.loads(decrypt(server.requests[0].json["x"]))
    del action["ts"]
    assert action == {"action": 54, "parent": "testag", "uid": "test01", "historyId": "5250145823902", "gType": 0}


def test_gmag_round_detail_url(make: MakeHook, server: Recorder) -> None:
    server.answer({"requestId": "r", "error": "0", "message": "SUCCESS", "data": "https://round.example/1"})
    hook = make("gmag")
    assert isinstance(hook, GmAgHook)
    end = datetime(2021, 8, 11, 17, 48, 24, tzinfo=timezone(timedelta(hours=2)))
    assert hook.round_detail_url("583067326075", "pt", end) == "https://round.example/1"
    (request,) = server.requests
    assert request.path == "/history/roundDetail"
    body = request.json
    assert {name: body[name] for name in ("roundId", "providerCode", "endTime", "brandId")} == {
        "roundId": "583067326075",
        "providerCode": "pt",
        "endTime": "2021-08-11 15:48:24",
        "brandId": "1001",
    }
