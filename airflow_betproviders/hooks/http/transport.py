"""Send signed requests over one session, which keeps its connections open."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from concurrent.futures import CancelledError
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from airflow_betproviders.exceptions import BetProviderError
from airflow_betproviders.hooks.http.answer import ENCODINGS, ERROR_BYTES, read_body, shows_end
from airflow_betproviders.hooks.http.connection_errors import Proxy, connection_error, refused_by_proxy
from airflow_betproviders.hooks.http.request import ApiRequest
from airflow_betproviders.hooks.http.status import answered_at, error_of

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

        from airflow_betproviders.hooks.http.deadline import DeadlineAdapter

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
        from airflow_betproviders.hooks.http.deadline import Deadline

        deadline, host = Deadline(self._timeout), urlsplit(request.url).netloc.rpartition("@")[2]
        try:
            with deadline.applied(), self._open(request) as response:
                error = error_of(response.status_code, host, response.headers)
                if error:
                    if response.status_code == 407 and (proxy := self._proxy(request.url)):
                        error = refused_by_proxy(proxy)
                    return HttpAnswer(self._beginning(response), error)
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
            failure = connection_error(error, host, self._timeout, self._proxy(request.url))
        # Raised outside the handler, so without a context: the exceptions of the transport name the signed URL.
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

    def _proxy(self, url: str) -> Proxy | None:
        from requests.utils import select_proxy

        proxy = select_proxy(url, self._settings.get(_place(url), {}).get("proxies"))
        return Proxy.of(proxy, in_connection=self._own_proxy) if proxy else None


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
