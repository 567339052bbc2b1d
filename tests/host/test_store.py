"""The store: rows and cursor together, nothing twice, times found late."""

import os
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from veriband.errors import StoreError
from veriband.records import Anchor, Item, Kind, reading
from veriband.store import Store, schema
from veriband.store.roster import Worn

MINUTE = 60_000
VERSION_1 = """
CREATE TABLE band (
    id INTEGER PRIMARY KEY,
    address TEXT NOT NULL UNIQUE,
    secret BLOB,
    added_utc_ms INTEGER NOT NULL
);
CREATE TABLE cursor (
    band INTEGER NOT NULL REFERENCES band,
    epoch INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    PRIMARY KEY (band, epoch)
) WITHOUT ROWID;
CREATE TABLE item (
    band INTEGER NOT NULL REFERENCES band,
    epoch INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    kind INTEGER NOT NULL,
    boot INTEGER NOT NULL,
    t_ms INTEGER NOT NULL,
    duration_ms INTEGER NOT NULL,
    steps INTEGER,
    utc_ms INTEGER,
    count INTEGER NOT NULL,
    detail INTEGER NOT NULL,
    raw BLOB NOT NULL,
    PRIMARY KEY (band, epoch, seq)
) WITHOUT ROWID;
CREATE INDEX item_by_time ON item (band, utc_ms);
CREATE TABLE anchor (
    band INTEGER NOT NULL,
    epoch INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    boot INTEGER NOT NULL,
    boot_utc_ms INTEGER NOT NULL,
    offset_min INTEGER NOT NULL,
    PRIMARY KEY (band, epoch, seq)
) WITHOUT ROWID;
CREATE TABLE notice (
    id INTEGER PRIMARY KEY,
    utc_ms INTEGER NOT NULL,
    band INTEGER REFERENCES band,
    kind TEXT NOT NULL,
    text TEXT NOT NULL
);
PRAGMA user_version = 1;
"""


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store(tmp_path / "veriband.db")
    yield store
    store.close()


def minutes(first: int, steps: list[int], boot: int = 1, t_ms: int = 0) -> list[Item]:
    return [
        Item(first + k, Kind.MINUTE, boot, t_ms + k * MINUTE, MINUTE, n)
        for k, n in enumerate(steps)
    ]


def test_what_is_stored_twice_is_there_once(store: Store) -> None:
    band = store.add_band("c0:00:00:00:00:01", None, 0)
    assert store.commit(band, 7, minutes(0, [1, 2, 3]), 3, 0) == 3
    assert store.commit(band, 7, minutes(1, [2, 3, 4]), 4, 0) == 1
    assert store.count(band, Kind.MINUTE) == 4
    assert store.cursor(band, 7) == 4
    assert store.cursor(band, 8) is None


def test_the_cursor_never_goes_back(store: Store) -> None:
    band = store.add_band("A", None, 0)
    store.commit(band, 7, minutes(0, [1, 2, 3]), 3, 0)
    store.commit(band, 7, minutes(0, [1]), 1, 0)
    assert store.cursor(band, 7) == 3


def test_minutes_before_the_clock_was_set_are_dated_by_the_anchor_after_them(store: Store) -> None:
    band = store.add_band("A", None, 0)
    store.commit(band, 7, minutes(0, [5, 6]), 2, 0)
    assert store.undated_steps(band) == 11
    anchor = Anchor(2, Kind.ANCHOR, 1, 2 * MINUTE + 500, utc_ms=10_000_000, offset_min=0)
    store.commit(band, 7, [anchor, *minutes(3, [7], t_ms=2 * MINUTE)], 4, 0)
    begin = 10_000_000 - 2 * MINUTE - 500
    assert [(s.utc_ms, s.steps) for s in store.spans(band, 0, 10**12)] == [
        (begin, 5), (begin + MINUTE, 6), (begin + 2 * MINUTE, 7),
    ]  # fmt: skip
    assert store.undated_steps(band) == 0


