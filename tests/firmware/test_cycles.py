"""When the band measures: once in each period of the wearer's day, whatever clocks do."""

from __future__ import annotations

import random
import struct
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from band.cycles import Cycles
from veriband.civil import next_change, offset_min
from veriband_protocol import items

BERLIN, NEW_YORK = ZoneInfo("Europe/Berlin"), ZoneInfo("America/New_York")
LORD_HOWE, KATHMANDU = ZoneInfo("Australia/Lord_Howe"), ZoneInfo("Asia/Kathmandu")
BEIRUT = ZoneInfo("Asia/Beirut")  # whose clocks change at midnight
ZONES = (BERLIN, NEW_YORK, LORD_HOWE, KATHMANDU, BEIRUT)
PERIOD_S = 7200


class Clock:
    """The band's clock as Cycles sees it; `skew_ms` is how far its edges are off the minutes."""

    def __init__(self, utc_s: int | None, zone: ZoneInfo = BERLIN, skew_ms: int = 0) -> None:
        self.is_set = utc_s is not None
        self.zone = (0, 0, 0)
        self.skew_ms = skew_ms
        self.now_s = utc_s or 0
        if utc_s is not None:
            self.travel(zone)

    def travel(self, zone: ZoneInfo) -> None:
        """A host sets it in another zone."""
        self.zone = (offset_min(zone, self.now_s), *next_change(zone, self.now_s))

    def offset_at(self, utc_s: int) -> int:
        offset, change_s, then = self.zone
        return then if change_s and utc_s >= change_s else offset

    def utc_ms(self) -> int:
        return self.now_s * 1000 + self.skew_ms

    uptime_ms = utc_ms


