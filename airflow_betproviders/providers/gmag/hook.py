"""GM-Ag (Golden Matrix): POST JSON, MD5 over the sorted parameters and the secret key, sent as ``?hash=``."""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any, ClassVar

from airflow_betproviders.declare.interval import Interval
from airflow_betproviders.declare.settings import FlagSetting
from airflow_betproviders.declare.stream import Stream
from airflow_betproviders.exceptions import (
    InvalidArgument,
    ProviderAuthError,
    ProviderRequestError,
    ProviderUnavailable,
)
from airflow_betproviders.hooks.base import BetProviderHook, Code
from airflow_betproviders.hooks.http.request import ApiRequest
from airflow_betproviders.hooks.protocol import member
from airflow_betproviders.hooks.success import CodeEquals
from airflow_betproviders.providers.gmag import streams as gmag

_SUB_BRANDS = {stream.name for stream in (gmag.GAME_HISTORY, gmag.GAME_TRANSACTIONS, gmag.EXTRA_TRANSACTIONS)}


def sign(params: Mapping[str, Any], secret_key: str) -> str:
    """Compute the ``hash`` of a request (the vendor's hash samples).

    Args:
        params: the body; a member ``hash`` does not count. Text and integers, or arrays of text: the vendor's samples
            disagree on everything else.
        secret_key: the brand's secret key.
    """
    pairs = sorted((name, _rendered(value)) for name, value in params.items() if name != "hash")
    text = "&".join(f"{name}={value}" for name, value in pairs)
    return hashlib.md5(f"{text}{secret_key}".encode(), usedforsecurity=False).hexdigest()


def _rendered(value: Any) -> str:
    if isinstance(value, list):
        return json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise InvalidArgument(
            f"GM-Ag takes only text and integers, not {value!r}: its servers hash other types differently."
        )
    return str(value)


class GmAgHook(BetProviderHook):
    """GM-Ag: host is the game data URL, login brandId, password secretKey; extra ``show_all`` includes sub-brands."""

    default_conn_name = "gmag_default"
    conn_type = "gmag"
    hook_name = "GM-Ag (Golden Matrix)"
    default_min_interval = 1.0
    codes: ClassVar[Mapping[str, Code]] = {
        "P_00": Code(ProviderUnavailable, "an error on its side; try again later"),
        "P_02": Code(ProviderAuthError, "the hash is wrong; check brandId (login) and secretKey (password)"),
        "P_03": Code(ProviderRequestError, "it refuses a parameter; check the filters, or ask the provider"),
        "P_04": Code(ProviderRequestError, "it does not know the player; check the filter playerId"),
        "50001": Code(
            ProviderRequestError, "it says that it has no data, which is not the same as no rounds; ask GM-Ag"
        ),
    }

    success = CodeEquals(member="error", value="0")
    settings = (FlagSetting(name="show_all"),)

    def params(self, stream: Stream, window: Interval | None, filters: Mapping[str, Any]) -> dict[str, Any]:
        """See `BetProviderHook`; sub-brands are included where the connection says so."""
        own = {"showAll": 1} if self.extra["show_all"] and stream.name in _SUB_BRANDS else {}
        return {**own, **super().params(stream, window, filters)}

    def fields(self, endpoint: str | int, params: Mapping[str, Any]) -> Mapping[str, Any]:  # noqa: ARG002 - it is not sent
        """See `BetProviderHook`; each request has an id of its own."""
        return {"requestId": uuid.uuid4().hex, "brandId": self.account, **params}

    def sign(self, request: ApiRequest) -> None:
        """See `BetProviderHook`."""
        request.query["hash"] = sign(request.fields, self.key)

    def probe(self) -> str:
        """Request one game of the list."""
        self.call("test", gmag.GAMES.endpoint, {"size": 1, "page": 1})
        return ""

    def round_detail_url(self, round_id: str, provider_code: str, end_time: datetime) -> str:
        """Return the page that shows a round (public page roundDetail).

        Args:
            round_id: roundId.
            provider_code: providerCode.
            end_time: endTime of the round, aware.
        """
        at = end_time.astimezone(timezone.utc).strftime("%Y-%m-%d %H:%M:%S")
        params = {"roundId": round_id, "providerCode": provider_code, "endTime": at}
        return str(member(self.call("round_detail_url", "/history/roundDetail", params), "data"))


HOOK = GmAgHook