def test_a_clock_set_again_dates_only_what_follows(store: Store) -> None:
    band = store.add_band("A", None, 0)
    first = Anchor(0, Kind.ANCHOR, 1, 0, utc_ms=1_000_000, offset_min=0)
    second = Anchor(2, Kind.ANCHOR, 1, MINUTE, utc_ms=5_000_000, offset_min=0)
    store.commit(band, 7, [first, *minutes(1, [5]), second], 3, 0)
    store.commit(band, 7, minutes(3, [6], t_ms=MINUTE), 4, 0)
    assert [s.utc_ms for s in store.spans(band, 0, 10**12)] == [1_000_000, 5_000_000]


def test_boots_are_dated_apart(store: Store) -> None:
    band = store.add_band("A", None, 0)
    boot = Item(1, Kind.BOOT, 2, 0, steps=9)
    anchor = Anchor(2, Kind.ANCHOR, 2, 0, utc_ms=1_000_000, offset_min=0)
    store.commit(band, 7, [*minutes(0, [5]), boot, anchor], 3, 0)
    assert [(s.kind, s.steps) for s in store.spans(band, 0, 10**12)] == [(Kind.BOOT, 9)]
    assert store.undated_steps(band) == 5


def test_steps_of_a_boot_that_ended_undated_wait_for_no_clock(store: Store) -> None:
    band = store.add_band("A", None, 0)
    store.commit(band, 7, minutes(0, [5]), 1, 0)
    assert (store.undated_steps(band), store.undatable_steps(band)) == (5, 0)
    boot = Item(1, Kind.BOOT, 2, 0, steps=2)
    store.commit(band, 7, [boot, *minutes(2, [1], boot=2)], 3, 0)
    assert (store.undated_steps(band), store.undatable_steps(band)) == (8, 5)
    store.commit(band, 7, [Anchor(3, Kind.ANCHOR, 2, MINUTE, utc_ms=10**9)], 4, 0)
    assert (store.undated_steps(band), store.undatable_steps(band)) == (5, 5)


def test_what_is_noted_again_is_counted(store: Store) -> None:
    one, other = store.add_band("A", None, 0), store.add_band("B", None, 0)
    for utc_ms, band, text in (
        (1, one, "gone"), (2, other, "gone"), (3, one, "gone"), (4, one, "odd"), (5, one, "gone"),
        (6, one, "gone"), (7, one, "gone"),
    ):  # fmt: skip
        store.notice(utc_ms, band, "BandVanished", text)
    told = [(n.text, n.first_utc_ms, n.last_utc_ms, n.count) for n in store.notices(one)]
    assert told == [("gone", 1, 3, 2), ("odd", 4, 4, 1), ("gone", 5, 7, 3)]
    assert [n.text for n in store.notices(one, 2)] == ["odd", "gone"]
    assert [n.count for n in store.notices(other)] == [1]


def test_what_came_after_a_moment_is_left_out(store: Store) -> None:
    band = store.add_band("A", None, 0)
    anchor = Anchor(0, Kind.ANCHOR, 1, 0, utc_ms=10**9)
    rate = reading(2, 1, 0, bytes((0x10, 72, 90)))
    store.commit(band, 7, [anchor, *minutes(1, [5]), rate], 3, 1000)
    store.commit(band, 7, minutes(3, [6], t_ms=MINUTE), 4, 2000, total=77)
    assert store.total(band, 7) == 77

    def steps(as_of_utc_ms: int) -> list[int]:
        return [steps for _, steps, _ in store.steps(band, 0, 10**10, as_of_utc_ms)]

    assert (steps(999), steps(1000), steps(1999), steps(2000)) == ([], [5], [5], [5, 6])
    assert store.heart_rates(band, 0, 10**10, 1000) == [(10**9, 0, 72)]
    assert store.heart_rates(band, 0, 10**10, 999) == []


