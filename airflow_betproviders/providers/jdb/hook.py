"""JDB: one URL, the action encrypted with AES-128-CBC in ``x``."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any, ClassVar

from airflow_betproviders.declare.settings import FlagSetting, TextSetting
from airflow_betproviders.declare.stream import Stream
from airflow_betproviders.exceptions import (
    ProviderAuthError,
    ProviderRateLimited,
    ProviderRequestError,
    ProviderUnavailable,
)
from airflow_betproviders.hooks.base import BetProviderHook, Code
from airflow_betproviders.hooks.protocol import member
from airflow_betproviders.hooks.success import CodeEquals
from airflow_betproviders.providers.jdb import streams as jdb

_BLOCK = 16
_MINUTE = timedelta(minutes=1)

_KEYS = "check dc, the AES key (password) and iv_secret"
_BUSY = "busy or under maintenance; try again later"
_PARENT = "the agent is suspended, locked or closed; ask JDB"


def encrypt(action: Mapping[str, Any], key: str, iv: str) -> str:
    """Encrypt a request to its ``x`` (vendor's guide): JSON, padded with blanks to full blocks, AES-128-CBC, base64url.

    Args:
        action: its members, in the order they are sent.
        key: 16 characters, used as their own bytes.
        iv: the initialisation vector, 16 characters.
    """
    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

    text = json.dumps(action, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-len(text) % _BLOCK)
    encryptor = Cipher(algorithms.AES(key.encode()), modes.CBC(iv.encode())).encryptor()
    return base64.urlsafe_b64encode(encryptor.update(text) + encryptor.finalize()).rstrip(b"=").decode()


class JdbHook(BetProviderHook):
    """JDB: login is parent (the agent), password the AES key; extra dc, iv_secret, utc_offset, own_key, request_style."""

    default_conn_name = "jdb_default"
    conn_type = "jdb"
    hook_name = "JDB"
    default_min_interval = 5.0
    codes: ClassVar[Mapping[str, Code]] = {
        "9001": Code(ProviderAuthError, "not authorised; this address is probably not on JDB's IP whitelist"),
        "9002": Code(ProviderAuthError, "dc is missing or too short; check extra dc"),
        "9003": Code(ProviderAuthError, "dc is not valid; check extra dc"),
        "9004": Code(ProviderAuthError, f"x is empty; {_KEYS}"),
        "9005": Code(ProviderUnavailable, "the request was older than 30 s; check this machine's clock"),
        "9006": Code(ProviderAuthError, f"x cannot be decrypted; {_KEYS}"),
        "9007": Code(ProviderRequestError, "it does not know the action; the account may lack it"),
        "9009": Code(ProviderUnavailable, "timeout on its side; try again later"),
        "9010": Code(ProviderUnavailable, "timeout on its side; try again later"),
        "9012": Code(ProviderUnavailable, _BUSY),
        "9013": Code(ProviderUnavailable, _BUSY),
        "9015": Code(
            ProviderRequestError,
            "it says that the data does not exist, which is not the same as no bets; check parent (login)",
        ),
        "9017": Code(ProviderUnavailable, _BUSY),
        "9019": Code(ProviderRateLimited, "called too often; raise min_interval in the connection's extra"),
        "9022": Code(ProviderUnavailable, _BUSY),
        "8006": Code(
            ProviderRequestError,
            "it refuses the time: too new or too old for the action, or utc_offset in the connection's extra is wrong",
        ),
        "7001": Code(ProviderAuthError, "it does not know the agent; check parent (login)"),
        "7002": Code(ProviderAuthError, _PARENT),
        "7003": Code(ProviderAuthError, _PARENT),
        "7004": Code(ProviderAuthError, _PARENT),
    }

    success = CodeEquals(member="status", value="0000", text="err_text")
    settings = (
        TextSetting(name="dc", required="the domain code that JDB issued"),
        TextSetting(
            name="iv_secret",
            secret=True,
            required=f"the {_BLOCK} characters that JDB issued with the AES key",
            pattern=f"[ -~]{{{_BLOCK}}}",
            hint=f"{_BLOCK} characters, as JDB issued it",
        ),
        TextSetting(
            name="utc_offset",
            default="-04:00",
            pattern=r"[+-](0\d|1[0-4]):[0-5]\d",
            hint="a fixed offset such as -04:00 or +08:00, not the name of a zone",
        ),
        FlagSetting(name="own_key"),
        TextSetting(name="request_style", default="json", choices=("json", "form", "query")),
        TextSetting(name="filter_column", default="gameDate", choices=("gameDate", "lastModifyTime")),
    )

    @property
    def utc_offset(self) -> timedelta:
        """Return the fixed offset of the account's times; never a zone with summer time."""
        sign, hours, minutes = self.extra["utc_offset"][0], self.extra["utc_offset"][1:3], self.extra["utc_offset"][4:]
        size = timedelta(hours=int(hours), minutes=int(minutes))
        return -size if sign == "-" else size

    def check_connection(self) -> None:
        """See `BetProviderHook`; the AES key has 16 characters."""
        super().check_connection()
        if len(self.key.encode()) != _BLOCK:
            raise self._connection_error(f"password (the AES key) must be {_BLOCK} characters, as JDB issued it")

    def with_account_settings(self, stream: Stream) -> Stream:
        """See `BetProviderHook`; action 64 filters the column that the connection names.

        The document says both gameDate and lastModifyTime (its present public page says gameDate).
        """
        column = self.extra["filter_column"]
        adapted = super().with_account_settings(stream)
        return replace(adapted, time_column=column) if stream.name == jdb.TRANSACTIONS.name else adapted

    @property
    def params_in(self) -> str:
        """Return the place of ``dc`` and ``x``: JSON today, a form or the query for older accounts."""
        return str(self.extra["request_style"])

    def url(self, endpoint: str | int, params: Mapping[str, Any]) -> str:  # noqa: ARG002 - the action is encrypted
        """See `BetProviderHook`; all actions have one address."""
        return f"{self.base_url}/apiRequest.do"

    def fields(self, endpoint: str | int, params: Mapping[str, Any]) -> Mapping[str, Any]:
        """See `BetProviderHook`; the encrypted action has the present time, and JDB accepts it for 30 s."""
        ts = round(self.now().timestamp() * 1000)
        action = {"action": endpoint, "ts": ts, "parent": self.account, **params}
        fields = {"dc": self.extra["dc"], "x": encrypt(action, self.key, self.extra["iv_secret"])}
        return {**fields, "parent": self.account} if self.extra["own_key"] else fields

    def meaning(self, code: str, text: str) -> Code:
        """Return the meaning of a code; all of 8xxx are parameter errors."""
        if code not in self.codes and code.startswith("8"):
            return Code(ProviderRequestError, "it refuses a parameter; check the filters, or ask the provider")
        return super().meaning(code, text)

    def probe(self) -> str:
        """Request the bets of a recent minute by action 29.

        With a wrong utc_offset that minute lies outside the two hours that the action looks back: JDB refuses it, or
        has no bets there.
        """
        end = self.now().replace(second=0, microsecond=0) - 4 * _MINUTE
        if any(batch.num_rows for batch in self.extract(jdb.RECENT_TRANSACTIONS.name, end - _MINUTE, end)):
            return ""
        return (
            f" It has no bets between {end - _MINUTE:%H:%M} and {end:%H:%M} UTC; if players were active then, extra "
            f"utc_offset (now {self.extra['utc_offset']}) is wrong."
        )

    def game_result_url(
        self, uid: str, history_id: str, *, g_type: int | None = None, m_type: int | None = None
    ) -> str:
        """Return the page that shows a round, valid for 30 s (public page of Action 54).

        Args:
            uid: the player.
            history_id: historyId of the bet.
            g_type: gType, which transfer-wallet accounts name.
            m_type: mtype of the bet, which seamless-wallet accounts name instead.
        """
        named = {"gType": g_type, "mType": m_type}
        params = {"uid": uid, "historyId": history_id, **{k: v for k, v in named.items() if v is not None}}
        data = self.call("game_result_url", 54, params).get("data")
        first = data[0] if isinstance(data, list) and data else data
        return str(first) if isinstance(first, str) else str(member({"data": first}, "data", "path"))


HOOK = JdbHook
