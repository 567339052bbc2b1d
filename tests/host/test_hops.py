"""Silence: at which hop it begins, and what is none."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from datetime import UTC
from pathlib import Path

import pytest

from tests.host.minutes import EPOCH, NOON, put
from veriband.alerts.book import Book
from veriband.alerts.hops import OWED_MS, Hop, Patience, State, hops, look
from veriband.alerts.machine import HOUR_MS, Ladder, Phase, Rung
from veriband.records import Anchor, Item, Kind, reading
from veriband.store import Store
from veriband.store.roster import Band
from veriband_protocol.items import (
    EVENT_STRIP,
    STATUS_MOVING,
    STATUS_NOT_WORN,
    STATUS_OK,
    STATUS_TIMED_OUT,
    VITAL_HEART_RATE,
    pack_sign,
)
from veriband_protocol.sockets import CHIP_PULSE, SOCKET_CASE, pack_strip

IN = pack_strip(SOCKET_CASE, CHIP_PULSE, 7)
OUT = pack_strip(0, 0, 0)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with closing(Store(tmp_path / "veriband.db")) as store:
        yield store


@pytest.fixture
def band(store: Store) -> Band:
    band = store.add_band("A", None, 0)
    store.assign(band, store.add_wearer("anna"), NOON)
    return band


def came(store: Store, band: Band, *what: tuple[int, int | bytes], at_ms: int) -> None:
    """(hours after noon, status of a heart rate or a strip's event) came at a time."""
    seq = store.cursor(band, EPOCH) or 0
    found: list[Item] = [Anchor(seq, Kind.ANCHOR, 1, 0, utc_ms=NOON)]
    for hour, its in what:
        at, number = hour * HOUR_MS, seq + len(found)
        if isinstance(its, bytes):
            found.append(Item(number, Kind.EVENT, 1, at, detail=EVENT_STRIP, raw=its))
        else:
            found.append(reading(number, 1, at, pack_sign(VITAL_HEART_RATE, its, 70, 90)))
    store.commit(band, EPOCH, found, seq + len(found), at_ms)


def strip(store: Store, band: Band, hours: float) -> Hop:
    return hops(store, band, NOON, NOON + round(hours * HOUR_MS), Patience(), UTC)[1]


def test_a_band_that_is_not_heard_is_silent_and_what_is_behind_it_unknown(
    store: Store, band: Band
) -> None:
    def states(hours: float) -> list[tuple[State, int | None]]:
        now_ms = NOON + round(hours * HOUR_MS)
        return [(h.state, h.since_ms) for h in hops(store, band, NOON, now_ms, Patience(), UTC)]

    assert states(12) == [(State.WELL, None), (State.WELL, None)]  # worn since noon
    put(store, band, NOON + HOUR_MS, [1], came_utc_ms=NOON + 2 * HOUR_MS)
    assert states(14) == [(State.WELL, None), (State.WELL, None)]
    assert states(14.1) == [(State.SILENT, NOON + 2 * HOUR_MS), (State.UNKNOWN, None)]


def test_a_strip_that_was_pulled_is_off_by_choice(store: Store, band: Band) -> None:
    came(store, band, (0, IN), (1, STATUS_OK), (2, OUT), at_ms=NOON + 3 * HOUR_MS)
    assert strip(store, band, 3).state is State.OFF
    assert strip(store, band, 3).since_ms == NOON + 2 * HOUR_MS


def test_a_band_that_nobody_wears_is_off_by_choice(store: Store, band: Band) -> None:
    its = [(0, IN), (1, STATUS_OK), (2, STATUS_NOT_WORN), (4, STATUS_NOT_WORN)]
    came(store, band, *its, at_ms=NOON + 5 * HOUR_MS)
    assert strip(store, band, 5).state is State.OFF
    assert strip(store, band, 5).since_ms == NOON + 2 * HOUR_MS
    assert "not worn since 2026-03-02 14:00" in strip(store, band, 5).text


@pytest.mark.parametrize(
    ("statuses", "state"),
    [
        ([STATUS_OK, STATUS_TIMED_OUT, STATUS_TIMED_OUT], State.WELL),
        ([STATUS_OK, STATUS_TIMED_OUT, STATUS_TIMED_OUT, STATUS_TIMED_OUT], State.FAULT),
        ([STATUS_TIMED_OUT, STATUS_TIMED_OUT, STATUS_TIMED_OUT, STATUS_OK], State.WELL),
        ([STATUS_MOVING, STATUS_MOVING, STATUS_MOVING, STATUS_MOVING], State.WELL),
    ],
)
def test_a_strip_that_fails_again_and_again_is_a_fault(
    store: Store, band: Band, statuses: Sequence[int], state: State
) -> None:
    came(store, band, (0, IN), *enumerate(statuses, 1), at_ms=NOON + 5 * HOUR_MS)
    assert strip(store, band, 5).state is state


def test_a_strip_that_is_in_and_measures_nothing_is_silent(store: Store, band: Band) -> None:
    came(store, band, (0, IN), (1, STATUS_OK), at_ms=NOON + HOUR_MS)
    came(store, band, (20, STATUS_MOVING), at_ms=NOON + 27 * HOUR_MS)
    assert strip(store, band, 27).state is State.WELL
    assert strip(store, band, 27.1).state is State.SILENT


def test_a_band_that_never_had_a_strip_is_well(store: Store, band: Band) -> None:
    put(store, band, NOON, [1], came_utc_ms=NOON + 50 * HOUR_MS)
    assert strip(store, band, 50).state is State.WELL


def test_silence_is_an_alert_until_the_band_is_heard_or_nobody_wears_it(
    store: Store, band: Band
) -> None:
    book = Book(store, lambda _: Ladder((Rung(0, ("phone",)),)))

    def look_at(hours: float) -> list[tuple[str, bool]]:
        look(store, book, Patience(), ["phone"], lambda _: UTC, NOON + round(hours * HOUR_MS))
        return [(e.cause.subject, e.alert.over_ms is not None) for e in book.entries()]

    assert look_at(12) == []
    assert look_at(13) == look_at(14) == [("silence/A/band", False)]
    assert "bring it near" in book.entry(1).cause.facts["text"]
    put(store, band, NOON, [1], came_utc_ms=NOON + 15 * HOUR_MS)
    assert look_at(15) == [("silence/A/band", True)]
    book.acknowledge(1, "Ben", "", NOON + 15 * HOUR_MS)
    assert look_at(28)[-1] == ("silence/A/band", False)
    store.assign(band, store.add_wearer("ben"), NOON + 28 * HOUR_MS)
    assert look_at(29)[-1] == ("silence/A/band", True)


def test_a_terminal_that_does_not_confirm_is_an_alert_of_its_own(store: Store, band: Band) -> None:
    terminals = ("phone", "fax")
    book = Book(store, lambda _: Ladder((Rung(0, terminals),)))
    look(store, book, Patience(), ["phone"], lambda _: UTC, NOON + 13 * HOUR_MS)
    book.advance(NOON + 13 * HOUR_MS)
    later_ms = NOON + 13 * HOUR_MS + OWED_MS + 1
    look(store, book, Patience(), ["phone"], lambda _: UTC, later_ms)
    assert [entry.cause.subject for entry in book.entries()][1:] == ["silence/terminal/phone"]
    terminals = ("fax",)
    book.drop(later_ms)
    look(store, book, Patience(), ["phone"], lambda _: UTC, later_ms)
    book.acknowledge(2, "Ben", "", later_ms)
    assert book.entry(2).alert.phase is Phase.RESOLVED
    assert book.steps(1)[-1].note == "it is not to know of it any more"