def test_a_band_is_worn_by_one_at_a_time(store: Store) -> None:
    band, other = store.add_band("A", None, 0), store.add_band("B", None, 0)
    anna, ben = store.add_wearer("anna"), store.add_wearer("ben", "m", 1980, 1.8, 60, "Asia/Tokyo")
    store.assign(band, anna, 100)
    store.assign(other, anna, 150)
    store.assign(band, ben, 200)
    assert store.worn(anna) == [Worn(band, 100, 200), Worn(other, 150, None)]
    assert store.worn(ben) == [Worn(band, 200, None)]
    at = (99, 100, 199, 200, 10**12)
    assert [store.wearer_of(band, utc_ms) for utc_ms in at] == [None, anna, anna, ben, ben]
    with pytest.raises(StoreError, match="Band A is worn by anna in that time"):
        store.assign(band, ben, 50)
    store.assign(band, ben, 50, 100)
    assert store.wearer_of(band, 99) == ben


def test_names_are_taken_once_and_unknown_ones_say_what_there_is(store: Store) -> None:
    anna = store.add_wearer("anna")
    contest = store.add_contest("may", 0, 10, "gated", False, [anna, anna])
    assert store.contests() == [contest]
    assert store.entrants(contest) == [anna]
    with pytest.raises(StoreError, match="There is a wearer anna already"):
        store.add_wearer("anna")
    with pytest.raises(StoreError, match="There is a contest may already"):
        store.add_contest("may", 0, 10, "gated", False, [])
    with pytest.raises(StoreError, match=r"no wearer ben \(there are: anna\)"):
        store.wearer("ben")
    with pytest.raises(StoreError, match=r"no contest june \(there are: may\)"):
        store.contest("june")


def test_no_look_at_a_band_goes_through_all_that_is_stored(store: Store) -> None:
    band = store.add_band("A", None, 0)
    queries: list[str] = []
    store.db.set_trace_callback(queries.append)
    store.spans(band, 0, 1)
    store.steps(band, 0, 1)
    store.heart_rates(band, 0, 1)
    store.undated_steps(band)
    store.undatable_steps(band)
    store.notices(band, 5)
    store.db.set_trace_callback(None)
    plans = [
        step
        for query in queries
        for _, _, _, step in store.db.execute(f"EXPLAIN QUERY PLAN {query}")
        if step.startswith(("SCAN", "SEARCH", "USE"))
    ]
    arrived = "SEARCH arrival USING PRIMARY KEY (band=? AND epoch=? AND seq>?)"
    undated = "USING INDEX item_by_time (band=? AND utc_ms=?)"
    dated = "SEARCH item USING INDEX item_by_time (band=? AND utc_ms>? AND utc_ms<?)"
    assert plans == [
        dated, dated, arrived, dated, arrived,
        f"SEARCH item {undated}",
        f"SEARCH it {undated}",
        "SEARCH item USING PRIMARY KEY (band=? AND epoch=?)",
        "SEARCH notice USING INDEX notice_by_band (band=?)",
    ]  # fmt: skip


def test_a_full_disk_is_an_error_and_costs_nothing(store: Store, tmp_path: Path) -> None:
    band = store.add_band("A", None, 0)
    store.commit(band, 7, minutes(0, [1]), 1, 0)
    pages = store.db.execute("PRAGMA page_count").fetchone()[0]
    store.db.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(StoreError, match=r"full.*Nothing was lost"):
        store.commit(band, 7, minutes(1, [2] * 5000), 5001, 0)
    assert store.cursor(band, 7) == 1
    assert store.count(band, Kind.MINUTE) == 1
    store.db.execute(f"PRAGMA max_page_count = {pages + 1000}")
    assert store.commit(band, 7, minutes(1, [2] * 5000), 5001, 0) == 5000


