"""Clients of the simulator, written for these tests from the vendors' pages and sharing nothing with the hooks."""

from __future__ import annotations

import base64
import hashlib
import json
import time
from datetime import datetime, timedelta, timezone
from decimal import Decimal

import requests
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from airflow_betproviders.simulator import Simulator

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=timezone.utc)


class Clients:
    """One method a vendor; each returns the parsed answer, with numbers as exact decimals."""

    def __init__(self, simulator: Simulator) -> None:
        self.simulator = simulator
        self.session = requests.Session()

    def parsed(self, response):
        assert response.status_code == 200, response.status_code
        return json.loads(response.text, parse_float=Decimal)

    def pv(self, path, data, key=None, **outer):
        connection = self.simulator.credentials["pv"]
        ts = int(time.time())
        text = json.dumps(data, separators=(",", ":"), sort_keys=True)
        sign = hashlib.md5((text + str(ts) + (key or connection["password"])).encode()).hexdigest()
        body = {"ts": ts, "sign": sign, "mch_id": int(connection["login"]), "data": data, **outer}
        return self.parsed(self.session.post(f"{connection['host']}/api/{path}", json=body))

    def aig(self, path, key=None, **params):
        connection = self.simulator.credentials["aig"]
        params = {"agent_id": connection["login"], "timestamp": int(time.time() * 1000), **params}
        joined = "&".join(f"{name}={value}" for name, value in sorted(params.items()) if value != "")
        params["sign"] = hashlib.md5(f"{key or connection['password']}&{joined}".encode()).hexdigest()
        url = f"{connection['host']}/api/game/transaction/{path}"
        return self.parsed(self.session.get(url, params=params))

    def seal(self, action, key=None, padding=b" "):
        connection = self.simulator.credentials["jdb"]
        plain = json.dumps(action).encode()
        plain += padding * (-len(plain) % 16)
        encryptor = Cipher(
            algorithms.AES((key or connection["password"]).encode()),
            modes.CBC(connection["extra"]["iv_secret"].encode()),
        ).encryptor()
        return base64.urlsafe_b64encode(encryptor.update(plain) + encryptor.finalize()).decode()

    def jdb(self, number, key=None, **action):
        connection = self.simulator.credentials["jdb"]
        action = {"action": number, "ts": int(time.time() * 1000), "parent": connection["login"], **action}
        body = {"dc": connection["extra"]["dc"], "x": self.seal(action, key)}
        return self.parsed(self.session.post(f"{connection['host']}/apiRequest.do", json=body))

    def gmag(self, path, key=None, **body):
        connection = self.simulator.credentials["gmag"]
        body = {"requestId": "r-1", "brandId": connection["login"], **body}
        joined = "&".join(f"{name}={value}" for name, value in sorted(body.items()))
        hashed = hashlib.md5((joined + (key or connection["password"])).encode()).hexdigest()
        url = f"{connection['host']}/{path}"
        return self.parsed(self.session.post(url, json=body, params={"hash": hashed}))


def jdb_time(moment: datetime) -> str:
    return moment.astimezone(timezone(timedelta(hours=-4))).strftime("%d-%m-%Y %H:%M:%S")


def gmag_time(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%d %H:%M:%S")


class Windows:
    """A whole paged read of one window of each stream."""

    def __init__(self, clients: Clients) -> None:
        self.clients = clients

    def read(self, provider, stream, start, end, size=200):
        return getattr(self, f"_{provider}")(stream, start, end, size)

    def _pv(self, stream, start, end, size):
        rows, page = [], 1
        while True:
            data = {
                "time_start": int(start.timestamp()),
                "time_end": int(end.timestamp()),
                "page": page,
                "page_size": size,
            }
            answer = self.clients.pv("all/history", data)["data"]
            rows += answer["items"]
            if not answer["items"]:
                assert len(rows) == answer["total"]
                return rows
            page += 1

    def _aig(self, stream, start, end, size):
        rows = []
        while True:
            window = {"start_time": int(start.timestamp() * 1000), "end_time": int(end.timestamp() * 1000)}
            answer = self.clients.aig("query", **window, start_index=len(rows), page_size=size)["data"]
            rows += answer["transactions"]
            if len(rows) == answer["total"]:
                return rows

    def _jdb(self, stream, start, end, size):
        number = {"transactions": 64, "recent_transactions": 29}[stream]
        return self.clients.jdb(number, starttime=jdb_time(start), endtime=jdb_time(end))["data"]

    def _gmag(self, stream, start, end, size):
        path = {"game_history": "game", "game_transactions": "gameTrans", "extra_transactions": "extraTrans"}[stream]
        rows, page = [], 1
        while True:
            window = {"startTime": gmag_time(start), "endTime": gmag_time(end)}
            answer = self.clients.gmag(f"history/{path}", **window, size=size, page=page)
            rows += answer["records"]
            if page >= answer["pages"]:
                assert len(rows) == answer["total"]
                return rows
            page += 1
