"""The carer's page: all wearers, the worst first, and what becomes of an acknowledgement."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.web.browser import Browser
from tests.web.contest import HOSTILE, ZONE
from tests.web.ward import CRITICAL, NOW, Ward
from veriband.alerts.book import Cause
from veriband.alerts.hops import Patience
from veriband.alerts.machine import HOUR_MS, MINUTE_MS, Phase
from veriband.configuration import CONSOLE
from veriband.store import Store
from veriband.web import care
from veriband.web.care import Urgency
from veriband.web.chinese import CHINESE
from veriband.web.english import ENGLISH
from veriband.web.pages import application


@pytest.fixture
def browser(filled: Ward) -> Iterator[Browser]:
    its = Browser(application(filled.path, ZONE))
    yield its
    its.close()


def token(browser: Browser) -> str:
    return re.findall('data-token="([0-9a-f]+)"', browser.get("/care").html)[0]


def number_of(filled: Ward, name: str) -> int:
    its = filled.store.wearer(name).id
    (entry,) = (each for each in filled.book.entries() if each.cause.wearer == its)
    return entry.number


def answer(filled: Ward, browser: Browser, **changes: str) -> dict[str, str]:
    """What the form of anna's alert sends."""
    number = number_of(filled, "anna")
    version = filled.book.entry(number).alert.version
    its = {"alert": str(number), "version": str(version), "by": "Grete", "note": "I call her"}
    return its | {"token": token(browser)} | changes


def test_the_worst_are_first_and_the_oldest_data_among_equals(filled: Ward) -> None:
    its = care.ward(filled.store, filled.book, Patience(), ZONE, NOW)
    assert [(charge.wearer.name, charge.urgency) for charge in its.charges] == [
        ("anna", Urgency.CRITICAL),
        (HOSTILE, Urgency.ALERT),
        ("ben", Urgency.FAULT),
        ("eve", Urgency.WELL),
        ("carl", Urgency.WELL),
        ("dora", Urgency.WELL),
    ]


def test_what_somebody_sees_to_comes_after_what_nobody_does(filled: Ward) -> None:
    filled.came(filled.worn("zoe"), *CRITICAL)
    filled.look()
    filled.book.acknowledge(number_of(filled, "anna"), "Grete", "", NOW)
    names = [
        charge.wearer.name
        for charge in care.ward(filled.store, filled.book, Patience(), ZONE, NOW).charges
    ]
    assert names[:2] == ["zoe", "anna"]


def test_an_unknown_zone_of_one_hides_nobody(filled: Ward) -> None:
    filled.worn("mars", "Mars/Olympus")
    its = care.ward(filled.store, filled.book, Patience(), ZONE, NOW)
    assert {charge.zone for charge in its.charges if charge.wearer.name == "mars"} == {ZONE}
    assert len(its.charges) == 7


def test_an_alert_says_what_it_was_found_from_on_its_wearers_clock(browser: Browser) -> None:
    page = browser.get("/care")
    assert page.status == 200
    assert "1 critical, 1 with an alert, 1 with a fault, 3 well." in page.text
    anna = page.html.partition("alert-")[2].partition("</article>")[0]
    text = " ".join(re.sub("<[^>]*>", " ", anna).split())
    assert "heart rate 197 bpm, above 100 critical" in text
    assert "since 2026-03-02 20:40, goes on" in text  # in Tokyo
    assert "3 readings" in text and "2026-03-02 (partial: it goes on)" in text
    assert text.count("strip") == 3
    assert ENGLISH.alert_caution in html.unescape(page.text)


def test_faults_are_apart_from_anomalies_and_what_is_off_by_choice_is_none(
    browser: Browser,
) -> None:
    page = browser.get("/care").html
    ben = page.partition('id="wearer-3"')[2].partition("</section>")[0]
    assert 'class="faults"' in ben and 'class="anomalies"' not in ben
    assert "silent" in ben and "19 h ago" in ben
    well = page.partition('id="well"')[2].partition("</section>")[0]
    assert "off by choice, no fault" in well
    assert "carl" in well and "dora" in well and "Wears no band now." in well


