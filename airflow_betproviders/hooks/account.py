"""One account at a provider: what its Airflow connection says, and whether that can work."""

from __future__ import annotations

import math
import re
from datetime import timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import urlsplit, urlunsplit

from airflow.sdk import BaseHook
from airflow.sdk.log import mask_secret

from airflow_betproviders.exceptions import InvalidArgument

if TYPE_CHECKING:
    from airflow.sdk import Connection

# What Airflow shows in place of a secret; a connection that was copied from there has it for its key.
_MASK = "***"


class AccountHook(BaseHook):
    """A hook that knows its account.

    Args:
        conn_id: the Airflow connection.

    Attributes:
        default_min_interval: least seconds between two calls, unless the connection says otherwise.
    """

    conn_name_attr = "conn_id"
    default_conn_name: ClassVar[str]
    conn_type: ClassVar[str]
    hook_name: ClassVar[str]
    default_min_interval: ClassVar[float]

    def __init__(self, conn_id: str | None = None) -> None:
        """Remember the connection's id; the connection itself is read when it is first needed."""
        super().__init__()
        self.conn_id = conn_id or self.default_conn_name
        self.label = f"connection {self.conn_id}"
        self.retries = True

    @cached_property
    def connection(self) -> Connection:
        """The Airflow connection."""
        connection = self.get_connection(self.conn_id)
        for secret in self.secrets(connection):
            mask_secret(secret)
        return connection

    @cached_property
    def extra(self) -> dict[str, Any]:
        """The connection's extra; empty fields of the form count as not given."""
        return {name: value for name, value in self.connection.extra_dejson.items() if value not in (None, "")}

    def secrets(self, connection: Connection) -> list[str]:
        """What must never be shown: the key, and what a URL in the extra may carry before its host."""
        urls = (connection.extra_dejson.get(name) for name in ("proxy", "rate_limit_storage"))
        in_urls = (urlsplit(url).password for url in urls if url)
        return [secret for secret in (connection.password, *in_urls) if secret]

    @cached_property
    def account(self) -> str:
        """The account's login at the provider."""
        return str(self.connection.login)

    @property
    def utc_offset(self) -> timedelta:
        """The fixed offset of the account's local times; zero where a provider has none."""
        return timedelta(0)

    @cached_property
    def key(self) -> str:
        """The account's secret key."""
        return str(self.connection.password)

    @cached_property
    def base_url(self) -> str:
        """The host with its path prefix, without a slash at the end; the connection's port, where the host names none."""
        url, port = str(self.connection.host).rstrip("/"), self.connection.port
        parts = urlsplit(url)
        return urlunsplit(parts._replace(netloc=f"{parts.netloc}:{port}")) if port and not parts.port else url

    @property
    def host(self) -> str:
        """Host and port, for messages."""
        return urlsplit(self.base_url).netloc.rpartition("@")[2]

    @property
    def min_interval(self) -> float:
        """Least seconds between two calls."""
        return self.number("min_interval", self.default_min_interval)

    def number(self, name: str, default: float) -> float:
        """A number of the connection's extra."""
        try:
            value = float(self.extra.get(name, default))
        except (TypeError, ValueError):
            value = -1.0
        if not 0 <= value < math.inf:
            raise self._connection_error(f"extra {name} must be a number of seconds, e.g. {default:g}")
        return value

    def check_connection(self) -> None:
        """Refuse a connection that cannot work, before the first call.

        Raises:
            InvalidArgument: names the field and the cure.
        """
        connection = self.connection
        if not _is_url(connection.host or ""):
            raise self._connection_error("host must be the provider's full URL, e.g. https://api.example.com")
        if connection.port and urlsplit(connection.host or "").port not in {None, connection.port}:
            raise self._connection_error(f"port {connection.port} is not the one in host; leave one of them out")
        if not connection.login:
            raise self._connection_error("login is empty; it holds the account that the provider issued")
        if not connection.password:
            raise self._connection_error("password is empty; it holds the secret key that the provider issued")
        given = {"password": connection.password, **{f"extra {name}": value for name, value in self.extra.items()}}
        for name, value in given.items():
            if value == _MASK:
                raise self._connection_error(
                    f"{name} is {_MASK}, which is what Airflow shows in place of it; enter the value itself, and save"
                )
        _ = self.min_interval, self.timeout

    @property
    def timeout(self) -> float:
        """Seconds to wait for an answer."""
        return self.number("timeout", 60.0)

    def _connection_error(self, problem: str) -> InvalidArgument:
        return InvalidArgument(f"{self.label}: {problem}.")


def _is_url(host: str) -> bool:
    try:
        parts = urlsplit(host)
        return (
            parts.scheme in {"http", "https"}
            and bool(parts.hostname)
            and parts.port != 0
            and not re.search(r"\s", host)
        )
    except ValueError:
        return False
