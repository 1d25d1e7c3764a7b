"""Addresses of the coverage page, below the deployment's base URL."""

from __future__ import annotations

from urllib.parse import urlencode, urlsplit

from airflow.configuration import conf

PREFIX = "/betproviders"
ROUTE = "bet_coverage"


def page_path(path: str = "") -> str:
    """Return a path of the page's application, from the host's root: Airflow may have several host names."""
    return f"{_base()}{PREFIX}/{path}"


def page_url(**query: str) -> str:
    """Return the page's address inside Airflow's UI. ``query`` selects provider, stream, account and slot."""
    # What follows the route is the frame's own address; Airflow before 3.3 leaves that to the page.
    selection = f"?{urlencode(query)}" if query else ""
    return f"{_base()}/plugin/{ROUTE}{page_path()}{selection}"


def _base() -> str:
    return urlsplit(conf.get("api", "base_url", fallback="")).path.rstrip("/")
