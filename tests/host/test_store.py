"""The store: rows and cursor together, nothing twice, times found late."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from veriband.errors import StoreError
from veriband.records import Anchor, Item, Kind
from veriband.store import Store

MINUTE = 60_000


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
    assert store.commit(band, 7, minutes(0, [1, 2, 3]), 3) == 3
    assert store.commit(band, 7, minutes(1, [2, 3, 4]), 4) == 1
    assert store.count(band, Kind.MINUTE) == 4
    assert store.cursor(band, 7) == 4
    assert store.cursor(band, 8) is None


def test_the_cursor_never_goes_back(store: Store) -> None:
    band = store.add_band("A", None, 0)
    store.commit(band, 7, minutes(0, [1, 2, 3]), 3)
    store.commit(band, 7, minutes(0, [1]), 1)
    assert store.cursor(band, 7) == 3


def test_minutes_before_the_clock_was_set_are_dated_by_the_anchor_after_them(store: Store) -> None:
    band = store.add_band("A", None, 0)
    store.commit(band, 7, minutes(0, [5, 6]), 2)
    assert store.undated_steps(band) == 11
    anchor = Anchor(2, Kind.ANCHOR, 1, 2 * MINUTE + 500, utc_ms=10_000_000, offset_min=0)
    store.commit(band, 7, [anchor, *minutes(3, [7], t_ms=2 * MINUTE)], 4)
    begin = 10_000_000 - 2 * MINUTE - 500
    assert [(s.utc_ms, s.steps) for s in store.spans(band, 0, 10**12)] == [
        (begin, 5), (begin + MINUTE, 6), (begin + 2 * MINUTE, 7),
    ]  # fmt: skip
    assert store.undated_steps(band) == 0


def test_a_clock_set_again_dates_only_what_follows(store: Store) -> None:
    band = store.add_band("A", None, 0)
    first = Anchor(0, Kind.ANCHOR, 1, 0, utc_ms=1_000_000, offset_min=0)
    second = Anchor(2, Kind.ANCHOR, 1, MINUTE, utc_ms=5_000_000, offset_min=0)
    store.commit(band, 7, [first, *minutes(1, [5]), second], 3)
    store.commit(band, 7, minutes(3, [6], t_ms=MINUTE), 4)
    assert [s.utc_ms for s in store.spans(band, 0, 10**12)] == [1_000_000, 5_000_000]


def test_boots_are_dated_apart(store: Store) -> None:
    band = store.add_band("A", None, 0)
    boot = Item(1, Kind.BOOT, 2, 0, steps=9)
    anchor = Anchor(2, Kind.ANCHOR, 2, 0, utc_ms=1_000_000, offset_min=0)
    store.commit(band, 7, [*minutes(0, [5]), boot, anchor], 3)
    assert [(s.kind, s.steps) for s in store.spans(band, 0, 10**12)] == [(Kind.BOOT, 9)]
    assert store.undated_steps(band) == 5


def test_a_full_disk_is_an_error_and_costs_nothing(store: Store, tmp_path: Path) -> None:
    band = store.add_band("A", None, 0)
    store.commit(band, 7, minutes(0, [1]), 1)
    pages = store._db.execute("PRAGMA page_count").fetchone()[0]
    store._db.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(StoreError, match=r"full.*Nothing was lost"):
        store.commit(band, 7, minutes(1, [2] * 5000), 5001)
    assert store.cursor(band, 7) == 1
    assert store.count(band, Kind.MINUTE) == 1
    store._db.execute(f"PRAGMA max_page_count = {pages + 1000}")
    assert store.commit(band, 7, minutes(1, [2] * 5000), 5001) == 5000


def test_a_damaged_store_is_an_error_that_says_what_to_do(store: Store) -> None:
    band = store.add_band("A", None, 0)
    store.commit(band, 7, minutes(0, [1] * 500), 500)
    store._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    store._db.execute("PRAGMA cache_size = 0")
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
    with pytest.raises(StoreError, match="newer Veriband"):
        Store(path)
    with closing(sqlite3.connect(path)) as db:
        assert db.execute("SELECT count(*) FROM sqlite_master").fetchone() == (0,)


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
