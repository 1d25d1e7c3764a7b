"""Map failures of a connection to errors. The signed URL, which the failures contain, stays out of every message."""

from __future__ import annotations

import re
from dataclasses import dataclass

from airflow_betproviders.exceptions import (
    BetProviderError,
    ProviderAuthError,
    ProviderOverloaded,
    ProviderUnavailable,
)


@dataclass(frozen=True)
class Proxy:
    """A proxy as messages name it.

    Attributes:
        name: its host and port, without its login.
        setting: where it is configured.
    """

    name: str
    setting: str

    @classmethod
    def of(cls, url: str, *, in_connection: bool) -> Proxy:
        """Return the proxy of a URL, which the connection or the environment names."""
        without_login = url.rpartition("@")[2]
        name = without_login.rpartition("//")[2] or without_login or "without a host"
        setting = "extra proxy" if in_connection else "the environment's http_proxy, https_proxy and all_proxy"
        return cls(name, setting)


def refused_by_proxy(proxy: Proxy) -> ProviderAuthError:
    """Return the error of a proxy that does not accept its login."""
    return ProviderAuthError(
        f"the proxy {proxy.name} refuses this client (HTTP 407); check user and password in {proxy.setting}"
    )


def connection_error(error: Exception, host: str, timeout: float, proxy: Proxy | None) -> BetProviderError:
    """Return the error for an exchange without an answer.

    Args:
        error: what requests or urllib3 raised.
        host: host and port of the provider.
        timeout: seconds after which the call was given up.
        proxy: the proxy of the call, if it has one.
    """
    import requests
    import urllib3

    if proxy and (failure := _proxy_error(error, host, proxy)):
        return failure
    by = f" by the proxy {proxy.name} of {proxy.setting}" if proxy else ""
    match error:
        case requests.exceptions.ConnectTimeout():  # not ProviderOverloaded: a smaller request would not help
            problem = (
                f"no connection within {timeout:g} s; check the connection's host, and that it is reached from here"
            )
        case requests.exceptions.Timeout() | urllib3.exceptions.TimeoutError() | TimeoutError():
            return ProviderOverloaded(f"{host}: no answer within {timeout:g} s{by}")
        case requests.exceptions.SSLError():
            problem = _tls_problem(error) + (f"; the connection is made{by}" if by else "")
        case MemoryError():
            problem = "the answer did not fit in memory"
        case _:
            # The class only: the text of the innermost error contains the signed URL.
            problem = f"the connection{by} failed ({type(_cause(error)).__name__})"
    return ProviderUnavailable(f"{host}: {problem}")


def _proxy_error(error: Exception, host: str, proxy: Proxy) -> BetProviderError | None:
    """Return the error for a failure of the proxy itself; None for any other failure."""
    import requests
    import urllib3

    if refused := re.search(r"Tunnel connection failed: (\d{3})", str(error)):
        if refused[1] == "407":
            return refused_by_proxy(proxy)
        return ProviderUnavailable(
            f"the proxy {proxy.name} does not connect to {host} (HTTP {refused[1]}); check what it allows, and {proxy.setting}"
        )
    no_url = (urllib3.exceptions.ProxySchemeUnknown, urllib3.exceptions.LocationParseError)
    match error:
        case requests.exceptions.ProxyError() | requests.exceptions.InvalidProxyURL():
            problem = f"the proxy {proxy.name} could not be reached; check {proxy.setting}"
        case requests.exceptions.InvalidSchema() if "SOCKS" in str(error):
            problem = (
                f"the proxy {proxy.name} of {proxy.setting} needs a package that is not installed: pip install "
                "'requests[socks]'"
            )
        case _ if isinstance(_cause(error), no_url):
            problem = f"the proxy {proxy.name} is not a URL such as http://proxy:3128; correct {proxy.setting}"
        case _:
            return None
    return ProviderUnavailable(f"{host}: {problem}")


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


def _cause(error: BaseException) -> BaseException:
    """Return the innermost of the errors that requests and urllib3 wrap in each other."""
    while True:
        inner = [
            cause for cause in (*error.args[:1], getattr(error, "reason", None)) if isinstance(cause, BaseException)
        ]
        if not inner:
            return error
        error = inner[0]
