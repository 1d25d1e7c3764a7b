"""AIG live casino: GET with signed query parameters, MD5 with the key in front."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any, ClassVar

from airflow_betproviders.declare.interval import Interval
from airflow_betproviders.declare.settings import TextSetting
from airflow_betproviders.exceptions import (
    ProviderAuthError,
    ProviderRateLimited,
    ProviderRequestError,
    ProviderUnavailable,
)
from airflow_betproviders.hooks.base import BetProviderHook, Code
from airflow_betproviders.hooks.http.request import ApiRequest
from airflow_betproviders.hooks.protocol import member
from airflow_betproviders.hooks.success import CodeEquals
from airflow_betproviders.providers.aig import streams as aig

# Where older contracts put the key; the vendor's present documentation puts it in front.
_STYLES: dict[str, Callable[[list[tuple[str, Any]], str], str]] = {
    "key-first": lambda pairs, key: f"{key}&{_joined(pairs)}",
    "key-last-param": lambda pairs, key: f"{_joined(pairs)}&key={key}",
    "key-last": lambda pairs, key: f"{_joined(pairs)}{key}",
    "values-concatenated": lambda pairs, key: "".join(str(value) for _, value in pairs) + key,
}


def _joined(pairs: list[tuple[str, Any]]) -> str:
    return "&".join(f"{name}={value}" for name, value in pairs)


def sign(params: Mapping[str, Any], key: str, style: str = "key-first") -> str:
    """Compute the ``sign`` of a request (the vendor's interface description).

    Args:
        params: the parameters, raw; ``sign`` and empty ones do not count.
        key: the merchant's secret key.
        style: where the key goes, for accounts on an older contract.
    """
    pairs = sorted((name, value) for name, value in params.items() if name != "sign" and value not in (None, ""))
    return hashlib.md5(_STYLES[style](pairs, key).encode(), usedforsecurity=False).hexdigest()


class AigHook(BetProviderHook):
    """AIG: login is agent_id, password the secret key; extra ``sign_style`` for accounts on an older contract."""

    default_conn_name = "aig_default"
    conn_type = "aig"
    hook_name = "AIG"
    default_min_interval = 5.0
    codes: ClassVar[Mapping[str, Code]] = {
        "408000": Code(ProviderRequestError, "it refuses a parameter; check the filters, or ask the provider"),
        "408003": Code(ProviderAuthError, "this address is not on AIG's IP whitelist; ask AIG to add it"),
        "408004": Code(ProviderRateLimited, "called too often; AIG allows one call per five seconds"),
        "600100": Code(
            ProviderAuthError,
            "the signature is wrong; check the secret key (password), sign_style, and this machine's clock",
        ),
        "600101": Code(ProviderRequestError, "it refuses a parameter; check the filters, or ask the provider"),
        "700101": Code(ProviderAuthError, "it does not know the merchant; check agent_id (login)"),
        "700401": Code(
            ProviderRequestError,
            "it refuses the time range; windows are shorter than a day and at most three months old",
        ),
        "800100": Code(ProviderUnavailable, "an error on its side; try again later"),
    }

    method = "GET"
    params_in = "query"
    success = CodeEquals(value="200")
    settings = (TextSetting(name="sign_style", default="key-first", choices=tuple(_STYLES)),)

    @property
    def sign_style(self) -> str:
        """Return the place of the key in the signed text."""
        return str(self.extra["sign_style"])

    def fields(self, endpoint: str | int, params: Mapping[str, Any]) -> Mapping[str, Any]:  # noqa: ARG002 - it is not signed
        """See `BetProviderHook`; the signature is valid for ten minutes."""
        fields = {"agent_id": self.account, **params, "timestamp": str(round(self.now().timestamp() * 1000))}
        return {**fields, "sign": sign(fields, self.key, self.sign_style)}

    def sign(self, request: ApiRequest) -> None:
        """See `BetProviderHook`; the document wants this header on a GET too."""
        request.headers["Content-Type"] = "application/json"

    def probe(self) -> str:
        """Request one bet of a minute."""
        end = self.now() - timedelta(minutes=10)
        window = Interval(end - timedelta(minutes=1), end)
        params = {**self.params(aig.TRANSACTIONS, window, {}), "start_index": "0", "page_size": "1"}
        self.call("test", aig.TRANSACTIONS.endpoint, params)
        return ""

    def transaction_detail(self, txn_id: str) -> dict[str, Any]:
        """Request one bet record by its id (vendor's page transaction_detail); amounts are text."""
        answer = self.call("transaction_detail", "/api/game/transaction/detail", {"txn_id": txn_id})
        return dict(member(answer, "data"))


HOOK = AigHook
