"""A wearer's own page: the day, the cycle on a clock, vital signs, and measuring now."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from urllib.parse import quote

import pytest

from tests.web.browser import Browser, table
from tests.web.contest import HOSTILE, ZONE
from tests.web.ward import NOW, Ward
from veriband.alerts.machine import HOUR_MS, MINUTE_MS
from veriband.store.entered import TYPED_IN, Entry
from veriband.vitals import plausible
from veriband.web.chinese import CHINESE
from veriband.web.english import ENGLISH
from veriband.web.pages import application
from veriband_protocol.items import VITAL_HEART_RATE


@pytest.fixture
def asked() -> list[tuple[str, int]]:
    """What was asked of which band."""
    return []


@pytest.fixture
def browser(filled: Ward, asked: list[tuple[str, int]]) -> Iterator[Browser]:
    def ask(address: str, vital: int) -> bool:
        asked.append((address, vital))
        return not address.endswith("02")  # ben's is not kept at

    its = Browser(application(filled.path, ZONE, ask=ask))
    yield its
    its.close()


def token(browser: Browser, name: str = "dora") -> str:
    page = browser.get(f"/wearer/{name}").html
    return re.findall('name="token" value="([0-9a-f]+)"', page)[0]


def part(page: str, name: str) -> str:
    return page.partition(f'id="{name}"')[2].partition("</section>")[0]


def test_the_cycle_is_a_clock_with_twelve_periods_and_their_organs(browser: Browser) -> None:
    page = browser.get("/wearer/dora").html
    face = part(page, "cycle")
    kinds = re.findall(r'<path class="sector ([^"]*)"', face)
    assert len(kinds) == 12 and kinds[-1] == "now under-way"
    assert sorted(kinds[:-1]) == ["coming"] * 4 + ["known"] + ["missing"] * 6
    assert "1 with readings, 7 without, 4 to come" in face
    assert html.escape(ENGLISH.tradition) in face
    rows = table(face)
    assert rows[6] == ["11:00-13:00 wǔ, horse", "heart", "71 bpm"]
    assert rows[0] == ["23:00-01:00 zǐ, rat", "gallbladder", "no reading"]
    assert rows[7] == ["13:00-15:00 wèi, goat", "small intestine", "under way"]
    assert rows[11] == ["21:00-23:00 hài, pig", "triple burner", "to come"]


def test_vital_signs_have_their_source_and_what_is_not_calibrated_is_marked(
    filled: Ward, browser: Browser
) -> None:
    dora = filled.store.wearer("dora")
    filled.store.enter(
        dora, Entry(NOW - HOUR_MS, TYPED_IN, (plausible.blood_pressure(128, 82),)), NOW
    )
    vitals = part(browser.get("/wearer/dora").html, "vitals")
    assert table(vitals)[0] == ["11:00-13:00 wǔ, horse", "12:00", "–", "–", "128/82", "typed in"]
    assert table(vitals)[1] == ["11:00-13:00 wǔ, horse", "12:40", "70", "–", "–", "strip"]
    assert html.escape(ENGLISH.vital_caution) in vitals
    assert ENGLISH.estimated not in html.unescape(vitals), "it was a cuff's"


def test_today_shows_steps_by_the_hour_and_gaps_as_gaps(filled: Ward, browser: Browser) -> None:
    page = browser.get("/wearer/carl").html
    today = part(page, "today")
    assert "gap" in today and "nothing recorded" in today
    assert table(today)[-1] == ["12:00", "20", "0", "0", "", "2"]
    assert ENGLISH.nothing_today in part(browser.get("/wearer/eve").html, "today")


def test_it_says_when_an_alert_is_open_and_how_old_the_data_are(browser: Browser) -> None:
    anna = browser.get("/wearer/anna")
    assert "Something is open about anna: see the alerts" in anna.text
    assert 'href="/care#wearer-5"' in anna.html
    assert "band C1:00:00:00:00:04: well · 9 min ago" in anna.text
    assert "Asia/Tokyo" in anna.text
    assert "Something is open" not in browser.get("/wearer/dora").text


def test_a_band_is_asked_to_measure_by_a_page_that_the_daemon_serves(
    browser: Browser, asked: list[tuple[str, int]]
) -> None:
    sent = browser.post("/wearer/dora", {"token": token(browser), "vital": "heart_rate"})
    assert (sent.status, sent.headers["location"]) == (303, "/wearer/dora?asked=1")
    assert asked == [("C1:00:00:00:00:00", VITAL_HEART_RATE)]
    after = browser.get("/wearer/dora?asked=1")
    assert after.status == 200 and ENGLISH.measure_asked in after.text


def test_a_band_that_is_not_kept_at_is_told(browser: Browser) -> None:
    sent = browser.post("/wearer/ben", {"token": token(browser), "vital": "spo2"})
    assert sent.status == 409
    assert ENGLISH.measure_not_here in sent.text


@pytest.mark.parametrize(
    ("fields", "headers"),
    [
        ({"token": "0"}, {}), ({"vital": "soul"}, {}), ({}, {"origin": "http://evil.example"}),
        ({}, {"origin": ""}),
    ],
)  # fmt: skip
def test_nobody_else_can_have_it_measured(
    browser: Browser,
    asked: list[tuple[str, int]],
    fields: dict[str, str],
    headers: dict[str, str],
) -> None:
    its = {"token": token(browser), "vital": "heart_rate"} | fields
    assert browser.post("/wearer/dora", its, **headers).status == 403
    assert asked == []


def test_where_no_band_can_be_asked_the_page_says_why(filled: Ward, browser: Browser) -> None:
    assert ENGLISH.no_band in part(browser.get("/wearer/eve").html, "measure")
    alone = Browser(application(filled.path, ZONE))
    page = alone.get("/wearer/dora")
    assert ENGLISH.measure_elsewhere in page.text and "<form" not in page.html
    alone.get("/care")
    its = {
        "vital": "heart_rate",
        "token": re.findall('data-token="(.*?)"', alone.get("/care").html)[0],
    }
    assert alone.post("/wearer/dora", its).status == 403
    alone.close()


def test_who_is_not_there_is_told(browser: Browser) -> None:
    assert browser.get("/wearer/nobody").status == 404
    assert browser.get("/wearer/anna/more").status == 404
    page = browser.get(f"/wearer/{quote(HOSTILE, safe='')}")
    assert page.status == 200 and "<img" not in page.html
    assert html.escape(HOSTILE) in page.html
    gone = {"token": token(browser), "vital": "spo2"}
    assert browser.post("/wearer/nobody", gone).status == 404


def test_only_what_has_changed_is_sent_again(filled: Ward, browser: Browser) -> None:
    version = browser.get("/wearer/dora").headers["etag"]
    filled.now_ms += 59_000
    assert browser.get("/wearer/dora", if_none_match=version).status == 304
    filled.now_ms += MINUTE_MS
    assert browser.get("/wearer/dora", if_none_match=version).status == 200


def test_it_speaks_chinese(browser: Browser) -> None:
    page = browser.get("/wearer/dora?lang=zh")
    assert CHINESE.tradition in page.text
    assert table(part(page.html, "cycle"))[6] == ["11:00-13:00 午时", "心", "71 bpm"]
    assert "测量血氧饱和度" in page.text
