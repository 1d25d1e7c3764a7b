"""The page in a real browser, for a user who opens it for the first time."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from playwright.sync_api import Browser, Locator, Page, Route, expect

from airflow_betproviders.declare.interval import Interval
from tests.plugin.page_server import serving
from tests.plugin.showcase import HOUR, Showcase

pytestmark = [pytest.mark.browser]

NOW = datetime.now(timezone.utc)
WAIT = 60_000  # milliseconds
NAME = """<img src=x onerror="owned=1">'"&amp;<script>owned=1</script>"""


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Showcase:
    made = Showcase(tmp_path_factory.mktemp("lake"), NOW)
    made.fill(12)
    return made


@contextmanager
def opened(
    chromium: Browser, show: Showcase | None, width: int = 1280, query: str = "", *, table: bool = True
) -> Iterator[Page]:
    """Yield the page of a lake, and no error on it."""
    complaints: list[str] = []
    with serving(show, table=table) as url, chromium.new_context(viewport={"width": width, "height": 900}) as context:
        context.clock.set_fixed_time(show.now if show else NOW)
        page = context.new_page()
        page.set_default_timeout(WAIT)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(url + query)
        page.locator("#streams[aria-busy=false]").wait_for()
        yield page
        assert complaints == []


def box(of: Locator) -> dict[str, float]:
    found = of.bounding_box()
    assert found
    return dict(found)


def one_hour(folder: Path, **members: Any) -> Showcase:
    """Return a lake with the hour before last of one stream."""
    show = Showcase(folder, NOW)
    hour = NOW.replace(minute=0, second=0, microsecond=0) - 2 * HOUR
    show.store("pv", "history", Interval(hour, hour + HOUR), 12, **members)
    return show


def test_a_young_lake_fills_the_width(chromium: Browser, tmp_path: Path) -> None:
    with opened(chromium, one_hour(tmp_path)) as page:
        grid, first = box(page.locator(".heatmap")), box(page.locator(".square.complete"))

    left = 72  # the gutter with the axis
    assert abs(first["x"] - grid["x"] - left) < 3, "its first slot is the first column"
    assert first["width"] > 10


def test_older_days_are_as_wide_as_selected(chromium: Browser, lake: Showcase) -> None:
    with opened(chromium, lake) as page:
        columns = page.locator(".heatmap").first.evaluate("grid => grid.style.getPropertyValue('--columns')")

    assert columns == "12", "of the sixty days that are asked for, those that have slots"


def test_days_before_a_streams_first_slot_are_named(chromium: Browser, tmp_path: Path) -> None:
    show = one_hour(tmp_path)
    first = NOW.replace(minute=0, second=0, microsecond=0) - timedelta(days=10)
    show.store("gmag", "game_history", Interval(first, first + HOUR), 1)
    with opened(chromium, show) as page:
        young = page.locator(".card", has_text="PV")
        expect(young.locator(".before")).to_have_text("Nothing stored before")
        assert page.locator(".before").count() == 1
        before = box(young.locator(".before"))
        assert before["x"] + before["width"] < box(young.locator(".square").first)["x"]


def test_the_present_is_marked(chromium: Browser, lake: Showcase) -> None:
    with opened(chromium, lake) as page:
        today = box(page.locator(".heatmap .today").first)
        pending = box(page.locator(".square.pending").first)

    assert today["x"] <= pending["x"] + 2
    assert pending["x"] + pending["width"] <= today["x"] + today["width"] + 2


@pytest.mark.parametrize("width", [1280, 800, 720])
def test_the_refresh_button_is_in_a_row_with_other_controls(chromium: Browser, lake: Showcase, width: int) -> None:
    with opened(chromium, lake, width) as page:
        refresh, checkbox = box(page.locator("#refresh")), box(page.locator("#controls [name=narrowed]"))

    assert refresh["y"] < checkbox["y"] + checkbox["height"]
    assert checkbox["y"] < refresh["y"] + refresh["height"]


def test_a_pending_square_is_visible(chromium: Browser, lake: Showcase) -> None:
    """Its outline stands out from the card by at least the 1.5 that a quiet boundary needs."""
    with opened(chromium, lake) as page:
        shadow = page.locator(".square.pending").first.evaluate("square => getComputedStyle(square).boxShadow")

    assert "inset" in shadow
    numbers = [float(each) for each in re.findall(r"[\d.]+", shadow.split(")")[0])]
    assert numbers[-1] == pytest.approx(0.6), "the muted text's colour, more than half opaque"


