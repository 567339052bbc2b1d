"""The pages as HTTP gives them: what they say, to whom, and what they refuse."""

from __future__ import annotations

import html
import os
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.web.browser import Browser, table
from tests.web.contest import BEGIN, END, HOSTILE, MINUTE, WALK, ZONE, Contest, contest, recorder
from veriband.contest.words import CAUTION
from veriband.store import Store, schema
from veriband.web import leaderboard, views
from veriband.web.english import ENGLISH
from veriband.web.pages import application

KNOWN_NAMES = {"april", "march", "anna", "nobody", "onerror", "alert", "kyo", "Europe", "Berlin",
               "Asia", "Tokyo", "Veriband"}  # fmt: skip
DAY = "/contest/april%20%26%20may/anna?day=2026-04-01"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "veriband.db"


@pytest.fixture
def filled(path: Path) -> Iterator[Contest]:
    its = contest(path)
    yield its
    its.store.close()


@pytest.fixture
def browser(path: Path) -> Iterator[Browser]:
    its = Browser(application(path, ZONE))
    yield its
    its.close()


@pytest.mark.usefixtures("filled")
def test_the_newest_contest_is_shown_first_with_its_standings(browser: Browser) -> None:
    home = browser.get("/")
    assert home.status == 200
    steps = sum(steps for steps, _ in WALK)
    assert table(home.html) == [
        ["1", "anna", f"{steps + 212:,}", "0", "212", f"{steps:,}", "✓ honest",
         "2026-04-01 01:40"],
        ["2", HOSTILE, "9,900", "9,900", "0", "0", "✕ cheating", "2026-04-01 01:00"],
        ["2", "nobody", "0", "0", "0", "0", "– unknown", "nothing yet"],
        ["2", "to/kyo ?", "2,400", "0", "2,400", "0", "! suspected",
         "2026-04-01 07:30 Asia/Tokyo"],
    ]  # fmt: skip
    assert "2026-04-01 00:00 to 2026-04-03 00:00 (Europe/Berlin)" in home.text
    assert "59 of 59 differences between adjacent minutes are within 3 steps" in home.text
    assert "Nothing has come from nobody." in home.text
    assert CAUTION in home.text
    assert re.search(r"Updated \d\d:\d\d:\d\d", home.text)
    assert 'href="/contest/march"' in home.html
    assert browser.get("/contest/april%20%26%20may").html.count("<tr") == 5
    assert "<h1><bdi>march</bdi></h1>" in browser.get("/contest/march").html


@pytest.mark.parametrize(
    ("now", "said"),
    [
        (BEGIN - 90 * MINUTE, "It begins in 1 h 30 min."),
        (BEGIN, "It goes on for 2 d; this is the table so far."),
        (END - 1, "It goes on for 1 min; this is the table so far."),
        (END, "It is over; what still comes changes the table, and is told."),
    ],
)
def test_a_contest_says_how_long_it_goes_on(filled: Contest, now: int, said: str) -> None:
    board = views.leaderboard(filled.store, ZONE)
    assert board is not None
    assert said in leaderboard.contest_page(board, ENGLISH, ZONE, now).main


def test_what_comes_late_is_told(filled: Contest, browser: Browser) -> None:
    filled.anna.utc_ms = END + 2 * 3_600_000  # when it comes
    filled.anna.record([(90, 100)] * 3)
    assert (
        "Came late: anna: 270 steps came more than an hour after the end" in browser.get("/").text
    )


@pytest.mark.usefixtures("filled")
def test_a_day_shows_steps_heart_rate_gaps_and_wear(browser: Browser) -> None:
    day = browser.get(DAY)
    assert day.status == 200
    picture = day.html.partition("<svg")[2].partition("</figcaption>")[0]
    bars = re.search('<path class="counted" d="([^"]*)"', picture)
    heart = re.search('<path class="heart" [^>]*d="([^"]*)"', picture)
    assert bars is not None and bars[1].count("z") == 60
    assert heart is not None and (heart[1].count("M"), heart[1].count("L")) == (1, 59)
    assert '<rect class="gap" x="4.167%" width="2.083%"' in picture  # 60 and 30 minutes of 1440
    assert '<rect class="unworn" x="6.250%" width="0.694%"' in picture
    assert 'role="img"' in picture
    assert "heart rate 100 to 108 bpm" in picture
    for word in ("nothing recorded", "not worn"):
        assert word in re.sub("<[^>]*>", " ", picture)
    assert "struck" not in picture.partition("legend")[2]
    assert "? From 01:00: 212 steps unverified, in no minute" in day.text
    assert "The data end at 2026-04-01 01:40. Times are those of Europe/Berlin." in day.text
    assert 'href="/contest/april%20%26%20may/anna?day=2026-04-02" rel="next"' in day.html
    assert 'rel="prev"' not in day.html
    assert "Nothing has come of this day." in browser.get(DAY.replace("04-01", "04-02")).text