def test_a_damaged_store_is_an_error_that_says_what_to_do(store: Store) -> None:
    band = store.add_band("A", None, 0)
    store.commit(band, 7, minutes(0, [1] * 500), 500, 0)
    store.db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    store.db.execute("PRAGMA cache_size = 0")
    with store.path.open("r+b") as file:
        file.seek(4096)
        file.write(bytes(store.path.stat().st_size - 4096))
    for read in (
        store.bands,
        lambda: store.cursor(band, 7),
        lambda: store.spans(band, 0, 1),
        lambda: store.count(band, Kind.MINUTE),
        lambda: store.undated_steps(band),
        lambda: store.notices(band),
    ):
        with pytest.raises(StoreError, match=r"could not be read.*put back a copy"):
            read()
    with pytest.raises(StoreError, match="could not be written"):
        store.notice(0, band, "kind", "text")


def test_a_store_of_a_newer_veriband_is_refused_untouched(tmp_path: Path) -> None:
    path = tmp_path / "new.db"
    with closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA user_version = 99")
        db.execute(f"PRAGMA application_id = {schema.APPLICATION_ID}")
    with pytest.raises(StoreError, match="newer Veriband"):
        Store(path)
    with closing(sqlite3.connect(path)) as db:
        assert db.execute("SELECT count(*) FROM sqlite_master").fetchone() == (0,)


def of_version_1(path: Path) -> None:
    with closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA journal_mode = WAL")
        db.executescript(VERSION_1)
        db.execute("INSERT INTO band VALUES (1, 'A', x'00', 0), (2, 'B', NULL, 0)")
        db.execute("INSERT INTO item VALUES (1, 7, 0, 1, 1, 0, 60000, 5, NULL, 1, 0, x'')")
        db.execute("INSERT INTO cursor VALUES (1, 7, 1)")
        db.executemany(
            "INSERT INTO notice (utc_ms, band, kind, text) VALUES (?, ?, 'k', ?)",
            [(1, 1, "x"), (2, 2, "x"), (3, 1, "x"), (4, 1, "y"), (5, 1, "x"), (6, None, "x")],
        )
        db.commit()


def tables(path: Path) -> set[str]:
    """How tables and indices were made, without comments."""
    with closing(sqlite3.connect(path)) as db:
        rows = db.execute("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL")
        return {"".join(re.sub("--.*", "", sql).split()) for (sql,) in rows}


def test_an_older_store_is_copied_and_becomes_one_of_this_version(tmp_path: Path) -> None:
    path, new = tmp_path / "veriband.db", tmp_path / "new.db"
    of_version_1(path)
    before = tables(path)
    for _ in range(2):
        with closing(Store(path)) as store:
            one, other = store.bands()
            assert (one.address, one.secret, other.secret) == ("A", b"\0", None)
            assert store.cursor(one, 7) == 1
            assert store.undated_steps(one) == 5
            told = [(n.text, n.first_utc_ms, n.last_utc_ms, n.count) for n in store.notices(one)]
            assert told == [("x", 1, 3, 2), ("y", 4, 4, 1), ("x", 5, 5, 1)]
            assert [n.first_utc_ms for n in store.notices(other)] == [2]
    with closing(Store(path)) as store:  # what it had, did not come with what comes now
        later = [Anchor(1, Kind.ANCHOR, 1, MINUTE, utc_ms=10 * MINUTE)]
        store.commit(store.band("A"), 7, later, 2, utc_ms=99 * MINUTE)
        its = store.steps(store.band("A"), 0, 20 * MINUTE, as_of_utc_ms=98 * MINUTE)
        assert [steps for _, steps, _ in its] == [5]
    Store(new).close()
    assert tables(path) == tables(new)
    copy = tmp_path / "veriband.db.version-1"
    assert tables(copy) == before
    with closing(sqlite3.connect(copy)) as db:
        assert db.execute("SELECT count(*) FROM notice").fetchone() == (6,)
        assert db.execute("PRAGMA user_version").fetchone() == (1,)
    if os.name == "posix":
        assert {file.stat().st_mode & 0o777 for file in (path, copy)} == {0o600}