def test_counts_agree(chromium: Browser, lake: Showcase) -> None:
    """Complete of those that are due; the chips name the rest, and pending ones are no part of either."""
    with opened(chromium, lake) as page:
        for card in page.locator(".card").all():
            text = card.locator(".facts").inner_text()
            [[complete, due]] = re.findall(r"([\d,]+) of ([\d,]+) due slots? complete", text)
            chips = card.locator(".counts .chip:not(:first-child)").all_inner_texts()
            others = sum(int(chip.split()[0].replace(",", "")) for chip in chips)
            assert int(complete.replace(",", "")) + others == int(due.replace(",", ""))
            share = float(card.locator(".counts .chip").first.inner_text().split()[0])
            assert (share == 100) == (others == 0)


def test_the_captions_say_what_is_drawn(chromium: Browser, lake: Showcase, tmp_path: Path) -> None:
    with opened(chromium, lake) as page:
        note = page.locator(".card").first.locator(".note")
        expect(note).to_have_text(
            "Bars: rows of the slots that begin in each day, from receipts. "
            "Line: GGR in USD of the bets placed on each day, from the bets table."
        )
        page.get_by_label("GGR in").select_option("THB")
        card = page.locator(".card", has_text="PV")
        card.scroll_into_view_if_needed()
        expect(card.locator(".note")).to_contain_text("GGR in THB")
    with opened(chromium, one_hour(tmp_path), table=False) as page:
        expect(page.locator(".note")).to_have_text(
            "Bars: rows of the slots that begin in each hour, from receipts. "
            "No GGR: set the Variable betproviders_table to the folder of the bets table."
        )


@pytest.mark.parametrize("width", [1280, 800])
def test_the_clicked_square_stays_visible_beside_its_panel(chromium: Browser, lake: Showcase, width: int) -> None:
    with opened(chromium, lake, width) as page:
        square = page.locator(".card").nth(1).locator(".square.complete").last
        square.click()
        panel = page.locator("#panel")
        expect(panel.locator("dl")).to_be_visible()
        page.wait_for_function("document.querySelector('.square.chosen').getBoundingClientRect().width > 0")
        chosen, over = box(page.locator(".square.chosen")), box(panel)

    beside = chosen["x"] + chosen["width"] <= over["x"] or chosen["y"] + chosen["height"] <= over["y"]
    assert beside
    assert chosen["y"] >= 0


def test_li_are_shown_as_money(chromium: Browser, tmp_path: Path) -> None:
    show = one_hour(tmp_path, sums={"bet_amount": "1234567", "gain_amount": "-5000"})
    with opened(chromium, show) as page:
        page.locator(".square.complete").click()
        sums = page.locator(".sums")
        expect(sums).to_contain_text("Exact sums in currency units")
        assert sums.locator("td").all_inner_texts() == ["1,234.567", "\N{MINUS SIGN}5.00"]
        expect(page.locator("#panel")).to_contain_text("The provider sends amounts in 1/1,000 of a currency unit")


def test_the_panel_shows_odd_values_and_proof(chromium: Browser, tmp_path: Path) -> None:
    odd = {"odd_values": {"award_type": 3, NAME: 1}, "rounded": {"rate": 2}, "proof": {"total": 1, "short_answer": 2}}
    with opened(chromium, one_hour(tmp_path, **odd)) as page:
        expect(page.locator(".facts")).to_contain_text("4 odd values, 2 rounded")
        page.locator(".square.complete").click()
        panel = page.locator("#panel")
        expect(panel).to_contain_text(f"1 in {NAME}, 3 in award_type")
        expect(panel).to_contain_text("2 in rate")
        expect(panel).to_contain_text("short answer (2 windows), total (1 window)")
        assert page.locator("#panel img").count() == 0


@pytest.mark.parametrize("query", ["", "?dag=aig_hourly", "?last=2020-01-01"])
def test_an_empty_page_says_the_next_step(chromium: Browser, tmp_path: Path, query: str) -> None:
    show = Showcase(tmp_path, NOW)
    (tmp_path / "raw").mkdir()
    with opened(chromium, show, query=query) as page:
        empty = page.locator(".nothing")
        expect(empty).to_be_visible()
        if "last" in query:
            empty.get_by_role("button", name="Show the last days").click()
            expect(empty).to_contain_text("No stream is stored yet")
        dag = "aig_hourly" if "dag" in query else "aig_transactions"
        expect(empty.locator(".command")).to_contain_text(f"airflow backfill create --dag-id {dag} --from-date 20")
        expect(empty.locator("a").first).to_have_attribute("href", re.compile(r"/dags(/aig_hourly)?$"))