def test_what_was_held_back_is_said(filled: Ward, browser: Browser) -> None:
    number = number_of(filled, "anna")
    filled.book.observe(filled.book.entry(number).cause.wearer, {"anomaly/SpO2/low": []}, NOW)
    dora = filled.store.wearer("dora").id
    causes = {
        subject: [Cause(dora, subject, NOW - MINUTE_MS, facts={"text": k})]
        for k in "abcd"
        for subject in [f"anomaly/{k}/low"]
    }
    filled.book.observe(filled.store.wearer("dora").id, causes, NOW)
    assert "1 held back within a day: 3 in an hour" in browser.get("/care").text
    assert "一天内有 1 条未发出: 一小时内已有 3 条" in browser.get("/care?lang=zh").text


def test_what_others_wrote_is_text_and_nothing_else(filled: Ward, browser: Browser) -> None:
    filled.book.acknowledge(number_of(filled, HOSTILE), HOSTILE, HOSTILE, NOW)
    page = browser.get("/care").html
    assert "<img" not in page and page.count(html.escape(HOSTILE)) >= 3


def test_an_alert_is_acknowledged_by_a_name_with_a_note(filled: Ward, browser: Browser) -> None:
    sent = browser.post("/care", answer(filled, browser, by=" Grete  <b> ", note="I call\r\nher"))
    number = number_of(filled, "anna")
    assert (sent.status, sent.headers["location"]) == (303, f"/care#alert-{number}")
    alert = filled.book.entry(number).alert
    assert alert.phase is Phase.ACKNOWLEDGED
    assert (alert.acknowledged_by, alert.note) == ("Grete <b>", "I call her")
    page = browser.get("/care")
    assert "Acknowledged by Grete <b>: I call her" in page.text
    assert f'name="alert" value="{number}"' not in page.html
    assert filled.book.owed(NOW), "other terminals are owed by whom"


def test_who_comes_second_is_told_who_was_first(filled: Ward, browser: Browser) -> None:
    its = answer(filled, browser)
    filled.book.acknowledge(number_of(filled, "anna"), "Ben", "", NOW)
    second = browser.post("/care", its)
    assert second.status == 409
    assert f"Alert {its['alert']} was acknowledged already, by Ben." in second.text
    assert "Acknowledged by Ben" in second.text


def test_an_alert_that_is_over_cannot_be_acknowledged_after_it_has_expired(
    filled: Ward, browser: Browser
) -> None:
    its = answer(filled, browser)
    number = int(its["alert"])
    entry = filled.book.entry(number)
    filled.book.observe(entry.cause.wearer, {entry.cause.subject: []}, NOW)
    filled.book.advance(NOW + 25 * HOUR_MS)
    assert f"Alert {number} is expired unacknowledged." in browser.post("/care", its).text


def test_an_acknowledgement_wants_a_name(filled: Ward, browser: Browser) -> None:
    sent = browser.post("/care", answer(filled, browser, by=" "))
    assert sent.status == 409
    assert ENGLISH.name_wanted in sent.text
    assert filled.book.entry(number_of(filled, "anna")).alert.acknowledged_by is None


@pytest.mark.parametrize(
    ("fields", "headers"),
    [
        ({"token": "0" * 64}, {}),
        ({"token": ""}, {}),
        ({"token": "é"}, {}),
        ({}, {"origin": "http://evil.example"}),
        ({}, {"origin": "null"}),
        ({}, {"origin": ""}),
        ({}, {"origin": "http://127.0.0.1:8081"}),
        ({}, {"cookie": "veriband=AAAAAAAAAAAAAAAAAAAAAA"}),
        ({}, {"cookie": ""}),
        ({}, {"content_type": "text/plain"}),
        ({"note": "x" * 70_000}, {}),
        ({"alert": "1; DROP"}, {}),
        ({"version": "-1"}, {}),
    ],
)
def test_what_was_not_sent_by_a_page_of_ours_is_refused(
    filled: Ward, browser: Browser, fields: dict[str, str], headers: dict[str, str]
) -> None:
    sent = browser.post("/care", answer(filled, browser, **fields), **headers)
    assert sent.status == 403
    assert ENGLISH.refused_why in sent.text
    assert filled.book.entry(number_of(filled, "anna")).alert.acknowledged_by is None


def test_another_name_of_this_computer_cannot_send(filled: Ward, browser: Browser) -> None:
    its = answer(filled, browser)
    assert browser.get("/care", "POST", host="evil.example:8080").status == 421
    assert browser.post("/care", its, host="evil.example:8080").status == 421
    assert browser.post("/care", its, origin="http://localhost:8080").status == 303


