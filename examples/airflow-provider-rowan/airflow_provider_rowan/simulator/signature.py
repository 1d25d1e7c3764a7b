"""Rowan's header signature (document: 1.2)."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping

_AUTHORIZATION = re.compile(
    r"RWN-HMAC-SHA256 Credential=(?P<date>\d{8})/(?P<token>[^/]+)/rwn/v1, ?"
    r"SignedHeaders=host;x-content-sha256;x-date, ?Signature=(?P<signature>[0-9a-fA-F]{64})"
)


def digest(body: bytes) -> str:
    """Return the SHA-256 of the form body exactly as sent, in lower-case hexadecimal."""
    return hashlib.sha256(body).hexdigest()


def sign(host: str, content: str, date: str, salt: str) -> str:
    """Return the HMAC-SHA256 over host, digest and UTC day, joined without a separator."""
    return hmac.new(salt.encode(), f"{host}{content}{date}".encode(), hashlib.sha256).hexdigest()


def signature_error(headers: Mapping[str, str], body: bytes, host: str, date: str, token: str, salt: str) -> str | None:
    """Return what is wrong with the signed headers of a request, if anything."""
    found = _AUTHORIZATION.fullmatch(headers.get("authorization", ""))
    if found is None:
        return "Authorization is missing or malformed"
    if headers.get("x-content-sha256") != digest(body):
        return "x-content-sha256 is not the digest of the body"
    if not headers.get("x-date") == found["date"] == date:
        return "x-date is not the present UTC day"
    if found["token"] != token:
        return "the credential is another operator's"
    if found["signature"].lower() != sign(host, digest(body), date, salt):
        return "the signature is wrong"
    return None
