"""Wearers: all that is theirs can be taken along, and goes without a trace."""

from __future__ import annotations

import json
import os
import sqlite3
import stat
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from tests.host.minutes import EPOCH, NOON, put
from tests.host.test_seals import chain
from veriband.alerts.book import Book, Cause
from veriband.alerts.granted import book_of
from veriband.alerts.machine import HOUR_MS, Ladder, Rung, Severity
from veriband.analysis.cycles import wall
from veriband.cli import main
from veriband.configuration import read
from veriband.context import utc_ms
from veriband.errors import StoreError
from veriband.records import Item, Kind
from veriband.store import Store, consents, erasure
from veriband.store.entered import TYPED_IN, Entry
from veriband.vitals import plausible
from veriband_protocol.items import EVENT_FAULT, VITAL_BLOOD_PRESSURE

HERS = (b"quetzalcoatl", b"hers-alone")  # nobody else has these bytes
BENS = b"his-alone"
BATCHES = chain([bytes((101, 102, 103)), bytes((104, 105))])


def event(store: Store, text: bytes, at_ms: int) -> None:
    band = store.bands()[0]
    seq = store.cursor(band, EPOCH) or 0
    item = Item(seq, Kind.EVENT, seq, at_ms - NOON, detail=EVENT_FAULT, raw=text)
    store.commit(band, EPOCH, [item], seq + 1, at_ms)


@pytest.fixture
def path(tmp_path: Path) -> Iterator[Path]:
    """A store in which "quetzalcoatl" has worn the band for a day, then ben; some of it is in the
    log only, and some in an older copy."""
    path = tmp_path / "veriband.db"
    with closing(Store(path)) as store:
        band = store.add_band("A", None, 0)
        hers, ben = store.add_wearer(HERS[0].decode()), store.add_wearer("ben")
        store.assign(band, hers, NOON, NOON + 24 * HOUR_MS)
        store.assign(band, ben, NOON + 24 * HOUR_MS)
        put(store, band, NOON, [77] * 30, [None, 171])
        seq = store.cursor(band, EPOCH) or 0
        store.take(band, EPOCH, [], NOON)
        for batch in BATCHES:
            store.db.execute(
                "INSERT INTO batch (band, epoch, utc_ms, data) VALUES (?, ?, ?, ?)",
                (band.id, EPOCH, NOON, batch),
            )
        fault = Item(seq, Kind.EVENT, 1, 31 * 60_000, detail=EVENT_FAULT, raw=HERS[1])
        store.commit(band, EPOCH, [fault], seq + 1, NOON)
        store.notice(NOON + 1, band, "BandVanished", "of quetzalcoatl")
        put(store, band, NOON + 25 * HOUR_MS, [5] * 10)
        store.notice(NOON + 26 * HOUR_MS, band, "BandVanished", "of ben")
        reading = (plausible.blood_pressure(128, 82),)
        store.enter(hers, Entry(NOON, TYPED_IN, reading, "by quetzalcoatl"), NOON)
        store.enter(ben, Entry(NOON, TYPED_IN, reading, BENS.decode()), NOON)
        store.add_meter("M", 1, hers, VITAL_BLOOD_PRESSURE)
        store.add_contest("may", NOON, NOON + HOUR_MS, "gated", False, [hers, ben])
        book = Book(store, lambda _: Ladder((Rung(0, ("phone",)),)))
        for wearer in (hers, ben):
            cause = Cause(wearer.id, "x", NOON, facts={"text": f"of {wearer.name}"})
            book.observe(wearer.id, {"x": [cause]}, NOON)
        book.advance(NOON)
        book.acknowledge(1, "quetzalcoatl", "I am well", NOON)
        path.with_name("veriband.db.version-4").write_bytes(b"quetzalcoatl")
        yield path


def veriband(path: Path, *arguments: str, text: str | None = None) -> Result:
    whole = ["--store", str(path), "--config", os.devnull, *arguments]
    return CliRunner().invoke(main, whole, input=text)


def files_with(path: Path, *marks: bytes) -> list[str]:
    return [
        each.name
        for each in path.parent.iterdir()
        if any(mark in each.read_bytes() for mark in marks)
    ]


def test_nothing_of_who_was_erased_is_in_any_file(path: Path) -> None:
    assert len(files_with(path, *HERS)) == 2
    done = veriband(path, "wearer", "erase", HERS[0].decode(), "--yes")
    assert done.exit_code == 0, done.output
    assert done.output.endswith("1 entered readings, 1 alerts, 1 older copies of the store.\n")
    assert files_with(path, *HERS, *BATCHES) == []
    assert files_with(path, BENS) == ["veriband.db"]


