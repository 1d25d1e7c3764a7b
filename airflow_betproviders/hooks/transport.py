"""One HTTP exchange with a provider, and what its failures mean; the signed URL stays out of every message."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any

from airflow_betproviders.exceptions import (
    ProviderAuthError,
    ProviderRateLimited,
    ProviderRequestError,
    ProviderUnavailable,
)
from airflow_betproviders.hooks.request import ApiRequest

if TYPE_CHECKING:
    from collections.abc import Callable

    import requests

    from airflow_betproviders.extraction.fetch.source import AnswerPermit

_CONNECT_TIMEOUT = 10.0


class Transport:
    """Sends requests over one session, which keeps its connections open.

    Args:
        host: host and port, for messages.
        timeout: seconds to wait for an answer.
        verify: whether to check the TLS certificate, or the file of authorities to check it by.
        cert: files of a client certificate and its key, or None.
        proxy: URL of a proxy, or None.
    """

    def __init__(
        self, host: str, timeout: float, *, verify: bool | str, cert: Sequence[str] | None, proxy: str | None
    ) -> None:
        import requests

        logging.getLogger("urllib3.connectionpool").addFilter(_without_query)
        self._host = host
        self._timeout = timeout
        self._settings: Any = None
        self.session = requests.Session()
        self.session.verify = verify
        self.cert = (cert[0], cert[-1]) if cert else None
        self.session.auth = _signed_already
        if proxy:
            self.session.proxies = {"http": proxy, "https": proxy}

    def send(self, unsent: ApiRequest, permit: AnswerPermit | None = None) -> bytes:
        """Send a request and return the body of its answer, read once ``permit`` lets it into memory.

        Raises:
            ProviderUnavailable, ProviderRateLimited, ProviderAuthError, ProviderRequestError: by transport or HTTP status.
        """
        import requests
        import urllib3

        failure = ""
        try:
            request = self.session.prepare_request(
                requests.Request(unsent.method, unsent.url, unsent.headers, data=unsent.body, params=unsent.query)
            )
            if not self._settings:
                # Named here, since what the environment says would come before what the session says.
                proxies, verify = dict(self.session.proxies), self.session.verify
                self._settings = self.session.merge_environment_settings(
                    request.url, proxies, stream=True, verify=verify, cert=self.cert
                )
            with self.session.send(
                request, timeout=(_CONNECT_TIMEOUT, self._timeout), allow_redirects=False, **self._settings
            ) as response:
                read: Callable[[], bytes] = partial(response.raw.read, decode_content=True)
                body = permit.run(read) if permit else read()
        except requests.exceptions.SSLError:
            failure = "the TLS certificate was not accepted; name its authority in extra ca_bundle, or set verify to false for a test"
        except requests.exceptions.ProxyError:
            failure = "the proxy could not be reached; check extra proxy"
        except (requests.exceptions.ConnectTimeout, requests.exceptions.ReadTimeout, urllib3.exceptions.TimeoutError):
            failure = f"no answer within {self._timeout:g} s"
        except (requests.exceptions.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
            failure = f"the connection failed ({_kind(error)})"
        if failure:
            # Raised out here: the exceptions of the transport name the signed URL.
            raise ProviderUnavailable(f"{self._host}: {failure}")
        self._check_status(response)
        return body

    def _check_status(self, response: requests.Response) -> None:
        status, host = response.status_code, self._host
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


def _signed_already(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """Keeps requests from looking for the host in ``~/.netrc`` at each call, and from sending what it says there."""
    return request


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
