"""An Airflow that several people share: logins, permissions by DAG, and an address under a path."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import requests

from airflow_betproviders.task.page import ROUTE
from demo.headless import HeadlessAirflow
from demo.setup import DAGS
from tests.browser import STILL

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, FrameLocator, Page

USERS = {"ada": "admin", "vic": "viewer", "pv_team": "user", "nobody_team": "user"}
PATH = "/team/airflow"
WAIT = 120_000  # milliseconds


class SharedAirflow(HeadlessAirflow):
    """An Airflow with several users, each with the own name as password, whose address has a path."""

    def __init__(self, home: Path, env: dict[str, str]) -> None:
        super().__init__(home, DAGS, env)
        passwords = self.home / "passwords.json"
        self.home.mkdir(parents=True, exist_ok=True)
        passwords.write_text(json.dumps({name: name for name in USERS}))
        self.url = f"{self.base_url}{PATH}"
        self.env |= {
            "PYTHONPATH": str(Path(__file__).parent),
            "AIRFLOW__API__BASE_URL": self.url,
            "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{self.url}/execution/",
            "AIRFLOW__CORE__AUTH_MANAGER": "team_auth_manager.TeamAuthManager",
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "False",
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": ",".join(f"{name}:{role}" for name, role in USERS.items()),
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(passwords),
        }

    def token(self, user: str) -> str:
        body = {"username": user, "password": user}
        response = requests.post(f"{self.url}/auth/token", json=body, timeout=30)
        response.raise_for_status()
        return str(response.json()["access_token"])

    def log_in(self) -> None:
        self._http.headers["Authorization"] = f"Bearer {self.token('ada')}"

    def page(self, path: str, user: str | None = None, **query: Any) -> requests.Response:
        """Request a path of the coverage page's application as a user."""
        with self.session(user) as session:
            return session.get(f"{self.url}/betproviders/{path}", params=query, timeout=60)

    def session(self, user: str | None) -> requests.Session:
        """Return a session of a user who has logged in, or of nobody."""
        session = requests.Session()
        session.trust_env = False
        if user:
            session.headers["Authorization"] = f"Bearer {self.token(user)}"
        return session


@contextmanager
def new_context(chromium: Browser) -> Iterator[BrowserContext]:
    """A browser that knows nothing yet."""
    with chromium.new_context(viewport={"width": 1440, "height": 1000}, color_scheme="light") as context:
        context.set_default_timeout(WAIT)
        context.add_init_script(STILL)
        yield context


class Visitors:
    """One browser for each user. The first logs in by Airflow's form, the others with a token: each load of a page costs seconds."""

    def __init__(self, airflow: SharedAirflow, chromium: Browser, stack: ExitStack) -> None:
        self._airflow = airflow
        self._chromium = chromium
        self._stack = stack
        self._pages: dict[str, Page] = {}

    def page(self, user: str) -> Page:
        """Return the user's page, wherever it was left. Those of the others show nothing: they would go on drawing runs."""
        for other in self._pages.keys() - {user}:
            self._pages[other].goto("about:blank")
        if user not in self._pages:
            context = self._stack.enter_context(new_context(self._chromium))
            self._pages[user] = self._with_token(context, user) if self._pages else enter(self._airflow, context, user)
        return self._pages[user]

    def _with_token(self, browsing: BrowserContext, user: str) -> Page:
        browsing.add_cookies([{"name": "_token", "value": self._airflow.token(user), "url": f"{self._airflow.url}/"}])
        return browsing.new_page()

    def coverage(self, user: str) -> FrameLocator:
        """Load the coverage page for the user, and return its frame."""
        page = self.page(user)
        page.goto(f"{self._airflow.url}/plugin/{ROUTE}")
        return page.frame_locator("iframe")


def enter(airflow: SharedAirflow, browsing: BrowserContext, user: str) -> Page:
    """Log in by Airflow's form, and return the browser's page."""
    page = browsing.new_page()
    page.goto(f"{airflow.url}/")
    page.locator('input[name="username"]').fill(user)
    page.locator('input[name="password"]').fill(user)
    page.locator('button[type="submit"]').click()
    page.wait_for_url(re.compile(rf"^{re.escape(airflow.url)}/(\?.*)?$"))  # the login page's own may end like it
    return page