def test_a_line_joins_only_heart_rates_of_minutes_that_follow_each_other(
    path: Path, browser: Browser
) -> None:
    with closing(Store(path)) as store:
        anna = recorder(store, "anna")
        anna.record([(9, 80), (9, 80), (9, None), (9, 80), (9, 0), (9, 80)])
        anna.miss(5, 0)
        anna.record([(9, 80)])
        store.add_contest("c", BEGIN, END, "gated", False, [anna.wearer])
    heart = re.search('<path class="heart" [^>]*d="([^"]*)"', browser.get("/contest/c/anna").html)
    assert heart is not None
    drawn = re.findall(r"([ML])([\d.]+) ", heart[1])
    assert drawn == [("M", "0.5"), ("L", "1.5"), ("M", "3.5"), ("M", "5.5"), ("M", "11.5")]


@pytest.mark.usefixtures("filled")
def test_the_tables_of_a_day_have_what_its_picture_has(browser: Browser) -> None:
    _, by_hour, by_minute = browser.get(DAY).html.split("<details")
    steps = sum(steps for steps, _ in WALK)
    assert table(by_hour) == [
        ["00:00", f"{steps:,}", "0", "0", "104 (100–108)", "60"],
        ["01:00", "212", "0", "212", "not worn", "10"],
    ]
    rows = table(by_minute)
    assert rows[0] == ["00:00", "60", "100", ""]
    assert rows[60] == ["01:00–01:30", "212 in all", "", "nothing recorded"]
    assert rows[61:] == [[f"01:{m}", "0", "not worn", ""] for m in range(30, 40)]


@pytest.mark.usefixtures("filled")
def test_struck_minutes_are_marked_by_pattern_sign_and_words(browser: Browser) -> None:
    day = browser.get(f"/contest/april%20%26%20may/{quote(HOSTILE, safe='')}")
    assert '<rect class="lane struck" x="0.000%"' in day.html
    assert '<text class="sign struck"' in day.html
    assert "✕ 00:00–01:00: 9,900 steps struck, in 60 minutes" in day.text
    assert "cheating. 59 of 59 differences" in day.text
    assert "9,900 struck" in day.html.partition("aria-label")[2]
    assert table(day.html.partition("by-minute")[2])[0] == ["00:00", "165", "68", "✕ struck"]


@pytest.mark.usefixtures("filled")
def test_a_wearers_day_is_that_of_their_own_clock(browser: Browser) -> None:
    day = browser.get("/contest/april%20%26%20may/to%2Fkyo%20%3F")
    assert "Wednesday 2026-04-01" in day.text
    assert "? 07:00–07:30: 2,400 steps unverified, in 30 minutes" in day.text
    assert "The data end at 2026-04-01 07:30. Times are those of Asia/Tokyo." in day.text
    assert browser.get("/contest/april%20%26%20may/to%2Fkyo%20%3F?day=2026-04-03").status == 200


def test_the_newest_day_is_one_of_the_contest_though_its_last_minute_ends_later(
    path: Path, browser: Browser
) -> None:
    begin = int(datetime(2026, 3, 29, tzinfo=ZONE).timestamp() * 1000)
    with closing(Store(path)) as store:
        anna = recorder(store, "anna", utc_ms=begin - 29_000)
        anna.record([(10, None)] * 3)
        store.add_contest("c", begin - 86_400_000, begin, "gated", False, [anna.wearer])
    assert browser.get("/contest/c/anna").status == 200


def test_a_day_when_clocks_change_has_its_own_length(path: Path, browser: Browser) -> None:
    begin = int(datetime(2026, 3, 29, tzinfo=ZONE).timestamp() * 1000)
    with closing(Store(path)) as store:
        anna = recorder(store, "anna", utc_ms=begin)
        anna.record([(10, None)] * 180)
        store.add_contest("c", begin, begin + 86_400_000, "gated", False, [anna.wearer])
    day = browser.get("/contest/c/anna?day=2026-03-29").html
    assert 'viewBox="0 0 1380 ' in day
    hours = [row[0] for row in table(day.partition("by-hour")[2])]
    assert hours == ["00:00+0100", "01:00+0100", "03:00+0200"]


