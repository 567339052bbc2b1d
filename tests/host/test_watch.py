"""The judge while the day goes on: when it wants a heart rate, and what it tells."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC
from pathlib import Path

import pytest

from tests.host.minutes import NOON, put
from veriband.judge.watch import Watch
from veriband.store import Store
from veriband.store.roster import Band
from veriband_protocol.items import MINUTE_MS

TOLD = "anna, 2026-03-02 12:00 to 12:"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store(tmp_path / "veriband.db")
    yield store
    store.close()


@pytest.fixture
def band(store: Store) -> Band:
    band = store.add_band("A", None, 0)
    store.assign(band, store.add_wearer("anna", rest_bpm=60.0), 0)
    return band


def looks(
    store: Store, band: Band, watch: Watch, steps: Sequence[int], bpm: Sequence[int | None] = ()
) -> list[int]:
    """The minutes, each synced as soon as it ended, after which a heart rate is wanted."""
    wanted: list[int] = []
    for k in range(len(steps)):
        at = NOON + k * MINUTE_MS
        put(store, band, at, steps[k : k + 1], bpm[k : k + 1])
        if watch.look(at + MINUTE_MS + 5000):
            wanted.append(k)
    return wanted


def test_a_heart_rate_is_wanted_when_the_window_first_turns_suspicious(
    store: Store, band: Band
) -> None:
    told: list[str] = []
    watch = Watch(store, band, UTC, told.append)
    assert looks(store, band, watch, [150] * 40, [140] * 40) == [20]
    assert [sentence[: len(TOLD) + 11] for sentence in told] == [f"{TOLD}21: cleared"]


def test_it_is_wanted_again_until_there_is_enough_to_decide(store: Store, band: Band) -> None:
    told: list[str] = []
    watch = Watch(store, band, UTC, told.append)
    bpm: list[int | None] = [None] * 40
    bpm[25:28] = [66, 66, 66]
    assert looks(store, band, watch, [150] * 40, bpm) == [20, 21, 22, 23, 24, 25, 26]
    assert [sentence[len(TOLD) :].split(".")[0] for sentence in told] == [
        "21: suspected", "28: cheating",
    ]  # fmt: skip


def test_steps_that_are_over_need_no_heart_rate(store: Store, band: Band) -> None:
    watch = Watch(store, band, UTC)
    put(store, band, NOON, [150] * 30)
    assert not watch.look(NOON + 40 * MINUTE_MS)
    assert not watch.active
    put(store, band, NOON + 40 * MINUTE_MS, [150] * 30 + [0])
    assert not watch.look(NOON + 71 * MINUTE_MS)
    assert not watch.active


def test_it_takes_up_after_a_restart_without_telling_again_what_goes_on(
    store: Store, band: Band
) -> None:
    looks(store, band, Watch(store, band, UTC), [150] * 30)
    told: list[str] = []
    watch = Watch(store, band, UTC, told.append)
    assert watch.look(NOON + 30 * MINUTE_MS + 5000), "it is suspected, and nothing is known"
    assert watch.active
    assert len(told) == 1
    put(store, band, NOON + 30 * MINUTE_MS, [150] * 5)
    assert watch.look(NOON + 35 * MINUTE_MS + 5000)
    assert len(told) == 1


def test_irregular_steps_and_nobodys_band_want_nothing(store: Store, band: Band) -> None:
    watch = Watch(store, band, UTC)
    assert looks(store, band, watch, [100, 130] * 20) == []
    assert watch.active
    other = store.add_band("B", None, 0)
    nobody = Watch(store, other, UTC)
    assert looks(store, other, nobody, [150] * 30) == []
    assert not nobody.active


def test_a_suspicion_that_lasts_longer_than_it_looks_back_is_told_once(
    store: Store, band: Band
) -> None:
    told: list[str] = []
    watch = Watch(store, band, UTC, told.append)
    looks(store, band, watch, [150] * 400, [140] * 400)
    assert len(told) == 1


def test_what_was_told_is_not_told_again_the_next_day(store: Store, band: Band) -> None:
    told: list[str] = []
    watch = Watch(store, band, UTC, told.append)
    day = 24 * 60
    steps = [0] * (day - 60) + [150] * 50 + [0] * 120
    put(store, band, NOON, steps)
    for m in range(10, len(steps), 10):
        watch.look(NOON + m * MINUTE_MS)
    assert len(told) == 1


def test_a_clock_that_is_set_back_makes_nothing_deaf(store: Store, band: Band) -> None:
    watch = Watch(store, band, UTC)
    years = 4 * 365 * 24 * 60 * MINUTE_MS
    put(store, band, NOON + years, [150] * 10)
    watch.look(NOON + years + 10 * MINUTE_MS)
    assert watch.active
    assert looks(store, band, watch, [150] * 25, [140] * 25) == [20]
