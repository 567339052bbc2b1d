"""Which detection cycle and period a moment belongs to, whatever its wearer's clocks do."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, date, datetime, timedelta, timezone
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from veriband.analysis.cycles import (
    Period,
    Stay,
    end,
    hours,
    period_of,
    reach,
    stays_of,
    wall,
)

BERLIN, NEW_YORK = ZoneInfo("Europe/Berlin"), ZoneInfo("America/New_York")
LORD_HOWE, KATHMANDU = ZoneInfo("Australia/Lord_Howe"), ZoneInfo("Asia/Kathmandu")
ZONES = (BERLIN, NEW_YORK, LORD_HOWE, KATHMANDU)
MINUTE_MS = 60_000

zones = st.sampled_from(ZONES)
moments = st.datetimes(datetime(2016, 1, 1), datetime(2037, 1, 1), timezones=st.just(UTC)).map(
    lambda at: round(at.timestamp() * 1000)
)


def at(zone: ZoneInfo, *when: int, fold: int = 0) -> int:
    """UTC ms of what a clock shows."""
    return round(datetime(*when, tzinfo=zone, fold=fold).timestamp() * 1000)  # type: ignore[arg-type]


def of(utc_ms: int, zone: ZoneInfo) -> tuple[str, int]:
    its = period_of(utc_ms, [Stay(0, zone)])
    return its.cycle.isoformat(), its.index


@pytest.mark.parametrize(
    ("hour", "minute", "day", "index"),
    [
        (22, 59, 10, 11), (23, 0, 11, 0), (0, 59, 10, 0), (1, 0, 10, 1), (12, 59, 10, 6),
        (13, 0, 10, 7), (21, 0, 10, 11),
    ],
)  # fmt: skip
def test_a_cycle_begins_at_23_and_bears_the_date_of_its_end(
    hour: int, minute: int, day: int, index: int
) -> None:
    for zone in ZONES:
        assert of(at(zone, 2026, 6, 10, hour, minute), zone) == (f"2026-06-{day}", index)


@given(moments, zones)
def test_it_follows_from_what_the_clock_shows_and_nothing_else(
    utc_ms: int, zone: ZoneInfo
) -> None:
    its = period_of(utc_ms, [Stay(0, zone)])
    shown = wall(utc_ms, [Stay(0, zone)])
    assert shown.timestamp() == pytest.approx(utc_ms / 1000)
    assert its.index == (shown.hour + 1) // 2 % 12
    assert its.cycle == shown.date() + timedelta(days=shown.hour == 23)
    begin, _, end = hours(its.index).partition("-")
    assert begin <= f"{shown:%H:%M}" < end or its.index == 0


@given(moments, zones)
def test_a_cycle_lies_within_its_reach(utc_ms: int, zone: ZoneInfo) -> None:
    begin, end = reach(period_of(utc_ms, [Stay(0, zone)]).cycle)
    assert begin <= utc_ms < end


@given(moments, zones)
def test_within_a_zone_periods_follow_each_other(utc_ms: int, zone: ZoneInfo) -> None:
    """Nothing is gone back to: what a clock shows twice, it shows in the same period."""
    periods = [period_of(utc_ms + k * 30 * MINUTE_MS, [Stay(0, zone)]) for k in range(60)]
    assert periods == sorted(periods)
    for one, other in pairwise(periods):
        ahead = (other.cycle - one.cycle).days * 12 + other.index - one.index
        assert ahead in (0, 1)


@pytest.mark.parametrize(
    ("zone", "cycle", "index", "minutes"),
    [
        (BERLIN, (2026, 3, 29), 1, 60),
        (BERLIN, (2026, 10, 25), 1, 180),
        (NEW_YORK, (2026, 3, 8), 1, 60),
        (NEW_YORK, (2026, 11, 1), 1, 180),
        (LORD_HOWE, (2026, 10, 4), 1, 90),
        (LORD_HOWE, (2026, 4, 5), 1, 150),
        (ZoneInfo("Asia/Beirut"), (2026, 3, 29), 0, 60),  # at midnight
        (ZoneInfo("Asia/Beirut"), (2026, 10, 25), 0, 180),
    ],
)
def test_the_period_in_which_the_clock_changes_is_longer_or_shorter(
    zone: ZoneInfo, cycle: tuple[int, int, int], index: int, minutes: int
) -> None:
    day = date(*cycle)
    begin, end = reach(day)
    stays = [Stay(0, zone)]
    found = [period_of(ms, stays) for ms in range(begin, end, MINUTE_MS)]
    lengths = Counter(its.index for its in found if its.cycle == day)
    assert lengths == {k: minutes if k == index else 120 for k in range(12)}


def test_time_that_is_shown_twice_lies_in_one_period() -> None:
    first, second = (at(BERLIN, 2026, 10, 25, 2, 30, fold=fold) for fold in (0, 1))
    assert second - first == 60 * MINUTE_MS
    assert of(first, BERLIN) == of(second, BERLIN) == ("2026-10-25", 1)


def test_who_travels_takes_the_zone_of_the_moment() -> None:
    flight = at(BERLIN, 2026, 6, 10, 14)
    stays = [Stay(0, BERLIN), Stay(flight, NEW_YORK), Stay(flight + 10 * 3_600_000, KATHMANDU)]
    assert period_of(flight - 1, stays) == Period(date(2026, 6, 10), 7)
    assert period_of(flight, stays) == Period(date(2026, 6, 10), 4), "08:00 in New York"
    assert period_of(flight + 10 * 3_600_000, stays) == Period(date(2026, 6, 11), 2), "03:45"
    assert period_of(flight - 1, stays[1:]) == Period(date(2026, 6, 10), 4), "nothing is earlier"


def test_where_the_clock_showed_another_time_the_wearer_was_elsewhere() -> None:
    """At home in winter and in summer, in New York from the 10th to the 20th."""
    winter, summer = at(BERLIN, 2026, 2, 1), at(BERLIN, 2026, 6, 1)
    flight, home = at(BERLIN, 2026, 6, 10), at(BERLIN, 2026, 6, 20)
    offsets = [(winter, 60), (summer, 120), (flight, -240), (flight + 1, -240), (home, 120)]
    abroad = timezone(timedelta(hours=-4))
    assert stays_of(offsets, BERLIN) == [
        Stay(winter, BERLIN), Stay(flight, abroad), Stay(home, BERLIN),
    ]  # fmt: skip
    there = stays_of(offsets, NEW_YORK)
    assert wall(flight, there).tzinfo is NEW_YORK, "seen from there"
    assert wall(winter, there).utcoffset() == timedelta(hours=1)
    assert stays_of([], BERLIN) == [Stay(0, BERLIN)]


@given(moments, zones)
def test_a_cycle_ends_as_the_next_begins(utc_ms: int, zone: ZoneInfo) -> None:
    stays = [Stay(0, zone)]
    cycle = period_of(utc_ms, stays).cycle
    over = end(cycle, stays)
    assert utc_ms < over <= reach(cycle)[1]
    assert period_of(over, stays) == Period(cycle + timedelta(days=1), 0)
    assert period_of(over - MINUTE_MS, stays).cycle == cycle