@pytest.mark.usefixtures("filled")
def test_what_others_wrote_is_text_and_nothing_else(browser: Browser) -> None:
    address = f"/contest/april%20%26%20may/{quote(HOSTILE, safe='')}"
    for target in ("/", address, f"/contest/{quote(HOSTILE)}", f"{address}?day={quote(HOSTILE)}"):
        answer = browser.get(target)
        assert "<img" not in answer.html
        assert html.escape(HOSTILE) in answer.html
    assert f'href="{address}"' in browser.get("/").html


def test_what_would_act_upon_the_text_around_it_is_spelled_out(
    path: Path, browser: Browser
) -> None:
    with closing(Store(path)) as store:
        store.add_contest("x\u202ey", 0, END, "gated", False, [store.add_wearer("a\x1bb")])
    home = browser.get("/")
    assert r"x\u202ey" in home.text and r"a\x1bb" in home.text
    assert browser.get("/contest/x%E2%80%AEy/a%1Bb").status == 200


@pytest.mark.usefixtures("filled")
@pytest.mark.parametrize(
    ("target", "said", "there"),
    [
        ("/contest/june", "There is no contest june.", "/contest/april%20%26%20may"),
        ("/contest/march/ben", "Nobody called ben takes part in march.", "/contest/march/anna"),
        ("/contest/march/anna?day=2025-01-01", "no 2025-01-01: it goes from 2026-03-01 to 2026-"
         "03-31", "/contest/march/anna"),
        ("/contest/march/anna?day=0001-01-01", "no 0001-01-01", "/contest/march/anna"),
        ("/contest/march/anna?day=soon", "'soon' is no day", "/contest/march/anna"),
        ("/contest/march/anna/more", "There are contests", "/"),
        ("/contest", "There are contests", "/"),
        ("/robots.txt", "There are contests", "/"),
    ],
)  # fmt: skip
def test_a_page_that_is_not_there_says_what_there_is(
    browser: Browser, target: str, said: str, there: str
) -> None:
    answer = browser.get(target)
    assert answer.status == 404
    assert said in answer.text
    assert f'href="{there}"' in answer.html
    assert browser.get(there).status == 200


@pytest.mark.usefixtures("filled")
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
@pytest.mark.parametrize("target", ["/", DAY, "/static/live.js", "/x"])
def test_nothing_can_be_done_but_looking(browser: Browser, method: str, target: str) -> None:
    assert browser.get(target, method).status == 405


@pytest.mark.usefixtures("filled")
@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("127.0.0.1:8080", 200), ("localhost:8080", 200), ("[::1]:8080", 200),
        ("LOCALHOST:8080", 200), ("evil.example:8080", 421), ("evil.example", 421),
        ("127.0.0.1", 421), ("127.0.0.1:80", 421), ("localhost.evil.example:8080", 421),
        ("", 421),
    ],
)  # fmt: skip
def test_another_name_that_leads_here_is_refused(browser: Browser, host: str, status: int) -> None:
    for target in ("/", DAY, "/static/style.css"):
        answer = browser.get(target, host=host)
        assert answer.status == status
        assert ("anna" in answer.html or ":root" in answer.html) == (status == 200)


@pytest.mark.usefixtures("filled")
def test_browsers_do_not_name_the_usual_port(path: Path) -> None:
    browser = Browser(application(path, ZONE), port=80)
    hosts = ("127.0.0.1", "localhost", "127.0.0.1:80", "evil.example")
    assert [browser.get("/", host=host).status for host in hosts] == [200, 200, 200, 421]
    browser.close()


@pytest.mark.usefixtures("filled")
def test_a_page_may_load_nothing_from_elsewhere_and_run_nothing_of_its_own(
    browser: Browser,
) -> None:
    for target in ("/", DAY, "/static/live.js", "/nowhere"):
        headers = browser.get(target).headers
        policy = headers["content-security-policy"].split("; ")
        assert policy[0] == "default-src 'none'"
        assert {"script-src 'self'", "frame-ancestors 'none'", "form-action 'self'"} < set(policy)
        assert "unsafe" not in headers["content-security-policy"]
        assert headers["cache-control"] == "no-store"
        assert headers["x-content-type-options"] == "nosniff"
    for target in ("/", DAY):
        page = browser.get(target).html
        assert not re.search(r"<form|<button|<input|<style|<[^>]*\s(on\w+|style)=|://", page)
        assert re.findall("<script[^>]*>(.*?)</script>", page) == [""]


