"""Exchange one HTTP request with a provider, and map failures to errors. The signed URL stays out of every message."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator, Sequence
from concurrent.futures import CancelledError
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from airflow_betproviders.exceptions import (
    BetProviderError,
    ProviderAuthError,
    ProviderOverloaded,
    ProviderUnavailable,
)
from airflow_betproviders.hooks.answer import ENCODINGS, ERROR_BYTES, read_body, shows_end
from airflow_betproviders.hooks.http_status import answered_at, error_of
from airflow_betproviders.hooks.request import ApiRequest

if TYPE_CHECKING:
    import requests

    from airflow_betproviders.extraction.fetch.source import AnswerPermit

_CONNECT_TIMEOUT = 10.0
# A server that sets ever more cookies would make every request longer.
_MOST_COOKIES = 50


@dataclass
class HttpAnswer:
    """An HTTP answer.

    Attributes:
        body: the decompressed body; of an error, only its beginning.
        error: the error that the HTTP status stands for; None for success.
        shows_end: whether an answer that was cut off would have been noticed.
        answered_at: when it was given, by the provider's clock; None if it does not say.
    """

    body: bytes
    error: BetProviderError | None = None
    shows_end: bool = True
    answered_at: datetime | None = None


class Transport:
    """Send requests over one session, which keeps its connections open.

    Args:
        timeout: seconds in which the headers of an answer must arrive; then its body has as many seconds again.
        max_bytes: size limit of an answer, decompressed.
        verify: whether to check the TLS certificate, or the path of a file with the authorities to check it against.
        cert: paths of a client certificate and its key, or None.
        proxy: URL of a proxy, or None.
    """

    def __init__(
        self,
        timeout: float,
        max_bytes: int,
        *,
        verify: bool | str = True,
        cert: Sequence[str] | None = None,
        proxy: str | None = None,
    ) -> None:
        import requests

        from airflow_betproviders.hooks.deadline import DeadlineAdapter

        for logger in ("urllib3.connectionpool", "urllib3.connection"):
            logging.getLogger(logger).addFilter(_without_query)
        self._timeout = timeout
        self._max_bytes = max_bytes
        self._own_proxy = bool(proxy)
        self._settings: dict[str, Any] = {}  # by scheme and host: the environment's proxies differ by them
        self.cert = (cert[0], cert[-1]) if cert else None
        self.session = requests.Session()
        self.session.verify = verify
        self.session.headers["Accept-Encoding"] = ENCODINGS
        # Redirects are never followed. Even so, requests would parse their targets and read their bodies.
        self.session.resolve_redirects = _no_redirects  # type: ignore[method-assign]
        for scheme in ("http://", "https://"):
            self.session.mount(scheme, DeadlineAdapter())
        if proxy:
            self.session.proxies = {"http": proxy, "https": proxy}

    def send(self, request: ApiRequest, permit: AnswerPermit | None = None) -> HttpAnswer:
        """Send a request and return its answer.

        Args:
            request: the signed request.
            permit: limits how many answers are in memory. The body is read once it allows it; None reads at once.

        Raises:
            ProviderUnavailable: there is no answer. It is ``ProviderOverloaded``, a subclass, if the answer took too long.
            ProviderAuthError: the proxy refuses this client.
            BetProviderError: every other failure, such as an answer above the size limit.
        """
        from airflow_betproviders.hooks.deadline import Deadline

        deadline, host = Deadline(self._timeout), urlsplit(request.url).netloc.rpartition("@")[2]
        try:
            with deadline.applied(), self._open(request) as response:
                error = error_of(response.status_code, host, response.headers)
                if error:
                    return HttpAnswer(self._beginning(response), self._proxys_error(response, request.url) or error)
                encoding = response.headers.get("Content-Encoding", "")
                ends = shows_end(response.raw, encoding)

                def read() -> bytes:
                    deadline.restart()  # the answer may have waited for its permit
                    return read_body(response.raw, encoding, self._max_bytes)

                body = permit.run(read) if permit else read()
                return HttpAnswer(body, shows_end=ends, answered_at=answered_at(response.headers))
        except (BetProviderError, CancelledError):
            raise
        except Exception as error:  # noqa: BLE001 - whatever a server sends, the error is one of ours
            failure = self._failure(error, host, self._proxy(request.url))
        # Raised out here: the exceptions of the transport name the signed URL.
        raise failure

    @staticmethod
    def _beginning(response: requests.Response) -> bytes:
        """Return the beginning of an error's body; the rest may be endless."""
        with suppress(Exception):
            return read_body(response.raw, response.headers.get("Content-Encoding", ""), ERROR_BYTES, cut=True)
        return b""

    def _open(self, request: ApiRequest) -> requests.Response:
        import requests

        # It takes a third of the CPU of `Session.prepare_request`, and looks up nothing in ~/.netrc.
        prepared = requests.PreparedRequest()
        prepared.prepare(
            request.method,
            request.url,
            {**self.session.headers, **request.headers},
            data=request.body,
            params=request.query,
            auth=_with_credentials_of_url,
            cookies=self.session.cookies,
        )
        place = _place(request.url)
        if place not in self._settings:
            # The session's settings are passed, since requests prefers the environment's to those of the session.
            proxies, verify = dict(self.session.proxies), self.session.verify
            self._settings[place] = self.session.merge_environment_settings(
                prepared.url, proxies, stream=True, verify=verify, cert=self.cert
            )
        if len(self.session.cookies) > _MOST_COOKIES:
            self.session.cookies.clear()
        timeout = (min(_CONNECT_TIMEOUT, self._timeout), self._timeout)
        return self.session.send(prepared, timeout=timeout, allow_redirects=False, **self._settings[place])

    def _failure(self, error: Exception, host: str, proxy: str) -> BetProviderError:
        import requests
        import urllib3

        if refused := re.search(r"Tunnel connection failed: (\d{3})", str(error)):
            return self._refused_by_proxy(proxy) if refused[1] == "407" else self._no_tunnel(host, proxy, refused[1])
        no_url = (urllib3.exceptions.ProxySchemeUnknown, urllib3.exceptions.LocationParseError)
        by = f" by the proxy {proxy} of {self._proxy_setting}" if proxy else ""
        match error:
            case requests.exceptions.ConnectTimeout():  # not ProviderOverloaded: a smaller request would not help
                problem = f"no connection within {self._timeout:g} s; check the connection's host, and that it is reached from here"
            case requests.exceptions.Timeout() | urllib3.exceptions.TimeoutError() | TimeoutError():
                return ProviderOverloaded(f"{host}: no answer within {self._timeout:g} s{by}")
            case requests.exceptions.SSLError():
                problem = _tls_problem(error) + (f"; the connection is made{by}" if by else "")
            case requests.exceptions.ProxyError() | requests.exceptions.InvalidProxyURL():
                problem = f"the proxy {proxy} could not be reached; check {self._proxy_setting}"
            case requests.exceptions.InvalidSchema() if "SOCKS" in str(error):
                problem = (
                    f"the proxy {proxy} of {self._proxy_setting} needs a package that is not installed: pip install "
                    "'requests[socks]'"
                )
            case _ if proxy and isinstance(_cause(error), no_url):
                problem = f"the proxy {proxy} is not a URL such as http://proxy:3128; correct {self._proxy_setting}"
            case MemoryError():
                problem = "the answer did not fit in memory"
            case _:
                problem = f"the connection{by} failed ({_kind(error)})"
        return ProviderUnavailable(f"{host}: {problem}")

    def _proxys_error(self, response: requests.Response, url: str) -> ProviderAuthError | None:
        proxy = self._proxy(url)
        return self._refused_by_proxy(proxy) if response.status_code == 407 and proxy else None

    def _refused_by_proxy(self, proxy: str) -> ProviderAuthError:
        return ProviderAuthError(
            f"the proxy {proxy} refuses this client (HTTP 407); check user and password in {self._proxy_setting}"
        )

    def _no_tunnel(self, host: str, proxy: str, status: str) -> ProviderUnavailable:
        return ProviderUnavailable(
            f"the proxy {proxy} does not connect to {host} (HTTP {status}); check what it allows, and {self._proxy_setting}"
        )

    def _proxy(self, url: str) -> str:
        """Return host and port of the proxy for a URL, without its login; empty text for none."""
        from requests.utils import select_proxy

        proxy: str = select_proxy(url, self._settings.get(_place(url), {}).get("proxies")) or ""
        named = proxy.rpartition("@")[2]
        return proxy and (named.rpartition("//")[2] or named or "without a host")

    @property
    def _proxy_setting(self) -> str:
        return "extra proxy" if self._own_proxy else "the environment's http_proxy, https_proxy and all_proxy"