class Band:
    """What remains when Cycles is played: when was measured, which cycles began."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.periods = (0, 0)  # what is kept
        self.measured_s: list[int] = []
        self.began: list[tuple[int, date]] = []
        self.boot()

    def boot(self) -> None:
        """Start, with what was kept."""
        self.cycles = Cycles(self.clock, self, self)

    def event(self, code: int, data: bytes) -> None:
        assert code == items.EVENT_CYCLE
        days = struct.unpack("<H", data)[0]
        self.began.append((self.clock.now_s, date(2000, 1, 1) + timedelta(days)))

    def live(self, minutes: int, does: Callable[[int], tuple[int, bool]]) -> None:
        """So many minutes: `does` gives the steps of each, and whether all is found in it."""
        for minute in range(minutes):
            steps, found = does(minute)
            self.cycles.minute(steps)
            if self.cycles.is_due and not self.cycles.tried(found):
                self.measured_s.append(self.clock.now_s)
            self.clock.now_s += 60


def still(_: int) -> tuple[int, bool]:
    return 0, True


def label(utc_s: int, zone: ZoneInfo) -> tuple[date, int]:
    """The cycle and the period that a moment lies in, told by the wall clock."""
    wall = datetime.fromtimestamp(utc_s, UTC).astimezone(zone).replace(tzinfo=None)
    later = wall + timedelta(hours=1)
    return later.date(), later.hour // 2


def utc_s(*when: int, zone: ZoneInfo = BERLIN) -> int:
    return int(datetime(*when, tzinfo=zone).timestamp())  # type: ignore[arg-type]


def labels(begin_s: int, minutes: int, zone: ZoneInfo) -> Iterator[tuple[date, int]]:
    """Every period of that time, once."""
    return iter(dict.fromkeys(label(begin_s + 60 * m, zone) for m in range(minutes)))


def test_a_cycle_has_twelve_periods_from_23_to_23_and_bears_the_date_of_its_end() -> None:
    band = Band(Clock(utc_s(2026, 3, 1, 22, 30)))
    band.live(26 * 60, still)
    times = [datetime.fromtimestamp(s, BERLIN) for s in band.measured_s]
    assert [(t.day, t.hour, t.minute) for t in times] == [
        (1, 22, 30), (1, 23, 0), *((2, hour, 0) for hour in range(1, 24, 2)),
    ]  # fmt: skip
    assert band.began == [
        (utc_s(2026, 3, 1, 22, 30), date(2026, 3, 1)),
        (utc_s(2026, 3, 1, 23, 0), date(2026, 3, 2)),
        (utc_s(2026, 3, 2, 23, 0), date(2026, 3, 3)),
    ]


@settings(max_examples=60, derandomize=True, deadline=None)
@given(st.sampled_from(ZONES), st.integers(0, 700), st.integers(0, 1439), st.integers(0, 10**6))
def test_in_no_period_anything_is_measured_twice_and_in_none_nothing(
    zone: ZoneInfo, day: int, minute: int, seed: int
) -> None:
    """Two days from any minute of two years on, of somebody who is up and about."""
    rng = random.Random(seed)
    begin_s = utc_s(2025, 1, 1) // 60 * 60 + day * 86400 + minute * 60
    band = Band(Clock(begin_s, zone, rng.randint(-900, 900)))
    minutes = 2 * 1440
    band.live(minutes, lambda _: (rng.choice((0, 0, 0, 90)), rng.random() < 0.3))
    measured = [label(s, zone) for s in band.measured_s]
    there = list(labels(begin_s, minutes, zone))
    assert measured == there[: len(measured)], "each once, in their order"
    assert len(measured) >= len(there) - 1, "the one under way may be to come"
    assert [cycle for _, cycle in band.began] == list(dict.fromkeys(c for c, _ in there))
    for began_s, cycle in band.began:
        assert label(began_s, zone)[0] == cycle


@pytest.mark.parametrize(
    ("zone", "before", "hours"),
    [
        (BERLIN, (2026, 3, 28), 23),
        (BERLIN, (2026, 10, 24), 25),
        (NEW_YORK, (2026, 3, 7), 23),
        (NEW_YORK, (2026, 10, 31), 25),
        (LORD_HOWE, (2026, 4, 4), 24.5),
        (LORD_HOWE, (2026, 10, 3), 23.5),
        (BEIRUT, (2026, 3, 28), 23),
        (BEIRUT, (2026, 10, 24), 25),
    ],
)
def test_when_clocks_change_each_period_is_measured_once(
    zone: ZoneInfo, before: tuple[int, int, int], hours: float
) -> None:
    """Without a host: the band knows the zone's next change. Nobody finds anything, so that each
    period is measured in its last minute."""
    begin_s = utc_s(*before, 23, zone=zone)
    band = Band(Clock(begin_s - 600, zone))
    band.live(round(60 * hours) + 10, lambda _: (0, False))
    cycle = date(*before) + timedelta(days=1)
    assert [label(s, zone) for s in band.measured_s[1:]] == [(cycle, i) for i in range(12)]
    ends = [label(s + 60, zone) for s in band.measured_s[1:]]
    assert ends == [*((cycle, i) for i in range(1, 12)), (cycle + timedelta(days=1), 0)]


@pytest.mark.parametrize("away", [NEW_YORK, LORD_HOWE, KATHMANDU])
def test_who_travels_is_not_measured_twice_in_a_period_nor_left_out(away: ZoneInfo) -> None:
    begin_s = utc_s(2026, 6, 10, 9, 30)
    band = Band(Clock(begin_s))
    band.live(240, still)
    zones = [BERLIN] * 240
    for zone in (away, BERLIN, away):
        band.clock.travel(zone)
        band.live(300, still)
        zones += [zone] * 300
    lived = [label(begin_s + 60 * m, zone) for m, zone in enumerate(zones)]
    measured = [lived[(s - begin_s) // 60] for s in band.measured_s]
    assert len(set(measured)) == len(measured)
    assert set(measured) == set(lived)


def test_an_arm_that_moves_is_waited_for_until_the_periods_last_minute() -> None:
    begin_s = utc_s(2026, 6, 10, 11)
    band = Band(Clock(begin_s))
    band.live(90, lambda _: (100, True))
    assert band.measured_s == []
    band.live(120, lambda m: (0 if m == 15 else 100, True))
    assert band.measured_s == [begin_s + 105 * 60]
    band.live(60, lambda _: (100, False))
    assert band.measured_s[1:] == [begin_s + 239 * 60]


def test_what_is_not_found_is_tried_again_every_ten_minutes_and_kept_at_last() -> None:
    band = Band(Clock(utc_s(2026, 6, 10, 11)))
    tries: list[int] = []

    def find(minute: int) -> tuple[int, bool]:
        if band.cycles.is_due:
            tries.append(minute - 1)
        return 0, False

    band.live(121, find)
    assert tries == [*range(0, 120, 10), 119]
    assert band.measured_s == [utc_s(2026, 6, 10, 12, 59)]


def test_what_a_host_asked_for_and_found_is_the_periods_measurement() -> None:
    band = Band(Clock(utc_s(2026, 6, 10, 11)))
    band.live(20, lambda _: (0, False))
    assert not band.cycles.tried(True)
    band.live(100, still)
    assert band.measured_s == []


def test_before_the_clock_is_set_two_hours_since_boot_are_a_period() -> None:
    band = Band(Clock(None))
    band.live(300, still)
    assert band.measured_s == [0, 7200, 14400]
    assert band.began == []
    band.clock.is_set = True
    band.clock.now_s = utc_s(2026, 6, 10, 9, 10)
    band.clock.travel(BERLIN)
    band.live(60, still)
    assert band.measured_s[3:] == [utc_s(2026, 6, 10, 9, 10)]
    assert band.began == [(utc_s(2026, 6, 10, 9, 10), date(2026, 6, 10))]


def test_a_reset_measures_nothing_again_and_begins_no_cycle_again() -> None:
    band = Band(Clock(utc_s(2026, 6, 10, 11)))
    band.live(30, still)
    band.boot()
    band.live(100, still)
    assert len(band.measured_s) == 2
    assert len(band.began) == 1


def test_a_clock_that_was_wrong_by_days_leaves_nothing_out() -> None:
    band = Band(Clock(utc_s(2027, 6, 10, 11)))
    band.live(10, still)
    band.clock.now_s = utc_s(2026, 6, 10, 11)
    band.clock.travel(BERLIN)
    band.live(10, still)
    assert band.measured_s == [utc_s(2027, 6, 10, 11), utc_s(2026, 6, 10, 11)]
    assert [cycle.year for _, cycle in band.began] == [2027, 2026]
