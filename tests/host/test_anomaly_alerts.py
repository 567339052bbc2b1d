"""From what is in the store to alerts: at once and partial, then whole, under one alert."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC
from pathlib import Path

import pytest

from tests.host.minutes import NOON, put
from veriband.alerts.anomalies import look
from veriband.alerts.book import Book, Cause
from veriband.alerts.limits import Limits
from veriband.alerts.machine import HOUR_MS, MINUTE_MS, Ladder, Rung, Severity
from veriband.analysis.cycles import Stay
from veriband.analysis.ranges import SHIPPED
from veriband.store import Store
from veriband.store.entered import TYPED_IN, Entry
from veriband.store.roster import Band, Wearer
from veriband.vitals import plausible
from veriband_protocol.items import VITAL_HEART_RATE, VITAL_SPO2

STAYS = [Stay(0, UTC)]
LADDER = Ladder((Rung(0, ("page",)),))
DAY_MS = 24 * HOUR_MS


class Host:
    """A store with a wearer and a band, and what is looked at in it."""

    def __init__(self, path: Path) -> None:
        self.store = Store(path)
        self.band: Band = self.store.add_band("A", None, 0)
        self.wearer: Wearer = self.store.add_wearer("anna")
        self.store.assign(self.band, self.wearer, 0)
        self.book = Book(self.store, lambda _: LADDER, Limits(0, 99, 99))

    def came(self, at_ms: int, *bpm: int | None, steps: int = 0) -> None:
        put(self.store, self.band, at_ms, [steps] * len(bpm), bpm)

    def typed(self, at_ms: int, sign) -> None:
        self.store.enter(self.wearer, Entry(at_ms, TYPED_IN, (sign,)), at_ms)

    def look(self, now_ms: int, **how) -> int | None:
        return look(self.store, self.book, self.wearer, STAYS, SHIPPED, now_ms, **how)

    def causes(self) -> list[Cause]:
        return [entry.cause for entry in self.book.entries()]


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Host]:
    host = Host(tmp_path / "veriband.db")
    with closing(host.store):
        yield host


def test_a_high_heart_rate_at_rest_is_an_alert_with_the_cycle_so_far(host: Host):
    host.came(NOON, 70, 120, *[None] * 4, 122, *[None] * 5, 125)
    assert host.look(NOON + 13 * MINUTE_MS) is None
    (cause,) = host.causes()
    assert (cause.subject, cause.severity) == ("anomaly/heart rate/high", Severity.WARNING)
    assert cause.since_ms == NOON + MINUTE_MS + 30_000
    facts = cause.facts
    assert (facts["worst"], facts["limit"], facts["readings"]) == (125, 100, 3)
    assert (cause.cycle, facts["is_whole"], len(facts["result"])) == ("2026-03-02", False, 4)


def test_the_whole_result_follows_under_the_same_alert(host: Host):
    host.came(NOON, 120, *[None] * 5, 122, *[None] * 5, 125)
    host.look(NOON + 13 * MINUTE_MS)
    before = host.book.entry(1).alert.version
    host.came(NOON + 13 * MINUTE_MS, 70, 71)
    host.came(NOON + 12 * HOUR_MS, 60)  # 00:00, of the next cycle
    host.look(NOON + 12 * HOUR_MS + MINUTE_MS)
    (entry,) = host.book.entries()
    assert entry.alert.version > before and entry.alert.over_ms is not None
    assert entry.cause.facts["is_whole"] and len(entry.cause.facts["result"]) == 5
    assert entry.alert.loud == 1  # nobody is called twice for it


def test_a_high_heart_rate_on_foot_is_none(host: Host):
    host.came(NOON, *[150] * 20, steps=110)
    host.came(NOON + 20 * MINUTE_MS, *[130] * 9)
    host.look(NOON + 29 * MINUTE_MS)
    assert host.causes() == []


def test_looking_again_changes_nothing(host: Host):
    host.came(NOON, 120, *[None] * 5, 122, *[None] * 5, 125)
    for later in (13, 14, 60, 24 * 60):
        host.look(NOON + later * MINUTE_MS)
        if later == 13:
            before = host.store.db.total_changes
    assert host.store.db.total_changes == before


def test_another_reading_is_wanted_while_one_outside_is_new(host: Host):
    host.came(NOON, 120)
    assert host.look(NOON + MINUTE_MS) == VITAL_HEART_RATE
    assert host.look(NOON + 16 * MINUTE_MS) is None
    host.typed(NOON, plausible.spo2(88))
    assert host.look(NOON + MINUTE_MS) == VITAL_SPO2


def test_two_blood_pressures_that_were_typed_in_are_one_alert_each_of_both_numbers(host: Host):
    host.typed(NOON, plausible.blood_pressure(150, 95))
    host.look(NOON)
    assert host.causes() == []
    host.typed(NOON + 5 * MINUTE_MS, plausible.blood_pressure(185, 125))
    host.typed(NOON + 8 * MINUTE_MS, plausible.blood_pressure(186, 126))
    host.look(NOON + 9 * MINUTE_MS)
    assert [(c.subject, c.severity) for c in host.causes()] == [
        ("anomaly/systolic pressure/high", Severity.CRITICAL),
        ("anomaly/diastolic pressure/high", Severity.CRITICAL),
    ]


def test_to_the_letter_each_cycle_with_a_value_outside_is_an_alert_at_once(host: Host):
    host.came(NOON, 101, 70, steps=110)
    host.look(NOON + 2 * MINUTE_MS, to_the_letter=True)
    host.came(NOON + DAY_MS, 102)
    host.look(NOON + DAY_MS + MINUTE_MS, to_the_letter=True)
    assert [(c.cycle, c.facts["is_whole"]) for c in host.causes()] == [
        ("2026-03-02", True),
        ("2026-03-03", False),
    ]


def test_an_alert_that_was_open_for_weeks_is_still_the_same(host: Host):
    host.came(NOON, 120, *[None] * 5, 122, *[None] * 5, 125)
    host.look(NOON + 13 * MINUTE_MS)
    for day in range(1, 30):
        host.came(NOON + day * DAY_MS, 121)
        host.look(NOON + day * DAY_MS + MINUTE_MS)
    (entry,) = host.book.entries()
    assert entry.cause.facts["readings"] == 32
    host.came(NOON + 30 * DAY_MS, 110, 80)
    host.look(NOON + 30 * DAY_MS + 2 * MINUTE_MS)
    assert host.book.entry(1).alert.over_ms is not None


def test_what_was_measured_before_somebody_wore_the_band_is_not_theirs(host: Host):
    ben = host.store.add_wearer("ben")
    host.store.assign(host.band, ben, NOON + 7 * MINUTE_MS)
    host.came(NOON, 120, *[None] * 5, 122, *[None] * 5, 125)
    host.look(NOON + 13 * MINUTE_MS)
    look(host.store, host.book, ben, STAYS, SHIPPED, NOON + 13 * MINUTE_MS)
    assert host.causes() == []