def test_without_a_lake_it_says_how_to_name_one(chromium: Browser) -> None:
    with opened(chromium, None) as page:
        expect(page.locator(".nothing")).to_contain_text("airflow variables set betproviders_path")
        expect(page.locator(".nothing a")).to_have_attribute("href", re.compile("/variables$"))


def test_no_command_is_made_of_what_is_no_dags_name(chromium: Browser, tmp_path: Path) -> None:
    show = Showcase(tmp_path, NOW)
    (tmp_path / "raw").mkdir()
    with opened(chromium, show, query="?dag=x;reboot") as page:
        expect(page.locator(".nothing")).to_be_visible()
        assert page.locator(".command").count() == 0


def test_only_gaps_leads_back(chromium: Browser, tmp_path: Path) -> None:
    show = Showcase(tmp_path, NOW)
    end = NOW.replace(minute=0, second=0, microsecond=0)
    for hours in range(1, 4):
        show.store("aig", "transactions", Interval(end - hours * HOUR, end - (hours - 1) * HOUR), 5)
    with opened(chromium, show) as page:
        page.get_by_label("Only with gaps").check()
        page.get_by_role("button", name="Show all streams").click()
        expect(page.locator(".card")).to_have_count(1)


def test_names_with_markup_are_text(chromium: Browser, tmp_path: Path) -> None:
    show = Showcase(tmp_path, NOW)
    hour = show.midnight - timedelta(hours=20)
    for filters in ({}, {"game_id": NAME}):
        named = {"account": NAME, "filters": filters, "pii": {NAME: NAME}, "changed_by": NAME}
        named |= dict.fromkeys(("dag_id", "task_id", "run_id"), NAME)
        show.store("jdb", "transactions", Interval(hour, hour + HOUR), 3, **named)
    with opened(chromium, show) as page:
        page.get_by_label("With filters").check()
        cards = page.locator(".card")
        expect(cards).to_have_count(2)
        for card in cards.all():
            expect(card.locator(".account")).to_contain_text(NAME)
            card.locator(".square.complete").click()
            expect(page.locator("#panel dd", has_text=NAME)).to_have_count(3)
            page.get_by_role("button", name="Load this slot again").click()
            expect(page.locator("dialog")).to_contain_text(NAME)
            page.locator("dialog").get_by_role("button", name="Close").click()
        assert page.locator("body img, body script").count() == 0
        assert page.evaluate("window.owned") is None


def test_names_with_markup_in_the_address_are_text(chromium: Browser, tmp_path: Path) -> None:
    names = ("dag", "account", "stream", "filters", "provider", "slot")
    query = "&".join(f"{name}={quote(NAME)}" for name in names)
    with opened(chromium, one_hour(tmp_path), query=f"?{query}") as page:
        expect(page.locator("#scope")).to_contain_text(NAME)
        assert page.locator("body img, body script").count() == 0
        assert page.evaluate("window.owned") is None


def test_a_busy_page_is_requested_again(chromium: Browser, tmp_path: Path) -> None:
    answers: list[int] = []

    def busy(route: Route) -> None:
        answers.append(len(answers))
        if len(answers) < 3:
            route.fulfill(status=503, headers={"Retry-After": "0.1"}, json={"detail": "The page is busy."})
        else:
            route.continue_()

    with opened(chromium, one_hour(tmp_path)) as page:
        page.route("**/api/coverage?*", busy)
        page.get_by_role("button", name="Refresh").click()
        page.locator("#streams[aria-busy=false]").wait_for()
        page.wait_for_function("document.querySelectorAll('.card').length === 1")
        assert len(answers) == 3


def test_charts_of_forty_streams_are_drawn_when_they_come_near(chromium: Browser, tmp_path: Path) -> None:
    many = 40
    show = Showcase(tmp_path, NOW)
    for number in range(many):
        for hours in range(26, 50):
            start = show.midnight + HOUR - hours * HOUR
            show.store("aig", "transactions", Interval(start, start + HOUR), hours, account=f"agent{number:03}")
    with opened(chromium, show) as page:
        expect(page.locator(".card")).to_have_count(many)
        assert page.locator("canvas").count() < many
        page.locator(".card").last.scroll_into_view_if_needed()
        expect(page.locator(".card").last.locator("canvas")).to_be_visible()
