"""`make screenshots`: the pictures in the README, of a store that is filled for them."""

from __future__ import annotations

import random
import tempfile
from collections.abc import Sequence
from pathlib import Path
from unittest.mock import patch

from playwright.sync_api import ViewportSize

from tests.web import chromium
from tests.web.contest import ZONE
from tests.web.ward import CRITICAL, HIGH, Ward
from veriband.alerts.granted import book_of
from veriband.alerts.machine import HOUR_MS, MINUTE_MS
from veriband.configuration import Configuration
from veriband.records import Anchor, Item, Kind, reading
from veriband.store import Store
from veriband.store.roster import Band
from veriband.web import pages
from veriband.web.beside import serve_beside
from veriband_protocol.items import STATUS_OK, VITAL_HEART_RATE, VITAL_SPO2, pack_sign

FOLDER = Path(__file__).parents[2] / "docs"
NOW = 1_772_466_000_000  # 2026-03-02 16:40 in Berlin
EPOCH = 7
WALKS = ((7.2, 0.6), (12.1, 0.4), (14.5, 1.1))  # hours of the day, and how many
GAP = (9.5, 0.7)


def day(its: Ward, band: Band, seed: int) -> None:
    """A day up to now: walks, a gap, heart rate, SpO2 once in each period."""
    rng = random.Random(seed)
    begin_ms = NOW - 16 * HOUR_MS - 40 * MINUTE_MS
    items: list[Item] = [Anchor(0, Kind.ANCHOR, 1, 0, utc_ms=begin_ms)]
    minute, end = 0, (NOW - begin_ms) // MINUTE_MS - 4
    while minute < end:
        hour, t_ms = minute / 60, minute * MINUTE_MS
        if GAP[0] <= hour < GAP[0] + GAP[1]:
            gap = round(GAP[1] * 60)
            items.append(Item(len(items), Kind.GAP, 1, t_ms, gap * MINUTE_MS, 240))
            minute += gap
            continue
        walks = any(at <= hour < at + long for at, long in WALKS)
        steps = rng.randrange(92, 118) if walks else rng.choice((0, 0, 0, 6, 14))
        bpm = (104 if walks else 58 if hour < 7 else 68) + rng.randrange(-4, 9)
        if walks or minute % 10 == 5:
            signs = pack_sign(VITAL_HEART_RATE, STATUS_OK, bpm, 90)
            if minute % 120 == 45:
                signs += pack_sign(VITAL_SPO2, STATUS_OK, rng.randrange(95, 99), 88)
            items.append(reading(len(items), 1, t_ms + MINUTE_MS // 2, signs))
        items.append(Item(len(items), Kind.MINUTE, 1, t_ms, MINUTE_MS, steps))
        minute += 1
    its.store.commit(band, EPOCH, items, len(items), begin_ms + end * MINUTE_MS)


def world(path: Path) -> Ward:
    """anna's heart is far too fast, and emil sees to ben's; carl's band is silent; dora walks."""
    store = Store(path)
    its = Ward(path, store, book_of(store, Configuration()), NOW)
    day(its, its.worn("dora"), 1)
    its.pulled(its.worn("frida"))
    its.came(its.worn("carl"), 66, ago_min=20 * 60)
    its.came(its.worn("ben"), *HIGH)
    its.came(its.worn("anna"), *CRITICAL)
    its.look()
    for owed in its.book.owed(NOW):
        its.book.delivered(owed.entry.number, owed.terminal, owed.entry.alert.version, NOW)
    (ben,) = (each for each in its.book.entries() if each.cause.wearer == store.wearer("ben").id)
    its.book.acknowledge(ben.number, "Emil", "He has climbed the stairs; I look in at five", NOW)
    return its


def pictures(url: str) -> Sequence[tuple[str, str, ViewportSize, str]]:
    """What is taken: file, address, viewport, colour scheme."""
    return (
        ("care.png", f"{url}care", {"width": 900, "height": 1000}, "light"),
        ("wearer.png", f"{url}wearer/dora", {"width": 900, "height": 1000}, "light"),
    )


def main() -> None:
    """Take them."""
    FOLDER.mkdir(exist_ok=True)
    with (
        tempfile.TemporaryDirectory() as folder,
        patch.object(pages, "utc_ms", lambda: NOW),
        chromium.chromium() as browser,
    ):
        its = world(Path(folder) / "veriband.db")
        url = serve_beside(0, its.path, ZONE, Configuration(), lambda *_: True, print)
        assert url
        for name, address, viewport, scheme in pictures(url):
            page = browser.new_page(viewport=viewport, color_scheme=scheme)  # type: ignore[arg-type]
            page.goto(address)
            page.wait_for_selector("#live:not(:empty)")
            # Where no Chinese font is installed, the link to the pages in Chinese is two boxes.
            page.locator(".languages").evaluate("link => link.remove()")
            page.screenshot(path=FOLDER / name)
            page.close()
            print(FOLDER / name)
        its.store.close()


if __name__ == "__main__":
    main()
