"""An Airflow that several people share: logins, permissions by DAG, and an address under a path."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import requests

from demo.headless import HeadlessAirflow
from demo.setup import DAGS

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, FrameLocator, Page

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


def enter(airflow: SharedAirflow, browsing: BrowserContext, user: str) -> Page:
    """Log in by Airflow's form, and return the browser's page."""
    page = browsing.new_page()
    page.goto(f"{airflow.url}/")
    page.locator('input[name="username"]').fill(user)
    page.locator('input[name="password"]').fill(user)
    page.locator('button[type="submit"]').click()
    page.wait_for_url(re.compile(rf"^{re.escape(airflow.url)}/(\?.*)?$"))  # the login page's own may end like it
    return page


def coverage(page: Page) -> FrameLocator:
    """Open the coverage page from Airflow's navigation, and return its frame."""
    page.get_by_text("Coverage", exact=True).first.click()
    return page.frame_locator("iframe")