def test_all_of_the_others_stays(path: Path) -> None:
    with closing(Store(path)) as store:
        before = [row for row in veriband_rows(path, "ben") if row["what"] != "contest"]
        cursor = store.cursor(store.bands()[0], EPOCH)
    veriband(path, "wearer", "erase", HERS[0].decode(), "--yes")
    assert [row for row in veriband_rows(path, "ben") if row["what"] != "contest"] == before
    with closing(Store(path)) as store:
        band = store.bands()[0]
        assert store.cursor(band, EPOCH) == cursor  # or the band's journal would come again
        assert [wearer.name for wearer in store.entrants(store.contest("may"))] == ["ben"]
        assert [notice.text for notice in store.notices(band)] == ["of ben"]
        assert store.batches(band) == []
        assert store.db.execute("PRAGMA foreign_key_check").fetchall() == []


def veriband_rows(path: Path, name: str) -> list[dict[str, object]]:
    file = path.with_name(f"{name}.jsonl")
    file.unlink(missing_ok=True)
    done = veriband(path, "wearer", "export", name, str(file))
    assert done.exit_code == 0, done.output
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    rows = [json.loads(line) for line in file.read_text().splitlines()]
    file.unlink()
    return rows


def test_everything_of_a_wearer_is_exported(path: Path) -> None:
    rows = veriband_rows(path, HERS[0].decode())
    kinds = [row["what"] for row in rows]
    assert kinds[:5] == ["wearer", "contest", "meter", "entered", "worn"]
    assert kinds.count("minute") == 30 and kinds.count("reading") == 1
    assert [row["steps"] for row in rows if row["what"] == "minute"] == [77] * 30
    (reading,) = (row for row in rows if row["what"] == "reading")
    assert reading["heart_rate"] == {"status": "ok", "bpm": 171, "quality_percent": 90}
    assert kinds[-1] == "alert" and rows[-1]["note"] == "I am well"


def test_an_export_overwrites_nothing(path: Path, tmp_path: Path) -> None:
    file = tmp_path / "mine.jsonl"
    file.write_text("mine")
    done = veriband(path, "wearer", "export", "ben", str(file))
    assert done.exit_code == 1 and "is there already" in done.output
    assert file.read_text() == "mine"
    assert "cannot be written" in veriband(path, "wearer", "export", "ben", "/no/where").output


def test_it_is_asked_before_somebody_is_erased(path: Path) -> None:
    done = veriband(path, "wearer", "erase", "ben", text="n\n")
    assert done.exit_code == 1 and "for ever?" in done.output
    assert "no wearer carla" in veriband(path, "wearer", "erase", "carla", "--yes").output
    assert len(veriband_rows(path, "ben")) > 10


def test_while_another_program_reads_the_bytes_are_said_to_stay_and_go_later(path: Path) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM item").fetchall()
        with closing(Store(path)) as store:
            store.db.execute("PRAGMA busy_timeout = 0")
            with pytest.raises(StoreError, match="wearer scrub"):
                erasure.erase(store, store.wearer(HERS[0].decode()))
    done = veriband(path, "wearer", "scrub")
    assert done.exit_code == 0, done.output
    assert files_with(path, *HERS) == []


CONFIGURED = """\
[[alerts.rung]]
terminals = ["console", "phone"]
[[terminal]]
name = "phone"
command = ["true"]
"""


@pytest.fixture
def configured(path: Path) -> Callable[..., Result]:
    config = path.with_name("veriband.toml")
    config.write_text(CONFIGURED)
    place = ["--store", str(path), "--config", str(config)]
    return lambda *arguments: CliRunner().invoke(main, [*place, *arguments])


def told(path: Path) -> set[tuple[int, str]]:
    """What terminals are owed of a new alert of ben's, and of one of nobody's."""
    config = read(path.with_name("veriband.toml"))
    with closing(Store(path)) as store:
        book, ben = book_of(store, config), store.wearer("ben").id
        now_ms = utc_ms()
        store.db.execute("DELETE FROM outbox")
        for wearer in (ben, None):
            subject = f"new {now_ms}"
            cause = Cause(wearer, subject, now_ms, Severity.CRITICAL)
            book.observe(wearer, {subject: [cause]}, now_ms)
        book.advance(now_ms)
        return {
            (owed.entry.cause.wearer or 0, owed.terminal)
            for owed in book.owed(now_ms)
            if owed.entry.cause.wearer != 1
        }


