"""Invented accounts at the four providers, with secrets that must never appear anywhere."""

from __future__ import annotations

from typing import Any

from airflow_betproviders.hooks.base import BetProviderHook
from airflow_betproviders.providers.aig.hook import AigHook
from airflow_betproviders.providers.gmag.hook import GmAgHook
from airflow_betproviders.providers.jdb.hook import JdbHook
from airflow_betproviders.providers.pv.hook import PvHook

HOOKS: dict[str, type[BetProviderHook]] = {"pv": PvHook, "aig": AigHook, "jdb": JdbHook, "gmag": GmAgHook}
PROVIDERS = list(HOOKS)

ACCOUNTS: dict[str, dict[str, Any]] = {
    "pv": {"login": "101", "password": "pv-test-key-0001", "extra": {}},
    "aig": {"login": "agent001", "password": "aig-test-key", "extra": {}},
    "jdb": {
        "login": "testag",
        "password": "0123456789abcdef",
        "extra": {"dc": "jb", "iv_secret": "fedcba9876543210"},
    },
    "gmag": {"login": "1001", "password": "gm-test-secret", "extra": {}},
}

# The smallest answers that each provider calls a success.
SUCCESS: dict[str, dict[str, Any]] = {
    "pv": {"code": 200, "msg": "", "data": {}},
    "aig": {"code": 200, "message": "success", "data": {}},
    "jdb": {"status": "0000", "data": []},
    "gmag": {"requestId": "r", "error": "0", "message": "SUCCESS", "total": 0, "records": []},
}


def refusal(provider: str, code: str, text: str) -> dict[str, Any]:
    """Return an error answer, as the document writes it."""
    match provider:
        case "pv":
            return {"code": int(code), "msg": text, "data": {}}
        case "aig":
            return {"code": int(code), "message": text}
        case "jdb":
            return {"status": code, "err_text": text}
        case _:
            return {"requestId": "r", "error": code, "message": text}


# The main stream's endpoint, or JDB's action.
ENDPOINT: dict[str, str | int] = {
    "pv": "/api/all/history",
    "aig": "/api/game/transaction/query",
    "jdb": 64,
    "gmag": "/history/game",
}