def test_an_empty_store_says_how_to_begin_and_shows_a_contest_once_there_is_one(
    path: Path, browser: Browser
) -> None:
    with closing(Store(path)) as store:
        empty = browser.get("/")
        assert empty.status == 200
        assert "veriband wearer add anna" in empty.text
        assert "veriband contest add" in empty.text
        store.add_contest("may", 0, 1, "gated", False, [])
        assert "<h1><bdi>may</bdi></h1>" in browser.get("/").html


def test_only_what_has_changed_is_sent_again(filled: Contest, browser: Browser) -> None:
    for target in ("/", DAY):
        first = browser.get(target)
        version = first.headers["etag"]
        assert f'data-version="{version}"' in html.unescape(first.html)
        again = browser.get(target, if_none_match=version)
        assert (again.status, again.html) == (304, "")
        filled.store.notice(0, None, "kind", "not on these pages")
        assert browser.get(target, if_none_match=version).status == 304
        filled.anna.record([(70, 100)])
        assert browser.get(target, if_none_match=version).status == 200


def test_a_store_that_goes_away_is_told_and_shown_again_once_it_is_back(
    filled: Contest, path: Path, browser: Browser
) -> None:
    version = browser.get("/").headers["etag"]
    filled.store.db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    filled.store.close()
    away = path.with_name("away.db")
    path.rename(away)
    gone = browser.get("/", if_none_match=version)
    assert gone.status == 503
    assert f"The store {path} cannot be read: No such file or directory." in gone.text
    assert not path.exists()
    path.write_bytes(b"no database " * 500)
    assert "cannot be opened" in browser.get("/").text
    away.replace(path)
    back = browser.get("/")
    assert back.status == 200
    assert back.headers["etag"] == version


@pytest.mark.skipif(os.name != "posix", reason="Windows replaces no file that is open")
@pytest.mark.usefixtures("filled")
def test_another_store_in_its_place_is_shown(path: Path, browser: Browser) -> None:
    assert "april & may" in browser.get("/").text
    other = path.with_name("other.db")
    with closing(Store(other)) as store:
        store.add_contest("another", BEGIN, END, "gated", False, [])
    for left in ("-wal", "-shm"):
        path.with_name(path.name + left).unlink()
    other.replace(path)
    home = browser.get("/").text
    assert "another" in home and "april" not in home


def test_the_store_of_an_older_veriband_is_brought_up_to_date(
    path: Path, browser: Browser
) -> None:
    Store(path).close()
    with closing(sqlite3.connect(path)) as db:
        later = "".join(schema.MIGRATIONS[v] for v in range(2, schema.VERSION))
        for name in set(re.findall(r"CREATE TABLE (\w+)", later)) - {"cursor"}:
            db.execute(f"DROP TABLE {name}")
        db.execute("ALTER TABLE cursor DROP COLUMN total")
        db.execute("PRAGMA user_version = 2")
    assert "There is no contest yet" in browser.get("/").text
    assert path.with_name("veriband.db.version-2").exists()


def test_a_store_of_a_newer_veriband_is_told(path: Path, browser: Browser) -> None:
    Store(path).close()
    with closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA user_version = 99")
    answer = browser.get("/")
    assert answer.status == 503
    assert "written by a newer Veriband" in answer.text


@pytest.mark.usefixtures("filled")
def test_contests_and_days_speak_chinese(browser: Browser) -> None:
    home, day = browser.get("/?lang=zh"), browser.get(f"{DAY}&lang=zh")
    assert (
        "排行榜" in home.text
        and "✕ 作弊" in home.text
        and "没有收到 nobody 的任何数据" in home.text
    )
    assert "星期三 2026-04-01" in day.text
    assert 'href="/contest/april%20%26%20may/anna?day=2026-04-01&amp;lang=en"' in day.html
    assert 'href="/?lang=en"' in home.html
    assert "? 自 01:00：212 步未核实，不属于任何一分钟" in day.text
    assert table(day.html.partition("by-hour")[2])[1][4] == "未佩戴"
    for page in (home, day):  # what is English in it is the evidence only
        own = re.sub(r'<(\w+)[^>]* lang="en"[^>]*>.*?</\1>', "", page.html)
        said = html.unescape(re.sub("<[^>]*>", " ", own.partition("<main")[2]))
        assert set(re.findall("[A-Za-z]{4,}", said)) <= KNOWN_NAMES