def test_a_terminal_is_told_of_who_grants_it_only(
    path: Path, configured: Callable[..., Result]
) -> None:
    nobodys = {(0, "console"), (0, "phone")}
    assert told(path) == {(2, "console"), *nobodys}
    done = configured("wearer", "grant", "ben", "--terminal", "phone")
    assert done.output == "ben grants terminal phone their alerts.\n"
    assert told(path) == {(2, "console"), (2, "phone"), *nobodys}
    configured("wearer", "revoke", "ben", "--terminal", "phone")
    with closing(Store(path)) as store:
        book = book_of(store, read(path.with_name("veriband.toml")))
        book.drop(utc_ms())
        assert {owed.terminal for owed in book.owed(1 << 60) if owed.entry.cause.wearer == 2} == {
            "console"
        }
    assert told(path) == {(2, "console"), *nobodys}
    lines = configured("wearer", "grants", "ben").output.splitlines()
    assert lines[0].startswith("alerts to terminal phone, since") and lines[0].endswith(", over")


def test_who_is_granted_it_late_is_told_of_what_is_open(
    path: Path, configured: Callable[..., Result]
) -> None:
    told(path)
    configured("wearer", "grant", "ben", "--terminal", "phone")
    with closing(Store(path)) as store:
        book = book_of(store, read(path.with_name("veriband.toml")))
        book.advance(utc_ms())
        owed = {owed.terminal for owed in book.owed(1 << 60) if owed.entry.cause.wearer == 2}
        assert owed == {"console", "phone"}


def test_a_grant_ends_on_its_day(path: Path, configured: Callable[..., Result]) -> None:
    done = configured("wearer", "grant", "ben", "--risk", "--until", "2020-01-01")
    assert done.exit_code == 1 and "ends in the future" in done.output
    configured("wearer", "grant", "ben", "--risk", "--until", "2098-01-01")
    with closing(Store(path)) as store:
        (grant,) = consents.grants(store, store.wearer("ben"))
        for at_ms, granted in ((grant.until_ms - 1, True), (grant.until_ms, False)):
            assert consents.is_granted(store, 2, consents.VITALS, grant.to, at_ms) is granted


def test_who_revokes_a_contest_takes_part_no_more(
    path: Path, configured: Callable[..., Result]
) -> None:
    assert "no more steps" in configured("wearer", "revoke", "ben", "--contest", "may").output
    assert "ben" not in configured("leaderboard", "may").output
    assert "not granted" in configured("wearer", "revoke", "ben", "--contest", "may").output
    configured("wearer", "grant", "ben", "--contest", "may")
    assert "ben" in configured("leaderboard", "may").output


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (("--terminal", "fax"), "no terminal fax in the configuration (there are: phone)"),
        ((), "Name one"),
        (("--risk", "--statistics"), "Name one"),
        (("--contest", "june"), "no contest june"),
    ],
)
def test_a_grant_to_nobody_is_refused(
    configured: Callable[..., Result], arguments: tuple[str, ...], why: str
) -> None:
    done = configured("wearer", "grant", "ben", *arguments)
    assert done.exit_code != 0 and why in done.output


def test_what_is_known_of_a_wearer_changes_and_old_readings_stay_in_their_zone(
    path: Path, configured: Callable[..., Result]
) -> None:
    done = configured("wearer", "change", "ben", "--lives-in", "Asia/Shanghai", "--sex", "m")
    assert done.output == "ben  m, Asia/Shanghai\n"
    before_ms = utc_ms() - 1
    configured("wearer", "change", "ben", "--lives-in", "Europe/Berlin", "--name", "Benjamin")
    with closing(Store(path)) as store:
        its = store.wearer("Benjamin")
        stays = store.stays(its, UTC)
        assert [wall(ms, stays).utcoffset() for ms in (0, before_ms)] == [timedelta(hours=8)] * 2
        assert wall(utc_ms() + 1, stays).utcoffset() != timedelta(hours=8)
    done = configured("wearer", "change", "Benjamin", "--name", HERS[0].decode())
    assert done.exit_code == 1 and "choose another name" in done.output
    assert configured("wearer", "change", "Benjamin").exit_code == 2
