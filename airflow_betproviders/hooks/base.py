"""What the four hooks share: the connection, one HTTP exchange, the errors of a reply, and reading a stream."""

from __future__ import annotations

import json
import logging
import math
import re
from abc import abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import urlsplit

from airflow.sdk import BaseHook
from airflow.sdk.log import mask_secret

from airflow_betproviders.exceptions import (
    BadRows,
    BetProviderError,
    InvalidArgument,
    ProviderAuthError,
    ProviderRateLimited,
    ProviderRequestError,
    ProviderUnavailable,
    WindowExpired,
    WindowNotReady,
)
from airflow_betproviders.extraction.interval import Interval, aligned
from airflow_betproviders.streams.base import ProviderStream

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa
    import requests
    from airflow.sdk import Connection

    from airflow_betproviders.extraction.budget import SharedBudget

_CONNECT_TIMEOUT = 10.0


@dataclass(frozen=True)
class Code:
    """What a provider's status code means: the error to raise and what the user should check."""

    error: type[BetProviderError]
    cure: str


class BetProviderHook(BaseHook):
    """One account at one provider.

    Args:
        conn_id: the Airflow connection.

    Attributes:
        streams: the provider's streams, the main one first.
        codes: its documented status codes, success apart.
        default_min_interval: least seconds between two calls, unless the connection says otherwise.
    """

    conn_name_attr = "conn_id"
    default_conn_name: ClassVar[str]
    conn_type: ClassVar[str]
    hook_name: ClassVar[str]
    streams: ClassVar[tuple[ProviderStream, ...]]
    codes: ClassVar[Mapping[str, Code]]
    default_min_interval: ClassVar[float]

    def __init__(self, conn_id: str | None = None) -> None:
        """Remember the connection's id; the connection itself is read when it is first needed."""
        super().__init__()
        self.conn_id = conn_id or self.default_conn_name
        self.label = f"connection {self.conn_id}"

    # ---------------------------------------------------------------- reading

    def stream(self, name: str | None = None) -> ProviderStream:
        """The stream of that name, or the main one.

        Raises:
            InvalidArgument: the provider has no such stream.
        """
        if name is None:
            return self.streams[0]
        for stream in self.streams:
            if stream.name == name:
                return stream
        raise InvalidArgument(
            f"{self.hook_name} ({self.label}) has no stream {name!r}. "
            f"It has: {', '.join(stream.name for stream in self.streams)}."
        )

    def extract(
        self, stream: str | None = None, start: datetime | None = None, end: datetime | None = None, **filters: Any
    ) -> Iterator[pa.RecordBatch]:
        """Read a stream from start to end: every row, once, or an error before the first row is given out.

        Args:
            stream: its name; the main stream if None.
            start: aware, inclusive; not needed for snapshots such as ``games``.
            end: aware, exclusive.
            **filters: the provider's own, e.g. ``game_ids=[2011]``.

        Yields:
            Batches of the stream's schema, ordered by its clock.

        Raises:
            InvalidArgument, WindowNotReady, WindowExpired: before the first call.
            BadRows: rows that do not fit the schema; the operator can quarantine them instead.
            IncompleteWindow, ProviderError: see `airflow_betproviders.exceptions`.
        """
        from airflow_betproviders.extraction.slots import Extraction

        chosen = self.stream(stream)
        chosen.check_filters(filters)
        interval = self._interval(chosen, start, end)
        if not self.ready(chosen, interval):
            raise WindowNotReady(
                f"{self.label}, stream {chosen.name}: {interval} is ready at {self.ready_at(chosen, interval):%Y-%m-%dT%H:%M:%SZ}."
            )
        self.check_time(chosen, interval)
        self.check_connection()
        extraction = Extraction(self, chosen, filters, check_time=lambda window: self.check_time(chosen, window))
        with extraction.read(interval, extracted_at=self.now()) as slot:
            if slot.bad_rows:
                raise BadRows(
                    f"{self.label}, stream {chosen.name}, {interval}: {len(slot.bad_rows)} rows do not fit the schema, "
                    f"the first because of {slot.bad_rows[0].reason}. ExtractToParquetOperator can quarantine them."
                )
            yield from slot.spool.batches()

    def get_df(
        self, stream: str | None = None, start: datetime | None = None, end: datetime | None = None, **filters: Any
    ) -> pd.DataFrame:
        """Read a stream into pandas; columns keep their Arrow types, so that amounts stay exact. See `extract`."""
        import pandas as pd
        import pyarrow as pa

        from airflow_betproviders.extraction import columns

        chosen = self.stream(stream)
        batches = list(self.extract(chosen.name, start, end, **filters))
        table = pa.Table.from_batches(batches, schema=columns.schema(chosen.fields))
        frame: pd.DataFrame = table.to_pandas(types_mapper=pd.ArrowDtype)
        return frame

    def test_connection(self) -> tuple[bool, str]:
        """Make one cheap real call and say in plain words what is wrong."""
        try:
            self.check_connection()
            note = self.try_out()
        except BetProviderError as error:
            return False, str(error)
        return True, f"{self.hook_name} answered and accepted account {self.account}.{note}"

    # ---------------------------------------------------------------- time

    def now(self) -> datetime:
        """The present, in UTC."""
        return datetime.now(timezone.utc)

    def ready_at(self, stream: ProviderStream, interval: Interval) -> datetime:
        """When the provider has every row of the interval: its end plus the stream's lag; a snapshot is never early."""
        return interval.end + stream.lag if stream.windows else interval.start

    def ready(self, stream: ProviderStream, interval: Interval) -> bool:
        """Whether the interval is old enough to be read."""
        return self.now() >= self.ready_at(stream, interval)

    def check_time(self, stream: ProviderStream, interval: Interval) -> None:
        """Refuse what the provider no longer keeps.

        Raises:
            WindowExpired: names what is gone.
        """
        if stream.retention is None:
            return
        oldest = self.now() - stream.retention
        if interval.start < oldest:
            gone = Interval(interval.start, min(interval.end, oldest))
            raise WindowExpired(
                f"{self.label}, stream {stream.name}: {gone} is gone, the provider keeps {_days(stream.retention)}. "
                f"The oldest that can still be read begins at {oldest:%Y-%m-%dT%H:%M:%SZ}."
            )

    def _interval(self, stream: ProviderStream, start: datetime | None, end: datetime | None) -> Interval:
        if stream.windows is None:
            return self.today()
        if start is None or end is None:
            raise InvalidArgument(f"stream {stream.name} needs start= and end=.")
        interval = Interval(start, end)
        for name, instant in (("start", interval.start), ("end", interval.end)):
            if not aligned(instant, stream.windows.step, stream.origin):
                raise InvalidArgument(
                    f"{name} {instant.isoformat()} of stream {stream.name} must be a whole number of "
                    f"{stream.windows.step} steps" + (f" from {stream.origin} UTC." if stream.origin else ".")
                )
        return interval

    def today(self) -> Interval:
        """The present UTC day, which a snapshot belongs to."""
        midnight = self.now().replace(hour=0, minute=0, second=0, microsecond=0)
        return Interval(midnight, midnight + timedelta(days=1))

    # ---------------------------------------------------------------- the connection

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
        """The host with its path prefix, without a slash at the end."""
        return str(self.connection.host).rstrip("/")

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
        if not connection.login:
            raise self._connection_error("login is empty; it holds the account that the provider issued")
        if not connection.password:
            raise self._connection_error("password is empty; it holds the secret key that the provider issued")
        _ = self.min_interval, self.timeout

    @property
    def timeout(self) -> float:
        """Seconds to wait for an answer."""
        return self.number("timeout", 60.0)

    def _connection_error(self, problem: str) -> InvalidArgument:
        return InvalidArgument(f"{self.label}: {problem}.")

    # ---------------------------------------------------------------- one exchange

    @abstractmethod
    def signed(self, endpoint: str | int, params: Mapping[str, Any]) -> requests.Request:
        """A request signed with the present time."""

    @abstractmethod
    def try_out(self) -> str:
        """Make one cheap real call; raises what is wrong, returns what a user should know though it works."""

    def params(self, stream: ProviderStream, window: Interval | None, filters: Mapping[str, Any]) -> dict[str, Any]:
        """The request parameters of a window, pages apart."""
        bounds = (window.start, window.end) if window else ()
        times = {name: stream.time(at, self.utc_offset) for name, at in zip(stream.bounds, bounds, strict=False)}
        return {**times, **filters}

    def cursor(self, stream: ProviderStream, instant_ms: int) -> Any:
        """An instant as the stream's cursor parameter carries it."""
        return stream.time(datetime.fromtimestamp(instant_ms / 1000, timezone.utc), self.utc_offset)

    def request(self, stream: ProviderStream, window: Interval | None, params: Mapping[str, Any]) -> bytes:  # noqa: ARG002 - part of the engine's contract
        """Make one signed call and return the body of its answer."""
        return self.exchange(stream.endpoint, params)

    def exchange(self, endpoint: str | int, params: Mapping[str, Any]) -> bytes:
        """One HTTP exchange.

        Raises:
            ProviderUnavailable, ProviderRateLimited, ProviderAuthError, ProviderRequestError: by transport or HTTP status.
        """
        import requests
        import urllib3

        unsent = self.signed(endpoint, params)
        failure = ""
        try:
            request = self.session.prepare_request(unsent)
            # Named here, since what the environment says would come before what the session says.
            proxies, verify = dict(self.session.proxies), self.session.verify
            settings = self.session.merge_environment_settings(
                request.url, proxies, stream=True, verify=verify, cert=None
            )
            response = self.session.send(
                request, timeout=(_CONNECT_TIMEOUT, self.timeout), allow_redirects=False, **settings
            )
            body: bytes = response.raw.read(decode_content=True)
        except requests.exceptions.SSLError:
            failure = "the TLS certificate was not accepted; give its authority to this host, or set verify to false for a test"
        except requests.exceptions.ProxyError:
            failure = "the proxy could not be reached; check extra proxy"
        except (requests.exceptions.ConnectTimeout, requests.exceptions.ReadTimeout, urllib3.exceptions.TimeoutError):
            failure = f"no answer within {self.timeout:g} s"
        except (requests.exceptions.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
            failure = f"the connection failed ({_kind(error)})"
        if failure:
            # Raised out here: the exceptions of the transport name the signed URL.
            raise ProviderUnavailable(f"{self.host}: {failure}")
        self._check_status(response)
        return body

    def check(self, envelope: Mapping[str, Any]) -> None:
        """Raise the error that the envelope's status stands for; return when it says success."""
        code, text = self.status(envelope)
        if code is None:
            return
        from airflow_betproviders.extraction.decode import without_signatures

        meaning = self.meaning(code, text)
        raise meaning.error(f"the provider answered {code} {without_signatures(text)[:200]!r}: {meaning.cure}")

    @abstractmethod
    def status(self, envelope: Mapping[str, Any]) -> tuple[str | None, str]:
        """The answer's code (None for success) and text."""

    def meaning(self, code: str, text: str) -> Code:  # noqa: ARG002 - for hooks whose codes do not tell enough
        """What a code means; one that is not documented may pass, so it is retried."""
        return self.codes.get(code) or Code(ProviderUnavailable, "this code is not documented; ask the provider")

    def look_up(self, name: str, endpoint: str | int, params: Mapping[str, Any]) -> Mapping[str, Any]:
        """One call outside the streams, spaced and repeated like theirs; returns the answer as JSON."""
        from airflow_betproviders.extraction.calls import Caller

        self.check_connection()
        about = ProviderStream(provider=self.conn_type, name=name, endpoint=endpoint, doc="", fields=(), envelope={})

        def decode(body: bytes, check: Any) -> Mapping[str, Any]:
            document = None
            with suppress(ValueError):
                document = json.loads(body)
            if not isinstance(document, dict):
                raise ProviderUnavailable("the answer is not a JSON object")
            check(document)
            return document

        return Caller(self, about, decode)(None, params)

    def budget(self) -> None:
        """Wait for a place in the budget that the account shares with other workers, if it has one."""
        if self._budget is not None:
            self._budget.wait()

    @cached_property
    def _budget(self) -> SharedBudget | None:
        storage = self.extra.get("rate_limit_storage")
        if not storage:
            return None
        from airflow_betproviders.extraction.budget import SharedBudget

        return SharedBudget(storage, f"{self.conn_type}/{self.account}", self.min_interval)

    @cached_property
    def session(self) -> requests.Session:
        """One HTTP session, which keeps its connection open."""
        import requests

        logging.getLogger("urllib3.connectionpool").addFilter(_without_query)
        session = requests.Session()
        session.verify = self.extra.get("verify", True) is not False
        if proxy := self.extra.get("proxy"):
            session.proxies = {"http": proxy, "https": proxy}
        return session

    def _check_status(self, response: requests.Response) -> None:
        status, host = response.status_code, self.host
        if status < 300:
            return
        if status == 429:
            limited = ProviderRateLimited(f"{host} answered HTTP 429: called too often")
            with suppress(ValueError):
                limited.retry_after = float(response.headers.get("Retry-After", ""))
            raise limited
        if status in {401, 403}:
            raise ProviderAuthError(
                f"{host} answered HTTP {status}: check the account, its key, and that this address is on the provider's whitelist"
            )
        if status >= 500 or status == 408:
            raise ProviderUnavailable(f"{host} answered HTTP {status}")
        raise ProviderRequestError(f"{host} answered HTTP {status}: check the connection's host, path prefix included")


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


def _without_query(record: logging.LogRecord) -> bool:
    """At level DEBUG urllib3 logs the path of each call, and with it a signature."""
    if isinstance(record.args, tuple):
        record.args = tuple(arg.partition("?")[0] if isinstance(arg, str) else arg for arg in record.args)
    return True


def _kind(error: BaseException) -> str:
    """What broke, without the URL that transport errors like to name."""
    while error.args and isinstance(error.args[0], BaseException):
        error = error.args[0]
    reason = getattr(error, "reason", None)
    return type(reason if isinstance(reason, BaseException) else error).__name__


def _days(span: timedelta) -> str:
    return f"{span.days} days" if span.days > 1 else f"{span.total_seconds() / 60:.0f} minutes"
