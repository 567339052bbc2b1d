"""The carer's page in a real browser."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.web import chromium
from tests.web.chromium import Watched, everybody_can_use
from tests.web.site import Site
from tests.web.ward import CRITICAL, Ward, ward

pytestmark = pytest.mark.skipif(
    chromium.PATH is None, reason="Chromium is not there: apt install chromium"
)


@pytest.fixture
def filled(tmp_path: Path) -> Iterator[Ward]:
    its = ward(tmp_path / "veriband.db", time.time_ns() // 1_000_000)
    yield its
    its.store.close()


def test_an_alert_comes_and_is_acknowledged_with_the_keyboard(
    watched: Watched, running: Site, filled: Ward
) -> None:
    page = watched.page
    page.goto(f"{running.url}care")
    expect(page.locator("#live")).to_have_text("live")
    page.evaluate("window.same = true")
    note = page.locator("#wearer-5 input[name=note]")
    note.fill("I have called her")
    filled.came(filled.worn("zoe"), *CRITICAL)
    filled.look()
    watched.look_again()
    zoe = page.locator("section", has=page.get_by_role("heading", name="zoe"))
    expect(zoe).to_be_visible()
    expect(note).to_have_value("I have called her")
    assert page.evaluate("window.same") is True
    page.locator("#wearer-5 input[name=by]").focus()
    page.keyboard.type("Grete")
    page.keyboard.press("Tab")
    expect(note).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#wearer-5")).to_contain_text("Acknowledged by Grete: I have called her")
    expect(page.locator("#wearer-5 form")).to_have_count(0)
    assert watched.complaints == []


def test_what_a_browser_has_shown_is_owed_to_it_no_more(
    watched: Watched, running: Site, filled: Ward
) -> None:
    assert len(filled.owed()) == 3
    with watched.page.expect_response("**/care/shown") as answer:
        watched.page.goto(f"{running.url}care")
    assert answer.value.status == 204
    assert filled.owed() == []
    watched.look_again()
    expect(watched.page.locator("[data-shown]")).to_have_count(0)
    assert watched.complaints == []


def test_who_comes_second_is_told_for_as_long_as_it_takes_to_read(
    watched: Watched, running: Site, filled: Ward
) -> None:
    page = watched.page
    page.goto(f"{running.url}care")
    expect(page.locator("#live")).to_have_text("live")
    page.locator("#wearer-5 input[name=by]").fill("Grete")
    number = page.locator("#wearer-5 input[name=alert]").input_value()
    filled.book.acknowledge(int(number), "Ben", "", filled.now_ms)
    page.locator("#wearer-5 button").click()
    told = page.get_by_role("alert")
    expect(told).to_have_text(f"Alert {number} was acknowledged already, by Ben.")
    watched.look_again()
    expect(page.locator("#live")).to_have_text("live")
    expect(told).to_be_visible()


def test_it_works_without_javascript_and_keeps_the_language(
    chrome: Browser, running: Site
) -> None:
    context = chrome.new_context(java_script_enabled=False, locale="en-GB")
    page = context.new_page()
    page.goto(f"{running.url}care")
    page.get_by_role("link", name="中文").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("佩戴者")
    page.locator("#wearer-5 input[name=by]").fill("格蕾特")
    page.locator("#wearer-5 button").click()
    expect(page.locator("#wearer-5")).to_contain_text("已由 格蕾特 确认")
    page.get_by_role("link", name="English").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Wearers")
    context.close()


def test_everybody_can_use_it(chrome: Browser, running: Site) -> None:
    page = chrome.new_page()
    for target in (
        "care",
        "care?lang=zh",
        "wearer/anna",
        "wearer/dora?lang=zh",
        "wearer/eve",
        "operator",
    ):
        everybody_can_use(page, f"{running.url}{target}")
    page.close()