def test_an_older_store_that_cannot_be_copied_stays_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "veriband.db"
    of_version_1(path)
    before = tables(path)
    (tmp_path / "veriband.db.version-1.part").mkdir()
    with pytest.raises(StoreError, match="cannot be opened"):
        Store(path)
    assert tables(path) == before


def test_an_update_that_breaks_off_leaves_the_older_store(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "veriband.db"
    of_version_1(path)
    before = tables(path)
    monkeypatch.setitem(schema.MIGRATIONS, 1, f"{schema.MIGRATIONS[1]}; SELECT * FROM nothing")
    with pytest.raises(StoreError, match="could not be written"):
        Store(path)
    assert tables(path) == before
    monkeypatch.undo()
    Store(path).close()


@pytest.mark.parametrize("journal", ["delete", "wal"])
@pytest.mark.parametrize("version", [0, 1, 2])
def test_another_programs_database_is_refused_untouched(
    tmp_path: Path, version: int, journal: str
) -> None:
    path = tmp_path / "photos.db"
    with closing(sqlite3.connect(path)) as db:
        db.execute(f"PRAGMA journal_mode = {journal}")
        db.execute("CREATE TABLE band (name TEXT)")
        db.execute(f"PRAGMA user_version = {version}")
    before = path.read_bytes()
    with pytest.raises(StoreError, match="another program's"):
        Store(path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def sealed(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Take the right to write, from the superuser, too."""
    monkeypatch.setattr(os, "access", lambda *_: False)
    path.chmod(0o400)
    path.parent.chmod(0o500)


@pytest.mark.skipif(os.name != "posix", reason="Windows has no modes")
def test_a_store_that_cannot_be_written_can_be_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "veriband.db"
    with closing(Store(path)) as store:
        store.commit(store.add_band("A", None, 0), 7, minutes(0, [1, 2]), 2, 0)
    before = path.read_bytes()
    sealed(path, monkeypatch)
    with closing(Store(path, reading=True)) as store:
        (band,) = store.bands()
        assert store.undated_steps(band) == 3
        with pytest.raises(StoreError, match="could not be written"):
            store.notice(0, band, "kind", "text")
    assert list(tmp_path.iterdir()) == [path]
    assert path.read_bytes() == before


def test_a_store_that_was_opened_to_be_read_is_not_written(tmp_path: Path) -> None:
    path = tmp_path / "veriband.db"
    with closing(Store(path)) as writer, closing(Store(path, reading=True)) as reader:
        with pytest.raises(StoreError, match="could not be written"):
            reader.add_wearer("anna")
        before = reader.changes()
        assert reader.changes() == before
        writer.add_wearer("anna")
        assert reader.changes() != before
        assert [wearer.name for wearer in reader.wearers()] == ["anna"]


@pytest.mark.skipif(os.name != "posix", reason="Windows has no modes")
def test_an_older_store_that_cannot_be_written_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "veriband.db"
    of_version_1(path)
    sealed(path, monkeypatch)
    with pytest.raises(StoreError, match="use it once where it can be written"):
        Store(path, reading=True)


@pytest.mark.skipif(os.name != "posix", reason="Windows has no modes")
def test_a_new_store_is_its_owners_only(tmp_path: Path) -> None:
    with closing(Store(tmp_path / "veriband.db")) as store:
        store.add_band("A", bytes(20), 0)
        files = {file.name: file.stat().st_mode & 0o777 for file in tmp_path.iterdir()}
    names = ("veriband.db", "veriband.db-shm", "veriband.db-wal")
    assert files == dict.fromkeys(names, 0o600)


@pytest.mark.parametrize("content", [b"not a database at all, but long enough to look at" * 30])
def test_a_file_that_is_no_store_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "photo.jpg"
    path.write_bytes(content)
    with pytest.raises(StoreError, match="cannot be opened"):
        Store(path)
    assert path.read_bytes() == content


def test_an_unknown_band_is_an_error_that_says_what_to_do(store: Store) -> None:
    with pytest.raises(StoreError, match="veriband pair"):
        store.band("C0:00:00:00:00:09")
