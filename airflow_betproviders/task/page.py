"""Where the coverage page is, by the path of the deployment's base URL."""

from __future__ import annotations

from urllib.parse import urlencode, urlsplit

from airflow.configuration import conf

PREFIX = "/betproviders"
ROUTE = "bet_coverage"


def page_path(path: str = "") -> str:
    """A path of the page's own application, from the host's root: Airflow may be reached by several names."""
    return f"{_base()}{PREFIX}/{path}"


def framed(**query: str) -> str:
    """The page inside Airflow's UI; ``query`` is what it opens with, such as provider, stream, account and slot."""
    # What follows the route is the frame's own address; Airflow before 3.3 leaves that to the page.
    told = f"?{urlencode(query)}" if query else ""
    return f"{_base()}/plugin/{ROUTE}{page_path()}{told}"


def _base() -> str:
    return urlsplit(conf.get("api", "base_url", fallback="")).path.rstrip("/")
