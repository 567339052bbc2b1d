"""The pages in a real browser: Debian's Chromium, when it is there."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
from playwright.sync_api import Browser, expect

from tests.web import chromium
from tests.web.chromium import Watched, everybody_can_use
from tests.web.contest import HOSTILE, Contest, contest
from tests.web.site import Site

CONTEST = "contest/april%20%26%20may"

pytestmark = pytest.mark.skipif(
    chromium.PATH is None, reason="Chromium is not there: apt install chromium"
)


@pytest.fixture
def filled(tmp_path: Path) -> Iterator[Contest]:
    its = contest(tmp_path / "veriband.db")
    yield its
    its.store.close()


def test_the_table_follows_the_store_without_a_reload(
    watched: Watched, running: Site, filled: Contest
) -> None:
    page = watched.page
    page.goto(running.url)
    expect(page.locator("#live")).to_have_text("live")
    counted = page.get_by_role("row", name="anna").locator(".counted")
    expect(counted).to_have_text("4,650")
    page.get_by_role("link", name="anna").focus()
    page.evaluate("window.same = true")
    filled.anna.record([(100, 100)] * 5)
    watched.look_again()
    expect(counted).to_have_text("5,150")
    expect(page.get_by_role("link", name="anna")).to_be_focused()
    assert page.evaluate("window.same") is True
    assert watched.complaints == []


def test_a_day_follows_the_store_and_keeps_what_was_opened(
    watched: Watched, running: Site, filled: Contest
) -> None:
    page = watched.page
    page.goto(f"{running.url}{CONTEST}/{quote(HOSTILE, safe='')}")
    struck = page.locator("path.struck")
    expect(page.locator(".lane.struck")).to_have_count(1)
    before = struck.bounding_box()
    page.get_by_text("By the hour").click()
    expect(page.locator("#hours tbody tr")).to_have_count(1)
    filled.hostile.record([(165, 68)] * 20)
    watched.look_again()
    expect(page.locator("#hours tbody tr")).to_have_count(2)
    expect(page.locator("#hours")).to_be_visible()
    after = struck.bounding_box()
    assert before and after
    assert after["width"] == pytest.approx(before["width"] * 80 / 60, rel=0.02)
    assert watched.complaints == []


def test_everybody_can_use_the_pages(chrome: Browser, running: Site) -> None:
    page = chrome.new_page()
    anna, hostile = f"{CONTEST}/anna", f"{CONTEST}/{quote(HOSTILE, safe='')}"
    for target in ("", anna, hostile, f"{CONTEST}/nobody", "nowhere"):
        everybody_can_use(page, f"{running.url}{target}")
    page.close()


def test_a_wearer_is_reached_with_the_keyboard(watched: Watched, running: Site) -> None:
    page = watched.page
    page.set_viewport_size({"width": 360, "height": 740})
    page.goto(running.url)
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Veriband")).to_be_focused()
    for name in ("Wearers", "Contest", "Operator", "中文"):
        page.keyboard.press("Tab")
        expect(page.get_by_role("link", name=name, exact=True)).to_be_focused()
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="anna")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("anna")
    expect(page.locator(".chart")).to_have_accessible_name(
        "4,862 steps on 2026-04-01, most at 00:59 with 95 in a minute; heart rate 100 to 108 bpm. "
        "Of these steps: 212 unverified. The tables below have the same."
    )
    for _ in range(6):
        page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("april & may")
    assert watched.complaints == []


def test_trouble_is_told_and_ends(watched: Watched, running: Site, filled: Contest) -> None:
    page = watched.page
    page.goto(running.url)
    expect(page.locator("#live")).to_have_text("live")
    filled.store.db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    away = filled.path.with_name("away.db")
    filled.path.rename(away)
    watched.look_again()
    trouble = page.get_by_role("status")
    expect(trouble).to_contain_text("cannot be read: No such file or directory")
    expect(page.locator("#live")).to_have_text("not live")
    expect(page.get_by_role("link", name="anna")).to_be_visible()
    away.rename(filled.path)
    watched.look_again()
    expect(trouble).to_have_text("")
    expect(page.locator("#live")).to_have_text("live")
    running.process.kill()
    watched.look_again()
    expect(trouble).to_contain_text("Veriband does not answer")