def test_a_token_is_one_processs_and_one_browsers(filled: Ward, browser: Browser) -> None:
    other = Browser(application(filled.path, ZONE))
    cookie = browser.get("/care").headers["set-cookie"].partition(";")[0]
    assert token(other) != token(browser)
    assert other.post("/care", answer(filled, browser), cookie=cookie).status == 403
    other.close()
    assert re.fullmatch(
        r"veriband=[\w-]{22}; HttpOnly; Path=/; SameSite=strict",
        browser.get("/care").headers["set-cookie"],
    )


def test_a_page_confirms_what_it_has_shown_and_nothing_else(
    filled: Ward, browser: Browser
) -> None:
    owed = filled.owed()
    assert len(owed) == 3
    shown = re.findall(r'data-shown="(\d+)\.(\d+)"', browser.get("/care").html)
    assert sorted((int(a), int(b)) for a, b in shown) == sorted(owed)
    number, version = owed[0]
    its = {"token": token(browser), "shown": f"{number}.{version}"}
    assert browser.post("/care/shown", its).status == 204
    assert filled.owed() == owed[1:]
    assert f'data-shown="{number}.' not in browser.get("/care").html
    assert filled.book.entry(number).alert.phase is Phase.DELIVERED
    assert any(o.terminal == CONSOLE for o in filled.book.owed(NOW)), "the console is owed it"
    for wrong in ("99.1", f"{number}.99"):
        assert browser.post("/care/shown", its | {"shown": wrong}).status == 204
    assert filled.owed() == owed[1:]
    for refused in ({"shown": "1"}, {"shown": ""}, {"token": "x"}):
        assert browser.post("/care/shown", its | refused).status == 403


def test_what_is_over_is_shown_until_a_page_has(filled: Ward, browser: Browser) -> None:
    number = number_of(filled, "anna")
    entry = filled.book.entry(number)
    filled.book.acknowledge(number, "Grete", "", NOW)
    filled.book.observe(entry.cause.wearer, {entry.cause.subject: []}, NOW)
    filled.now_ms = NOW + 30 * HOUR_MS
    over = browser.get("/care").html.partition('id="over"')[2]
    (shown,) = re.findall(rf'data-shown="({number}\.\d+)"', over)
    browser.post("/care/shown", {"token": token(browser), "shown": shown})
    assert 'id="over"' not in browser.get("/care").html


def test_only_what_has_changed_is_sent_again(filled: Ward, browser: Browser) -> None:
    version = browser.get("/care").headers["etag"]
    assert browser.get("/care", if_none_match=version).status == 304
    filled.now_ms += 59_000
    assert browser.get("/care", if_none_match=version).status == 304
    filled.book.acknowledge(number_of(filled, "anna"), "Grete", "", NOW)
    assert browser.get("/care", if_none_match=version).status == 200
    version = browser.get("/care").headers["etag"]
    filled.now_ms += 60_000
    assert browser.get("/care", if_none_match=version).status == 200, "data are older now"
    assert browser.get("/care?lang=zh", if_none_match=version).status == 200


def test_a_store_that_went_away_is_told_and_not_made_anew(filled: Ward, browser: Browser) -> None:
    its = answer(filled, browser)
    filled.store.close()
    filled.path.rename(filled.path.with_name("away.db"))
    sent = browser.post("/care", its)
    assert sent.status == 503 and "cannot be read" in sent.text
    assert not filled.path.exists()


def test_nobody_yet_says_what_to_do(tmp_path: Path) -> None:
    path = tmp_path / "empty.db"
    Store(path).close()
    browser = Browser(application(path, ZONE))
    assert "veriband wearer add" in browser.get("/care").text
    browser.close()


def test_it_speaks_chinese(browser: Browser) -> None:
    page = browser.get("/care", accept_language="zh-CN,zh;q=0.9,en;q=0.8")
    assert '<html lang="zh"' in page.html
    assert "心率 197 bpm，高于 100" in page.text
    assert CHINESE.alert_caution in page.text
    assert "自行停用，不是故障" in page.text
    assert "由我处理" in page.text
    assert "手环没有数据" in page.text
