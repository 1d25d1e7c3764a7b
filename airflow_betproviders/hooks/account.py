"""One account at one provider: the settings of its Airflow connection, checked."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Mapping
from datetime import timedelta
from functools import cached_property
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import quote, urlsplit, urlunsplit

from airflow.sdk import BaseHook
from airflow.sdk.log import mask_secret

from airflow_betproviders.declare.settings import COMMON_SETTINGS, Setting, passwords_in
from airflow_betproviders.exceptions import ConnectionNotFound, InvalidArgument, airflow_exception

if TYPE_CHECKING:
    from airflow.sdk import Connection

_HOST = re.compile(r"(?:[\w-]{1,63}\.)*[\w-]{1,63}\.?")  # also in letters beyond ASCII
# Airflow shows this in place of a secret. A connection that was copied from the UI may have it as its key.
_MASK = "***"


def find_connection(conn_id: str, hook: type[BaseHook] = BaseHook) -> Connection:
    """Return an Airflow connection, as a hook of this class gets it.

    Raises:
        ConnectionNotFound: there is none.
    """
    try:
        return hook.get_connection(conn_id)
    except (airflow_exception("AirflowException"), ImportError) as error:
        # Outside a task, Airflow 3.1 fails to import its connection to the supervisor where no backend has the connection.
        if isinstance(error, ImportError) and error.name != "airflow.sdk.execution_time.task_runner":
            raise
        raise ConnectionNotFound(
            f"connection {conn_id!r} does not exist. Create it, or correct conn_id=. If AIRFLOW_CONN_{conn_id.upper()} is set, it is malformed: "
            "quote special characters in its login and password, or write it as JSON with login and password as text."
        ) from None


class AccountHook(BaseHook):
    """A hook that knows its account.

    Args:
        conn_id: the Airflow connection.

    Attributes:
        default_min_interval: least seconds between two calls, unless the connection says otherwise.
        settings: the provider's own members of the connection's extra, beside `COMMON_SETTINGS`.
    """

    conn_name_attr = "conn_id"
    default_conn_name: ClassVar[str]
    conn_type: ClassVar[str]
    hook_name: ClassVar[str]
    default_min_interval: ClassVar[float]
    settings: ClassVar[tuple[Setting, ...]] = ()

    def __init__(self, conn_id: str | None = None) -> None:
        """Store the connection's id. The connection itself is read on first use."""
        super().__init__()
        self.conn_id = conn_id or self.default_conn_name
        self.label = f"connection {self.conn_id}"
        self.retries = True

    @classmethod
    def all_settings(cls) -> dict[str, Setting]:
        """Return the members that the connection's extra may have, by name."""
        return {setting.name: setting for setting in (*COMMON_SETTINGS, *cls.settings)}

    @cached_property
    def connection(self) -> Connection:
        """Return the Airflow connection.

        Raises:
            ConnectionNotFound: there is none.
            InvalidArgument: its host, schema, login or password is neither text nor an integer.
        """
        connection = find_connection(self.conn_id, type(self))
        for name in ("host", "schema", "login", "password"):
            value = getattr(connection, name)
            if type(value) is int:  # a connection in JSON form may have numbers
                setattr(connection, name, str(value))
            elif value is not None and not isinstance(value, str):
                raise self._connection_error(f"{name} must be text; in JSON form write it in quotes")
        for secret in self.secrets(connection):
            mask_secret(secret)
        return connection

    @cached_property
    def extra(self) -> Mapping[str, Any]:
        """Return the settings of the connection's extra, converted to their types; a setting that is not given has its default.

        Raises:
            InvalidArgument: a member is unknown, missing or invalid. The message says what is allowed.
        """
        known, given = self.all_settings(), self._given()
        for name in given.keys() - known.keys():
            raise self._unknown(name, given[name])
        return {name: self._parsed(setting, given.get(name)) for name, setting in known.items()}

    def secrets(self, connection: Connection) -> list[str]:
        """Return the values that must never appear in a message: the key, secret settings, and passwords in URLs."""
        secrets = [connection.password or "", *passwords_in(connection.host)]
        given, known = _members(connection), self.all_settings()
        for name, value in given.items():
            secrets += known[name].secrets(value) if name in known else ()
        return [*dict.fromkeys(secret for secret in secrets if secret)]

    @cached_property
    def account(self) -> str:
        """Return the account's login at the provider."""
        return str(self.connection.login)

    @property
    def utc_offset(self) -> timedelta:
        """Return the fixed offset of the account's local times; zero where a provider has none."""
        return timedelta(0)

    @cached_property
    def key(self) -> str:
        """Return the account's secret key."""
        return str(self.connection.password)

    @cached_property
    def base_url(self) -> str:
        """Return the host with its path prefix, without a slash at the end.

        The connection's port counts where the host names none. Its schema counts as the path where the host has none:
        a connection in URI form, ``gmag://http://id:key@host:8400/data``, keeps its path there.
        """
        url, port = str(self.connection.host).rstrip("/"), self.connection.port
        parts = urlsplit(url)
        if port and not parts.port:
            parts = parts._replace(netloc=f"{parts.netloc}:{port}")
        if path := (self.connection.schema or "").strip("/ "):
            parts = parts._replace(path=f"/{quote(path)}")
        return urlunsplit(parts)

    @property
    def host(self) -> str:
        """Return host and port, for messages."""
        return urlsplit(self.base_url).netloc.rpartition("@")[2]

    @property
    def timeout(self) -> float:
        """Return the seconds to wait for an answer."""
        return float(self.extra["timeout"])

    def check_connection(self) -> None:
        """Refuse a connection that cannot work, before the first call.

        Raises:
            InvalidArgument: names the field and the cure.
        """
        self._check_host()
        connection = self.connection
        if not connection.login:
            raise self._connection_error("login is empty; enter the account that the provider issued")
        if not connection.password:
            raise self._connection_error("password is empty; enter the secret key that the provider issued")
        for name, value in (("login", connection.login), ("password", connection.password)):
            if value != value.strip():
                raise self._connection_error(f"{name} begins or ends with a blank or a line break; enter it without")
            if any("\ud800" <= char <= "\udfff" for char in value):
                raise self._connection_error(f"{name} has half of a character, which cannot be sent; enter it again")
        given = {"password": connection.password, **{f"extra {name}": value for name, value in self._given().items()}}
        for name, value in given.items():
            if value == _MASK:
                raise self._connection_error(
                    f"{name} is {_MASK}, which is what Airflow shows in place of it; enter the value itself, and save"
                )
        if self.extra["rate_limit_storage"] and not find_spec("limits"):
            raise self._connection_error(
                "extra rate_limit_storage needs packages that are not installed: "
                "pip install 'airflow-provider-betproviders[redis]'"
            )
        if str(self.extra["proxy"]).startswith("socks") and not find_spec("socks"):
            raise self._connection_error(
                f"extra proxy names a SOCKS proxy ({urlsplit(self.extra['proxy']).hostname}), which needs a package that is "
                "not installed: pip install 'requests[socks]'"
            )

    def _check_host(self) -> None:
        connection, host = self.connection, self.connection.host or ""
        if not _is_url(host):
            raise self._connection_error(
                "host must be the provider's full URL, e.g. https://api.example.com/data; in URI form write "
                f"{self.conn_type}://https://login:password@api.example.com/data"
            )
        if connection.port and not (str(connection.port).isdecimal() and 0 < int(connection.port) < 65536):
            raise self._connection_error(f"port {connection.port} must be from 1 to 65535")
        if connection.port and urlsplit(host).port not in {None, connection.port}:
            raise self._connection_error(f"port {connection.port} is not the one in host; leave one of them out")
        if connection.schema in {"http", "https"}:
            raise self._connection_error(
                f"schema {connection.schema!r} would count as a path; leave schema empty, and give the full URL in host"
            )
        if connection.schema and urlsplit(host).path.strip("/"):
            raise self._connection_error(
                f"schema {connection.schema!r} is not used beside a host that has a path; leave schema empty, and give the "
                "full URL in host"
            )

    def _given(self) -> dict[str, Any]:
        """Return the members of the extra; empty fields of the form count as not given."""
        text = self.connection.extra
        if text and not _is_object(text):
            raise self._connection_error("extra is not a JSON object; write it as in the connection's form")
        return {name: value for name, value in _members(self.connection).items() if value is not None and value != ""}

    def _parsed(self, setting: Setting, value: Any) -> Any:
        if value is None:
            if setting.required:
                raise self._connection_error(f"extra {setting.name} is missing; enter {setting.required}")
            return setting.default
        if value == _MASK:
            return value  # `check_connection` refuses it with the reason
        try:
            return setting.parse(value)
        except ValueError as error:
            problem = str(error)
        raise self._connection_error(f"extra {setting.name}{setting.quote(value)} must be {problem}")

    def _unknown(self, name: str, value: Any) -> InvalidArgument:
        """Return the error of an unknown member. It quotes the value only if that cannot be a secret under a mistyped name."""
        known = self.all_settings()
        meant = name.rpartition("__")[2].strip().lower().replace("-", "_")
        close = difflib.get_close_matches(meant, known, 1)
        cure = f"Did you mean {close[0]}, {known[close[0]].wanted}? " if close else ""
        shown = known[close[0]].quote(value) if close else ""
        return self._connection_error(f"extra {name}{shown} is unknown. {cure}It may have {', '.join(sorted(known))}")

    def _connection_error(self, problem: str) -> InvalidArgument:
        return InvalidArgument(f"{self.label}: {problem}.")


def _is_object(text: str) -> bool:
    try:
        return isinstance(json.loads(text), dict)
    except (ValueError, RecursionError):
        return False


def _members(connection: Connection) -> dict[str, Any]:
    return dict(connection.extra_dejson) if connection.extra and _is_object(connection.extra) else {}


def _is_url(host: str) -> bool:
    try:
        parts = urlsplit(host)
        name = parts.hostname or ""
        return (
            parts.scheme in {"http", "https"}
            and parts.port != 0
            and not parts.query
            and not parts.fragment
            and not re.search(r"[\s\\]", host)
            and (":" in name or _HOST.fullmatch(name) is not None)
        )
    except ValueError:
        return False
