"""Debian's Chromium, driven by Playwright, and what a page of it did."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect, sync_playwright

PATH = shutil.which("chromium")
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip
WIDE, NARROW = {"width": 1280, "height": 900}, {"width": 360, "height": 740}


@contextmanager
def chromium() -> Iterator[Browser]:
    """Have one while this lasts."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=PATH, args=FLAGS)
        yield browser
        browser.close()


class Watched:
    """A page; what it asked for, and what it complained about."""

    def __init__(self, page: Page) -> None:
        self.page = page
        page.clock.install()  # two seconds pass when a test says so
        self.asked: list[str] = []
        self.complaints: list[str] = []
        page.on("request", lambda request: self.asked.append(request.url))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("dialog", lambda dialog: self.complaints.append(dialog.message))
        page.on(
            "console",
            lambda message: (
                self.complaints.append(message.text)
                if message.type in ("error", "warning")
                else None
            ),
        )

    def look_again(self) -> None:
        """Let the time pass after which the page asks for what is new."""
        expect(self.page.locator("#live")).not_to_be_empty()
        self.page.clock.run_for(2000)


def everybody_can_use(page: Page, url: str) -> None:
    """axe finds nothing, nothing is wider than the screen: large and light, small and dark."""
    page.goto(url)
    expect(page.locator("html")).to_have_attribute("data-live", "yes")
    for details in page.locator("summary").all():
        details.click()
    for viewport, scheme in ((WIDE, "light"), (NARROW, "dark")):
        page.set_viewport_size(viewport)
        page.emulate_media(color_scheme=scheme)
        assert page.evaluate("document.documentElement.scrollWidth") <= viewport["width"], url
        violations = Axe().run(page).response["violations"]
        assert [(v["id"], v["nodes"][0]["html"]) for v in violations] == [], (url, scheme)
