"""What a sync believes of a journal that changes under it."""

import asyncio
from collections.abc import AsyncGenerator, Iterator
from datetime import UTC
from pathlib import Path

import pytest

from veriband.errors import BadBatch, ClockImplausible
from veriband.link.session import BandClock, Batch, JournalState
from veriband.link.sync import sync
from veriband.store import Store
from veriband_protocol.wire import NO_SEAL

NOW_MS = 1_774_994_400_000
EPOCH = 7


class Journal:
    """A session with a band whose journal answers from scripts."""

    def __init__(self, states: list[tuple[int, int]], batches: list[tuple[int, bytes, int]]):
        self.states = iter(states)
        self.script = batches

    async def clock(self) -> BandClock:
        return BandClock(0, NOW_MS, 0)

    async def set_clock(self, utc_ms: int, *_: int) -> None:
        raise AssertionError(f"set to {utc_ms}")

    async def state(self) -> JournalState:
        return JournalState(EPOCH, *next(self.states), 1, 3_600_000)

    async def batches(self, epoch: int, seq: int, before: bytes) -> AsyncGenerator[Batch]:
        for first, items, upto in self.script:
            yield Batch(first, 1, first * 60_000, items, upto, 0, NO_SEAL, NO_SEAL, b"")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store(tmp_path / "veriband.db")
    yield store
    store.close()


def test_what_was_recorded_and_overwritten_meanwhile_is_believed(store: Store) -> None:
    band = store.add_band("A", None, 0)
    journal = Journal([(0, 4), (2, 5)], [(2, bytes((1, 2, 3)), 5)])
    synced = asyncio.run(sync(journal, store, band, lambda: NOW_MS, UTC))
    assert synced.items == 3
    assert store.cursor(band, EPOCH) == 5
    assert [n.text for n in store.notices(band)] == [
        "Items 0 to 1 were overwritten on band A before this host had read them."
    ]


def test_a_batch_on_its_way_may_be_older_than_what_the_band_says_by_now(store: Store) -> None:
    band = store.add_band("A", None, 0)
    journal = Journal([(0, 2), (0, 5)], [(0, bytes((1, 2)), 3), (2, bytes((3, 4)), 4)])
    assert asyncio.run(sync(journal, store, band, lambda: NOW_MS, UTC)).items == 4
    assert store.cursor(band, EPOCH) == 4


@pytest.mark.parametrize(
    ("state", "batch"),
    [
        ((0, 4), (2, bytes((1, 2)), 4)),
        ((0, 4), (0, bytes((1, 2, 3, 4, 5)), 5)),
        ((0, 4), (0, bytes((1, 2, 3)), 3)),
    ],
)
def test_a_batch_that_contradicts_the_journals_state_is_not_stored(
    store: Store, state: tuple[int, int], batch: tuple[int, bytes, int]
) -> None:
    band = store.add_band("A", None, 0)
    with pytest.raises(BadBatch):
        asyncio.run(sync(Journal([state, state], [batch]), store, band, lambda: NOW_MS, UTC))
    assert store.cursor(band, EPOCH) is None
    assert store.notices(band) == []


@pytest.mark.parametrize(("utc_s", "day"), [(1_400_000_000, "2014-05-13"), (2**32, "2106-02-07")])
def test_a_computer_whose_clock_cannot_be_right_sets_none(
    store: Store, utc_s: int, day: str
) -> None:
    band = store.add_band("A", None, 0)
    with pytest.raises(ClockImplausible, match=f"This computer's clock says {day}"):
        asyncio.run(sync(Journal([], []), store, band, lambda: utc_s * 1000, UTC))


def test_a_bands_clock_is_that_of_who_wears_it(store: Store) -> None:
    ahead_min: list[int] = []

    class Watched(Journal):
        async def set_clock(self, utc_ms: int, *zone: int) -> None:
            ahead_min.append(zone[0])

    band = store.add_band("A", None, 0)
    store.assign(band, store.add_wearer("anna", zone="America/New_York"), NOW_MS)
    assert asyncio.run(sync(Watched([(0, 0)], []), store, band, lambda: NOW_MS, UTC)).clock_set
    assert ahead_min == [-240]
    before = sync(Watched([(0, 0)], []), store, band, lambda: NOW_MS - 1, UTC)
    assert not asyncio.run(before).clock_set, "nobody wore it then"
    store.assign(band, store.add_wearer("ben", zone="Mars/Olympus"), NOW_MS + 1)
    unknown = sync(Watched([(0, 0)], []), store, band, lambda: NOW_MS + 1, UTC)
    assert not asyncio.run(unknown).clock_set, "his zone is unknown here"