def _place(url: str) -> str:
    """Return a URL without its path: what the choice of a proxy depends on."""
    return "/".join(url.split("/", 3)[:3])


def _no_redirects(*_args: Any, **_kwargs: Any) -> Iterator[requests.Response]:
    return iter(())


def _with_credentials_of_url(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """Send the user and password of the URL, such as those of a gateway in front of the provider.

    Requests would do so itself, in place of an Authorization header that the hook has set.
    """
    if "@" not in (request.url or ""):
        return request
    from requests.auth import HTTPBasicAuth
    from requests.utils import get_auth_from_url

    user, password = get_auth_from_url(request.url or "")
    if (user or password) and "Authorization" not in request.headers:
        HTTPBasicAuth(user, password)(request)
    return request


def _without_query(record: logging.LogRecord) -> bool:
    """Keep signatures and a server's text out of urllib3's log.

    At DEBUG, urllib3 logs the path and query of each call. At WARNING, it logs malformed headers with the URL.
    """
    if isinstance(record.args, tuple):
        record.args = tuple(_harmless(arg) for arg in record.args)
    record.exc_info = record.exc_text = None
    return True


def _harmless(arg: Any) -> Any:
    if isinstance(arg, BaseException):
        return type(arg).__name__
    return arg.partition("?")[0] if isinstance(arg, str) else arg


def _tls_problem(error: BaseException) -> str:
    cause = _cause(error)
    reason = getattr(cause, "verify_message", None)
    if reason:
        return (
            f"the TLS certificate was not accepted ({reason}); name its authority in extra ca_bundle, or set verify to false "
            "for a test"
        )
    reason = getattr(cause, "reason", None)
    return f"no TLS connection ({reason or type(cause).__name__}); check extra ca_bundle and client_cert"


def _kind(error: BaseException) -> str:
    """Return the name of the innermost error's class. Its text is left out, since it contains the signed URL."""
    return type(_cause(error)).__name__


def _cause(error: BaseException) -> BaseException:
    """Return the innermost of the errors that requests and urllib3 wrap in each other."""
    while True:
        inner = [
            cause for cause in (*error.args[:1], getattr(error, "reason", None)) if isinstance(cause, BaseException)
        ]
        if not inner:
            return error
        error = inner[0]
