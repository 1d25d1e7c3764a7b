"""Build a request to a provider: its parameters in the query, a JSON body or a form body."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode, urlsplit

PLACES = ("query", "json", "form")
"""The place of a request's parameters: the URL's query, a JSON body or a form body."""


@dataclass
class ApiRequest:
    """Hold a request that is ready to be signed and sent.

    A signer (`BetProviderHook.sign`) sees the final bytes of the body. It may set headers and add to the query.

    Attributes:
        method: ``GET`` or ``POST``.
        url: the address without its query.
        fields: the parameters as the hook gave them.
        query: the parameters that travel in the URL.
        body: the final bytes; None where there is no body.
        headers: headers to send besides those that requests sets, such as Content-Length.
    """

    method: str
    url: str
    fields: Mapping[str, Any]
    query: dict[str, Any] = field(default_factory=dict)
    body: bytes | None = None
    headers: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, method: str, url: str, fields: Mapping[str, Any], place: str) -> ApiRequest:
        """Build a request with its parameters in one of `PLACES`.

        Raises:
            ValueError: the place is another one.
        """
        if place not in PLACES:
            raise ValueError(f"parameters travel in one of {', '.join(PLACES)}, not in {place!r}")
        request = cls(method, url, fields)
        if place == "query":
            request.query = dict(fields)
        elif place == "json":
            request.body = json.dumps(fields, allow_nan=False).encode()
            request.headers["Content-Type"] = "application/json"
        else:
            request.body = urlencode(fields, doseq=True).encode()
            request.headers["Content-Type"] = "application/x-www-form-urlencoded"
        return request

    @property
    def host(self) -> str:
        """Return the host's name without its port."""
        return urlsplit(self.url).hostname or ""
