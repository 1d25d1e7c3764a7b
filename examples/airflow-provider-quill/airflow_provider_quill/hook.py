"""Quill's protocol: JSON, an md5 over a nonce in the headers, and a quota of calls an hour (document 2.1, 2.2)."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import ClassVar

from airflow_betproviders.declare.interval import Interval
from airflow_betproviders.declare.request_parameters import Limits
from airflow_betproviders.declare.settings import FlagSetting, NumberSetting
from airflow_betproviders.declare.stream import Stream
from airflow_betproviders.exceptions import (
    ProviderAuthError,
    ProviderRateLimited,
    ProviderRequestError,
    ProviderUnavailable,
)
from airflow_betproviders.hooks.base import BetProviderHook, Code
from airflow_betproviders.hooks.http.request import ApiRequest
from airflow_betproviders.hooks.success import CodeEquals
from airflow_provider_quill.streams import HISTORY

_HOUR = timedelta(hours=1)


def signature(nonce: str, merchant: str, secret: str) -> str:
    """Return the ``sign`` of a request, which covers neither its body nor its time (document 2.1)."""
    return hashlib.md5(f"{nonce}{merchant}{secret}".encode(), usedforsecurity=False).hexdigest()


class QuillHook(BetProviderHook):
    """Quill: login is the merchant id (sn), password the secret key; extra for the quota of the contract."""

    default_conn_name = "quill_default"
    conn_type = "quill"
    hook_name = "Quill"
    default_min_interval = 60.0
    settings = (
        NumberSetting(name="calls_an_hour", unit="calls", default=5, integer=True),
        FlagSetting(name="pages_count", default=True),
    )
    method = "POST"
    params_in = "json"
    success = CodeEquals(member="code", value="10000", text="msg")
    codes: ClassVar[Mapping[str, Code]] = {
        "10001": Code(ProviderUnavailable, "the request failed; windows are at most 6 hours and 15 days old"),
        "10009": Code(ProviderRateLimited, "called too often; check extra calls_an_hour against the contract"),
        "10403": Code(ProviderAuthError, "this address is not on Quill's IP list; ask Quill to add it"),
        "10404": Code(ProviderAuthError, "the signature is wrong; check merchant id (login) and secret key (password)"),
        "10405": Code(ProviderRequestError, "a parameter is missing or unknown; ask Quill"),
        "10407": Code(ProviderRequestError, "it does not know the platform; ask Quill"),
        "10408": Code(ProviderRequestError, "it does not know the game type; ask Quill"),
        "10409": Code(ProviderRequestError, "it does not know the transfer type; ask Quill"),
    }

    rate_limits = Limits(spacing=timedelta(minutes=1), page_spacing=timedelta(seconds=10), quota=(5, _HOUR))

    def limits(self, stream: Stream) -> Limits:
        """Return the limits of the account's contract."""
        declared = super().limits(stream)
        if stream.limits:
            return declared
        calls = int(self.extra["calls_an_hour"])
        quota = (calls, _HOUR) if calls else None
        return replace(declared, quota=quota, pages_count=self.extra["pages_count"])

    def sign(self, request: ApiRequest) -> None:
        """Sign a new nonce."""
        nonce = secrets.token_hex(16)
        request.headers |= {
            "random": nonce,
            "sn": self.account,
            "sign": signature(nonce, self.account, self.key),
        }

    def probe(self) -> str:
        """Request one order of a second. It counts in the quota."""
        end = self.now().replace(microsecond=0) - timedelta(hours=1)
        window = Interval(end - timedelta(seconds=1), end)
        params = self.params(HISTORY, window, {"currency": "PHP"})
        self.call("test", HISTORY.endpoint, {**params, "pageNo": "1", "pageSize": "1"})
        return ""


HOOK = QuillHook
