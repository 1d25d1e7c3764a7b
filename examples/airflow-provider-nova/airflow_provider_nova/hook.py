"""Nova's protocol: GET with HMAC-SHA256 over the sorted parameters."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, ClassVar

from airflow_betproviders.declare.interval import Interval
from airflow_betproviders.exceptions import ProviderAuthError, ProviderRateLimited, ProviderRequestError
from airflow_betproviders.hooks.base import BetProviderHook, Code
from airflow_betproviders.hooks.success import CodeEquals
from airflow_provider_nova.streams import BETS


def signature(fields: Mapping[str, Any], key: str) -> str:
    """Return the ``sign`` of a request (document: GET /v1/bets)."""
    text = "&".join(f"{name}={value}" for name, value in sorted(fields.items()))
    return hmac.new(key.encode(), text.encode(), hashlib.sha256).hexdigest()


class NovaHook(BetProviderHook):
    """Nova: login is the account, password the key."""

    default_conn_name = "nova_default"
    conn_type = "nova"
    hook_name = "Nova"
    default_min_interval = 1.0
    method = "GET"
    params_in = "query"
    success = CodeEquals(member="ok", value="true", code="error", text="text")
    codes: ClassVar[Mapping[str, Code]] = {
        "BAD_SIGN": Code(ProviderAuthError, "the signature is wrong; check the key (password)"),
        "NO_ACCOUNT": Code(ProviderAuthError, "it does not know the account; check the login"),
        "BAD_WINDOW": Code(ProviderRequestError, "it refuses the time range or the page; ask Nova"),
        "SLOW_DOWN": Code(ProviderRateLimited, "called too often; raise min_interval in the connection's extra"),
    }

    def fields(self, endpoint: str | int, params: Mapping[str, Any]) -> Mapping[str, Any]:  # noqa: ARG002 - it is not signed
        """Add account, time and signature."""
        fields = {"account": self.account, **params, "time": int(self.now().timestamp())}
        return {**fields, "sign": signature(fields, self.key)}

    def probe(self) -> str:
        """Request one bet of a minute."""
        end = self.now() - timedelta(minutes=10)
        window = Interval(end - timedelta(minutes=1), end)
        self.call("test", BETS.endpoint, {**self.params(BETS, window, {}), "page": 1, "size": 1})
        return ""


HOOK = NovaHook
