"""PV / 2J summary API: POST JSON, MD5 over the compact sorted ``data``, the time and the merchant key."""

from __future__ import annotations

import hashlib
import json
import re
import time
from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar

from airflow_betproviders.declare.interval import Interval
from airflow_betproviders.declare.settings import TextSetting
from airflow_betproviders.declare.stream import Stream
from airflow_betproviders.exceptions import (
    IncompleteWindow,
    ProviderAuthError,
    ProviderRateLimited,
    ProviderRequestError,
    ProviderUnavailable,
)
from airflow_betproviders.hooks.base import BetProviderHook, Code
from airflow_betproviders.hooks.protocol import member, parse_json_object
from airflow_betproviders.hooks.success import CodeEquals
from airflow_betproviders.providers.pv import streams as pv

if TYPE_CHECKING:
    from airflow_betproviders.extraction.fetch.source import AnswerPermit

_ABOUT_ACCOUNT = re.compile(r"sign|merchant|mch|white|auth|\bip\b", re.IGNORECASE)


def sign(data: Mapping[str, Any], ts: int, key: str) -> str:
    """Compute the ``sign`` of a request (document: Interface Signature Algorithm).

    Args:
        data: the interface parameters; an empty dict is signed as ``{}``.
        ts: epoch seconds.
        key: the merchant key.
    """
    text = json.dumps(data, separators=(",", ":"), sort_keys=True)
    return hashlib.md5(f"{text}{ts}{key}".encode(), usedforsecurity=False).hexdigest()


class PvHook(BetProviderHook):
    """PV / 2J: login is mch_id, password the merchant key, extra ``currency`` the currency of the account's bets."""

    default_conn_name = "pv_default"
    conn_type = "pv"
    hook_name = "PV (2J)"
    default_min_interval = 1.0
    codes: ClassVar[Mapping[str, Code]] = {
        "400": Code(
            ProviderRequestError,
            "it refuses a parameter; PV has no code of its own for a wrong merchant key, so check that too",
        ),
        "401": Code(ProviderAuthError, "check mch_id (login) and the merchant key (password)"),
        "403": Code(ProviderAuthError, "check mch_id (login), the merchant key (password) and the IP whitelist"),
        "429": Code(ProviderRateLimited, "called too often; raise min_interval in the connection's extra"),
        "500": Code(ProviderUnavailable, "an error on its side; try again later"),
    }

    # PV answers errors with HTTP 200 too.
    success = CodeEquals(value="200", text="msg")
    settings = (TextSetting(name="currency", pattern="[A-Za-z0-9]{2,10}", hint="a currency code such as CNY"),)

    def __init__(self, conn_id: str | None = None) -> None:
        """See `BetProviderHook`."""
        super().__init__(conn_id)
        self._refuses_midnight = False
        self._proven: set[Interval] = set()

    def fields(self, endpoint: str | int, params: Mapping[str, Any]) -> Mapping[str, Any]:  # noqa: ARG002 - it is not signed
        """See `BetProviderHook`; mch_id is not part of what is signed."""
        ts = int(self.now().timestamp())
        return {"ts": ts, "sign": sign(params, ts, self.key), "mch_id": self.merchant, "data": dict(params)}

    @property
    def merchant(self) -> int:
        """Return the merchant id, which travels as an integer."""
        return int(self.account)

    def check_connection(self) -> None:
        """See `BetProviderHook`; the login must be the merchant's number."""
        super().check_connection()
        if not re.fullmatch(r"\d{1,18}", self.account, re.ASCII):
            raise self._connection_error("login must be the merchant id, a whole number")

    def params(self, stream: Stream, window: Interval | None, filters: Mapping[str, Any]) -> dict[str, Any]:
        """See `BetProviderHook`; the bonus summary wants the merchant in its data (document 1.4)."""
        own = {"mch_id": self.merchant} if "mch_id" in stream.filters else {}
        return {**own, **super().params(stream, window, filters)}

    def request(
        self,
        stream: Stream,
        window: Interval | None,
        params: Mapping[str, Any],
        permit: AnswerPermit,
    ) -> bytes:
        """Make one call. If PV refuses a window that ends at midnight, request it up to 23:59:59.

        The document requires both ends in one day and does not say whether 24:00 belongs to it. If the server refuses
        24:00, the stage summary, which has no such rule, must prove that the last second has no bet.
        """
        if not (stream.windows and stream.windows.same_day and window and window.end.time() == datetime.min.time()):
            return super().request(stream, window, params, permit)
        if not self._refuses_midnight:
            body = super().request(stream, window, params, permit)
            if _code(body) != "400":
                return body
            self._pause()
            sooner = super().request(stream, window, self._until_23_59_59(params), permit)
            match _code(sooner):
                case "400":  # it refuses something else
                    return body
                case "200":
                    self._refuses_midnight = True
                case _:
                    return sooner  # not a usable answer: the call is repeated
        else:
            sooner = super().request(stream, window, self._until_23_59_59(params), permit)
        self._prove_last_second(window, params)
        return sooner

    def _pause(self) -> None:
        """Wait the account's least interval between two calls of one request."""
        time.sleep(self.min_interval)
        shared = self.shared_limiter(pv.HISTORY)
        while shared and (seconds := shared.acquire()):
            time.sleep(min(seconds, 1.0))

    def _until_23_59_59(self, params: Mapping[str, Any]) -> dict[str, Any]:
        return {**params, "time_end": params["time_end"] - 1}

    def _prove_last_second(self, window: Interval, params: Mapping[str, Any]) -> None:
        if window in self._proven:
            return
        # It imports pyarrow, which Airflow's forms do without.
        from airflow_betproviders.extraction.decode.envelope import as_int

        end = params["time_end"]
        self._pause()
        body = self.exchange(pv.STAGE_SUMMARY.endpoint, {"time_start": end - 1, "time_end": end})
        bets = as_int(member(parse_json_object(body, self.check), "data", "summary", "bet_count"))
        if bets is None:
            raise ProviderUnavailable("the summary's bet_count is not a number, so the last second is not proven empty")
        if bets:
            raise IncompleteWindow(
                f"PV refuses windows that end at midnight, and its summary counts {bets} bets in the last second before "
                f"{window.end:%Y-%m-%dT%H:%M:%SZ}, which no other window can return. Ask PV to accept the next day's "
                "00:00:00 as time_end."
            )
        self._proven.add(window)

    def meaning(self, code: str, text: str) -> Code:
        """See `BetProviderHook`; PV documents only 400 and 500, so only the text shows that an account is refused."""
        if code == "400" and _ABOUT_ACCOUNT.search(text):
            return self.codes["403"]
        return super().meaning(code, text)

    def probe(self) -> str:
        """Request the summary of the last minute."""
        end = int(self.now().timestamp())
        self.call("test", pv.STAGE_SUMMARY.endpoint, {"time_start": end - 60, "time_end": end})
        return ""

    def slots_detail_url(self, game_id: int, draw_id: str) -> str:
        """Return the page that shows a slot round (document 3.4)."""
        answer = self.call("slots_detail_url", "/api/slots/detail/url", {"game_id": game_id, "draw_id": draw_id})
        return str(member(answer, "data", "url"))


def _code(body: bytes) -> str | None:
    """Return the code of a small answer. Large ones have rows and are never an error."""
    if len(body) > 4096:
        return "200"
    try:
        return PvHook.success.status(json.loads(body))[0] or "200"
    except (ValueError, AttributeError, RecursionError):
        return None


HOOK = PvHook
