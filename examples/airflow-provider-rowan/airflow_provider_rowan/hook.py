"""Rowan's protocol: form bodies that carry two secrets, and an HMAC with a third one in the headers (document 1.1, 1.2)."""

from __future__ import annotations

import hashlib
import hmac
import uuid
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, ClassVar
from urllib.parse import urlsplit

from airflow_betproviders.declare.settings import TextSetting
from airflow_betproviders.exceptions import ProviderAuthError, ProviderRequestError, ProviderUnavailable
from airflow_betproviders.hooks.base import BetProviderHook, Code
from airflow_betproviders.hooks.http.request import ApiRequest
from airflow_betproviders.hooks.success import MemberIsNull
from airflow_provider_rowan.streams import HISTORY, HOURLY_SUMMARY

_UNAVAILABLE = Code(ProviderUnavailable, "an error on its side; try again later")


def signed_headers(body: bytes, *, host: str, day: str, token: str, salt: str) -> dict[str, str]:
    """Return the headers of a signed request (document 1.2).

    Args:
        body: The form body as it is sent.
        host: The host's name.
        day: The UTC day, such as ``20260115``.
        token: The operator's token.
        salt: The key of the signature.
    """
    content = hashlib.sha256(body).hexdigest()
    signature = hmac.new(salt.encode(), f"{host}{content}{day}".encode(), hashlib.sha256).hexdigest()
    return {
        "x-date": day,
        "x-content-sha256": content,
        "Authorization": f"RWN-HMAC-SHA256 Credential={day}/{token}/rwn/v1,"
        f"SignedHeaders=host;x-content-sha256;x-date,Signature={signature}",
    }


class RowanHook(BetProviderHook):
    """Rowan: login is the operator token, password the secret key, extra ``salt_secret`` the key of the signature."""

    default_conn_name = "rowan_default"
    conn_type = "rowan"
    hook_name = "Rowan"
    default_min_interval = 1.0
    settings = (
        TextSetting(name="salt_secret", secret=True),
        TextSetting(name="signed_host", default="name", choices=("name", "name-and-port")),
    )
    method = "POST"
    params_in = "form"
    success = MemberIsNull(member="error", code="code", text="message")
    codes: ClassVar[Mapping[str, Code]] = {
        "1034": Code(ProviderRequestError, "it refuses a parameter or the signature; check salt_secret and this clock"),
        "1035": _UNAVAILABLE,
        "1117": _UNAVAILABLE,
        "1200": _UNAVAILABLE,
        "1204": Code(ProviderAuthError, "it does not know the operator; check token (login) and secret key (password)"),
        "1303": _UNAVAILABLE,
        "3001": Code(ProviderRequestError, "a parameter is empty; ask Rowan"),
        "3040": _UNAVAILABLE,
    }

    def fields(self, endpoint: str | int, params: Mapping[str, Any]) -> Mapping[str, Any]:
        """Add the operator's secrets, which the body carries, and what every history asks for: real play."""
        real_play = {} if endpoint == HOURLY_SUMMARY.endpoint else {"bet_type": 1}
        return {"operator_token": self.account, "secret_key": self.key, **params, **real_play}

    def sign(self, request: ApiRequest) -> None:
        """Sign the bytes of the body; a header holds for a UTC day, so each attempt gets a new one."""
        request.query["trace_id"] = str(uuid.uuid4())
        salt = self.extra["salt_secret"]
        if salt:
            host = urlsplit(request.url).netloc if self.extra["signed_host"] == "name-and-port" else request.host
            day = f"{self.now():%Y%m%d}"
            request.headers |= signed_headers(request.body or b"", host=host, day=day, token=self.account, salt=salt)

    def probe(self) -> str:
        """Request the hands of the last ten minutes."""
        begin = self.now() - timedelta(minutes=10)
        self.call("test", HISTORY.endpoint, {"count": 1500, "row_version": int(begin.timestamp() * 1000)})
        return ""


HOOK = RowanHook
