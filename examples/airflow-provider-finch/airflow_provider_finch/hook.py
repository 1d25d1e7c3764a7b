"""Finch's protocol: GET with login and password in the query, on several hosts (document 3.1)."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from typing import Any, ClassVar
from urllib.parse import urlsplit

from airflow_betproviders.exceptions import (
    InvalidArgument,
    ProviderAuthError,
    ProviderRequestError,
    ProviderUnavailable,
)
from airflow_betproviders.hooks.base import BetProviderHook, Code
from airflow_betproviders.hooks.protocol import member
from airflow_betproviders.hooks.success import BodyBegins, CodeEquals

ENVIRONMENTS = "/system/environments"
DETAILS = "addRoundDetails"
_DOMAIN = re.compile(r"[A-Za-z0-9.-]+(:\d{1,5})?(/[A-Za-z0-9_-]+)*")


def signature(params: Mapping[str, Any], secret: str) -> str:
    """Return the ``hash`` of a call that is no feed (document 3.1)."""
    text = "&".join(f"{name}={value}" for name, value in sorted(params.items()))
    return hashlib.md5(f"{text}{secret}".encode(), usedforsecurity=False).hexdigest()


class FinchHook(BetProviderHook):
    """Finch: login is the secure login, password the secret key. The feeds carry both in the query.

    An account may live on several hosts: the filter ``domain`` names one of `environments`; default the connection's.
    """

    default_conn_name = "finch_default"
    conn_type = "finch"
    hook_name = "Finch"
    default_min_interval = 61.0
    method = "GET"
    params_in = "query"
    success = BodyBegins(text="timepoint=", errors=CodeEquals(member="error", value="0", text="description"))
    codes: ClassVar[Mapping[str, Code]] = {
        "4": Code(ProviderAuthError, "it refuses the account; check login and password, and its IP list"),
        "5": Code(ProviderAuthError, "the hash is wrong; check the secret key (password)"),
        "7": Code(ProviderRequestError, "it refuses a parameter; check the filters, or ask the provider"),
        "100": Code(ProviderUnavailable, "an error on its side; try again later"),
        "120": Code(ProviderRequestError, "it refuses the call for good; ask Finch"),
    }

    def url(self, endpoint: str | int, params: Mapping[str, Any]) -> str:
        """Pick the host by the filter ``domain``.

        Raises:
            InvalidArgument: the filter is no host with an optional port and path. Login and password could go elsewhere.
        """
        domain = params.get("domain")
        if not domain or endpoint == ENVIRONMENTS:
            return super().url(endpoint, params)
        if not _DOMAIN.fullmatch(domain):
            raise InvalidArgument(
                f"{self.label}: filter domain={domain!r} must be a host as environments() lists it, such as api.example.com."
            )
        return f"{urlsplit(self.base_url).scheme}://{domain}{endpoint}"

    def fields(self, endpoint: str | int, params: Mapping[str, Any]) -> Mapping[str, Any]:
        """Add the credentials."""
        if endpoint == ENVIRONMENTS:
            fields = {"secureLogin": self.account, **params}
            return {**fields, "hash": signature(fields, self.key)}
        asked = {name: value for name, value in params.items() if name != "domain"}
        return {"login": self.account, "password": self.key, "options": DETAILS, **asked}

    def probe(self) -> str:
        """Request the environments."""
        self.environments()
        return ""

    def environments(self) -> tuple[str, ...]:
        """Return the hosts that the account lives on, each once (document 3.1)."""
        answer = self.call("environments", ENVIRONMENTS, {})
        domains = (
            str(environment["apiDomain"])
            for environment in member(answer, "environments")
            if environment.get("apiDomain")
        )
        return tuple(dict.fromkeys(domains))


HOOK = FinchHook
