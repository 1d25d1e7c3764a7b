"""The connection forms as a person uses them: add, test, correct, save, look again; and no secret comes back."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from airflow_betproviders.provider_info import get_provider_info
from airflow_betproviders.simulator.server import Simulator
from airflow_betproviders.simulator.settings import Settings
from demo.headless import HeadlessAirflow
from tests.airflow.dags.error_cases import WRONG_KEY
from tests.airflow.pages import ConnectionsPage, Recording, opened, picture
from tests.airflow_versions import HAS_OUR_PAGES

pytestmark = [
    pytest.mark.browser,
    pytest.mark.scheduler,
    pytest.mark.skipif(not HAS_OUR_PAGES, reason="the pages of older versions differ"),
]

FORMS: dict[str, dict[str, Any]] = {each["connection-type"]: each for each in get_provider_info()["connection-types"]}
CURES = {
    "pv": "check mch_id (login), the merchant key (password) and the IP whitelist",
    "aig": "check the secret key (password), sign_style, and this machine's clock",
    "jdb": "check dc, the AES key (password) and iv_secret",
    "gmag": "check brandId (login) and secretKey (password)",
}
PROXY_PASSWORD = "a-proxys-password"
PROXY = f"http://somebody:{PROXY_PASSWORD}@127.0.0.1:1"


@pytest.fixture(scope="module")
def vendors() -> Iterator[Simulator]:
    """The four vendors, living with the machine's clock: JDB's test asks for the last minutes."""
    with Simulator(Settings(rate=60, history_days=2, min_interval={})).running() as simulator:
        yield simulator


@pytest.fixture(scope="module")
def page(chromium: Browser, headless_airflow: HeadlessAirflow) -> Iterator[Page]:
    with opened(chromium, headless_airflow) as page:
        yield page


@pytest.mark.parametrize("conn_type", FORMS)
def test_a_form_from_the_first_look_to_a_connection_that_works(
    page: Page, headless_airflow: HeadlessAirflow, vendors: Simulator, conn_type: str
) -> None:
    form, account, conn_id = FORMS[conn_type], vendors.credentials[conn_type], f"{conn_type}_from_form"
    connections = ConnectionsPage(page)
    recording = Recording(page)

    dialog = connections.add(conn_type, form["hook-name"])
    labels = form["ui-field-behaviour"]["relabeling"]
    for name, hint in form["ui-field-behaviour"]["placeholders"].items():
        if name not in form["conn-fields"]:
            expect(dialog.get_by_label(labels.get(name, "Port"), exact=True)).to_have_attribute("placeholder", hint)
    expect(dialog.get_by_label("Schema")).to_have_count(0)
    _fill(dialog, conn_id, {**account, **WRONG_KEY})
    picture(page, f"connection-{conn_type}")

    connections.unfold("Extra Fields")
    for name, field in form["conn-fields"].items():
        shown = dialog.get_by_role("group").filter(has=page.locator(f'[name="element_{name}"]'))
        expect(shown).to_contain_text(field["label"])
        expect(shown).to_contain_text(field["description"])
        default = field["schema"].get("default", "")
        if field["schema"]["type"] == "boolean":
            expect(connections.extra(name)).to_be_checked(checked=default)
        else:
            expect(connections.extra(name)).to_have_value(str(default))
    connections.extra("min_interval").fill("0")
    for name in {"dc", "iv_secret"} & account["extra"].keys():
        connections.extra(name).fill(account["extra"][name])
    picture(page, f"connection-{conn_type}-extra")
    connections.save()

    message = connections.test(conn_id)
    assert "Test Connection Failed" in message
    assert CURES[conn_type] in message
    picture(page, f"connection-{conn_type}-refused")

    connections.edit(conn_id).get_by_label(labels["password"], exact=True).fill(account["password"])
    connections.save()
    message = connections.test(conn_id)
    assert "Test Connection Successful" in message
    assert f"answered and accepted account {account['login']}" in message
    picture(page, f"connection-{conn_type}-accepted")
    _assert_no_secret(page, recording, account["password"], account["extra"].get("iv_secret"), WRONG_KEY["password"])


def test_masked_secrets_stay_as_they_are_and_are_shown_nowhere(
    page: Page, headless_airflow: HeadlessAirflow, vendors: Simulator
) -> None:
    """On JDB's form, which alone has a secret of its own among the extra fields."""
    account, conn_id = vendors.credentials["jdb"], "jdb_masked"
    connections = ConnectionsPage(page)
    recording = Recording(page)
    _fill(connections.add("jdb", FORMS["jdb"]["hook-name"]), conn_id, account)
    connections.unfold("Extra Fields")
    for name in ("dc", "iv_secret"):
        connections.extra(name).fill(account["extra"][name])
    connections.save()

    # Who changes something else leaves the masked secrets as they are.
    connections.edit(conn_id).get_by_label("Description").fill("ours")
    connections.save()
    assert "Test Connection Successful" in connections.test(conn_id)

    connections.edit(conn_id)
    connections.unfold("Extra Fields")
    connections.extra("proxy").fill(PROXY)
    connections.save()
    assert "the proxy 127.0.0.1:1 could not be reached; check extra proxy" in connections.test(conn_id)

    dialog = connections.edit(conn_id)
    password = FORMS["jdb"]["ui-field-behaviour"]["relabeling"]["password"]
    expect(dialog.get_by_label(password, exact=True)).to_have_value("***")
    connections.unfold("Extra Fields")
    for name in ("iv_secret", "proxy"):
        expect(connections.extra(name)).to_have_value("***")
    connections.unfold("Extra Fields JSON")
    dialog.locator(".view-lines").hover()
    page.mouse.wheel(0, 2000)  # the editor has the lines in view only
    expect(dialog.locator(".view-lines")).to_contain_text('"proxy": "***"')

    _assert_no_secret(page, recording, account["password"], account["extra"]["iv_secret"], PROXY_PASSWORD)
    stored = json.dumps(headless_airflow.api("GET", f"connections/{conn_id}"))
    assert [
        secret for secret in (account["password"], account["extra"]["iv_secret"], PROXY_PASSWORD) if secret in stored
    ] == []


def test_a_mask_that_was_saved_as_the_key_is_named_in_plain_words(page: Page, vendors: Simulator) -> None:
    account = vendors.credentials["gmag"]
    connections = ConnectionsPage(page)
    _fill(connections.add("gmag", FORMS["gmag"]["hook-name"]), "gmag_copied", {**account, "password": "***"})
    connections.save()

    message = connections.test("gmag_copied")
    assert "Test Connection Failed" in message
    assert "password is ***, which is what Airflow shows in place of it; enter the value itself, and save" in message


def _fill(dialog: Locator, conn_id: str, account: dict[str, Any]) -> None:
    labels = FORMS[account["conn_type"]]["ui-field-behaviour"]["relabeling"]
    url, _, rest = account["host"].rpartition(":")
    port, _, prefix = rest.partition("/")
    dialog.get_by_label("Connection ID").fill(conn_id)
    dialog.get_by_label(labels["host"], exact=True).fill(f"{url}/{prefix}")
    dialog.get_by_label("Port", exact=True).fill(port)
    for name in ("login", "password"):
        dialog.get_by_label(labels[name], exact=True).fill(account[name])


def _assert_no_secret(page: Page, recording: Recording, *secrets: str | None) -> None:
    answers = recording.texts()
    assert any("/connections/test 200" in answer for answer in answers)
    for secret in secrets:
        assert [text[:300] for text in (page.content(), *answers) if secret and secret in text] == []
