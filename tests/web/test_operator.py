"""The operator's page: what comes from where, what is missing, what is owed."""

from __future__ import annotations

import html
from collections.abc import Iterator

import pytest

from tests.host.minutes import put_gap
from tests.web.browser import Browser
from tests.web.contest import HOSTILE, ZONE
from tests.web.ward import NOW, Ward
from veriband.alerts.machine import HOUR_MS, MINUTE_MS
from veriband.records import Item, Kind
from veriband.store import Store
from veriband.web.pages import application
from veriband_protocol import battery
from veriband_protocol.items import EVENT_LOW_BATTERY


@pytest.fixture
def browser(filled: Ward) -> Iterator[Browser]:
    its = Browser(application(filled.path, ZONE))
    yield its
    its.close()


def part(browser: Browser, name: str) -> str:
    page = browser.get("/operator").html
    return html.unescape(page.partition(f'id="{name}"')[2].partition("</section>")[0])


def test_each_band_has_its_wearer_its_hops_and_its_lag(browser: Browser) -> None:
    dora = part(browser, "band-1")
    assert "Band C1:00:00:00:00:00" in dora and 'href="/wearer/dora"' in dora
    assert "18 min ago" in dora
    ben = part(browser, "band-3")
    assert "silent" in ben and "19 h ago" in ben


def test_gaps_and_low_batteries_of_a_day_are_told(filled: Ward, browser: Browser) -> None:
    band = filled.store.bands()[0]
    put_gap(filled.store, band, NOW - HOUR_MS, 312)
    put_gap(filled.store, band, NOW - 30 * HOUR_MS, 999)
    seq = filled.store.cursor(band, 7) or 0
    boot = filled.store.db.execute("SELECT max(boot) FROM item WHERE utc_ms > ?", (NOW - HOUR_MS,))
    (number,) = boot.fetchone()
    low = [
        Item(seq + k, Kind.EVENT, number, MINUTE_MS, detail=EVENT_LOW_BATTERY, raw=raw)
        for k, raw in enumerate(
            (battery.pack_battery(battery.CASE, 3410), battery.pack_battery(battery.CELL, 2600),
             b"?")
        )
    ]  # fmt: skip
    filled.store.commit(band, 7, low, seq + len(low), NOW)
    dora = part(browser, "band-1")
    assert "2026-03-02 12:00, 10 min: 312 steps in no minute" in dora and "999" not in dora
    assert "its battery, 3.41 V" in dora and "coin cell, 2.60 V" in dora


def test_what_was_noted_is_told_with_how_often(filled: Ward, browser: Browser) -> None:
    band = filled.store.bands()[0]
    for _ in range(3):
        filled.store.notice(NOW - MINUTE_MS, band, "BandVanished", f"It went {HOSTILE}.")
    filled.store.notice(NOW - MINUTE_MS, None, "NoRadio", "No scan begins.")
    dora = part(browser, "band-1")
    assert "(3 times since 2026-03-02 12:59)" in dora
    assert "No scan begins." in part(browser, "radio")
    assert "<img" not in browser.get("/operator").html


def test_what_terminals_are_owed_is_counted(filled: Ward, browser: Browser) -> None:
    owed = part(browser, "owed")
    assert "console" in owed and "page" in owed
    assert owed.count("3, the first since 2026-03-02 13:00") == 2
    for number, version in filled.owed():
        filled.book.delivered(number, "page", version, NOW)
    assert "page" not in part(browser, "owed")


def test_an_unworn_band_and_an_empty_store_are_shown(filled: Ward, browser: Browser) -> None:
    filled.store.add_band("AA:BB", None, 0)
    assert "nobody wears it" in part(browser, "band-6")
    path = filled.path.with_name("empty.db")
    Store(path).close()
    other = Browser(application(path, ZONE))
    assert "run 'veriband pair' first" in other.get("/operator").text
    other.close()


def test_it_speaks_chinese(browser: Browser) -> None:
    assert "尚欠各终端的警报" in browser.get("/operator?lang=zh").text
