"""Readings outside of their ranges, to the letter and as people want to be woken."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from veriband.analysis.anomalies import HIGH, LOW, Value, by_the_letter, persistent
from veriband.analysis.ranges import (
    DIASTOLIC,
    HEART_RATE,
    INDICES,
    SHIPPED,
    SPO2,
    SYSTOLIC,
    Range,
    ranges_for,
)

DAY = date(2026, 11, 25)
DAY_MS = 86_400_000
MINUTE = 60_000
HEART = Range(HEART_RATE, 50, 100, 41, 130)
OXYGEN = Range(SPO2, low=92, critical_low=85)


def series(*values: float, every_min: float = 5, at_rest: bool = True) -> list[Value]:
    return [Value(round(i * every_min * MINUTE), v, DAY, at_rest) for i, v in enumerate(values)]


def found(values, its=HEART):
    return [
        (a.side, a.since_ms // MINUTE, a.until_ms and a.until_ms // MINUTE)
        for a in persistent(values, its)
        if a.is_confirmed
    ]


def test_a_single_reading_is_none():
    assert found(series(70, 140, 70, 120, 115, 70)) == []


def test_three_readings_over_ten_minutes_are_one_until_one_is_clearly_inside():
    assert found(series(70, 110, 112, 111)) == [(HIGH, 5, None)]
    assert found(series(70, 110, 112, 111, 98, 93, 92, 70)) == [(HIGH, 5, 30)]
    assert found(series(110, 112, 111, 110, every_min=2)) == []


def test_what_is_not_confirmed_begins_anew_with_a_reading_inside():
    assert found(series(110, 112, 100, 111, 111)) == []


def test_a_heart_rate_counts_at_rest_only():
    assert found(series(130, 150, 160, 155, at_rest=False)) == []
    oxygen = series(90, 89, 90, at_rest=False)
    assert found(oxygen, OXYGEN) == [(LOW, 0, None)]


def test_two_critical_readings_a_minute_apart_are_enough():
    (its,) = persistent(series(70, 170, 172, every_min=1), HEART)
    assert its.is_confirmed and its.is_critical and its.worst == 172
    (its,) = persistent(series(70, 170, 172, every_min=0.5), HEART)
    assert not its.is_confirmed
    (its,) = persistent(series(110, 111, 112, 135), HEART)
    assert its.is_confirmed and not its.is_critical


def test_two_blood_pressures_are_enough():
    assert found(series(150, 152), Range(SYSTOLIC, 91, 139)) == [(HIGH, 0, None)]
    assert found(series(150, 139, 150), Range(SYSTOLIC, 91, 139)) == []


def test_limits_themselves_are_inside():
    assert persistent(series(50, 100, 50, 100), HEART) == []
    assert by_the_letter(series(50, 100), HEART) == []


def nights(bpm: float, count: int) -> list[Value]:
    first = DAY - timedelta(days=count)
    return [
        Value((k - count) * DAY_MS + j * 7_200_000, bpm + j % 3, first + timedelta(days=k))
        for k in range(count)
        for j in range(12)
    ]


def test_who_has_a_slow_heart_is_measured_by_it():
    week = 7 * 1440
    slow = series(44, 45, 44, 46)
    assert found(nights(43, 6) + slow) == [(LOW, -6 * 1440, None)]
    assert found(nights(43, 7) + slow) == [(LOW, -week, 0)]
    assert found(nights(43, 7) + series(66, 67, 68))[-1] == (HIGH, 0, None)


def test_a_fast_heart_is_nobodys_own():
    (its,) = persistent(nights(121, 30), HEART)
    assert its.is_confirmed and its.until_ms is None


def test_what_is_critical_for_all_is_outside_for_everybody():
    (its,) = persistent(nights(36, 14), HEART)
    assert its.is_critical and its.until_ms is None


def test_to_the_letter_each_cycle_with_a_value_outside_has_one():
    tomorrow = DAY + timedelta(days=1)
    values = [*series(70, 101, 70, 105, 45), Value(DAY_MS, 130, tomorrow, at_rest=False)]
    told = by_the_letter(values, HEART)
    assert [(a.cycle, a.side, a.worst, a.readings, a.until_ms) for a in told] == [
        (DAY, HIGH, 105, 2, DAY_MS),
        (DAY, LOW, 45, 1, DAY_MS),
        (tomorrow, HIGH, 130, 1, None),
    ]


@given(st.lists(st.floats(20, 200), max_size=30), st.sampled_from([1, 5, 120]))
def test_more_readings_only_add_to_what_was_found(values: list[float], every_min: int):
    """What was confirmed stays, with the begin by which it is known."""
    whole = series(*values, every_min=every_min)
    for end in range(len(whole)):
        before = {(a.side, a.since_ms): a for a in persistent(whole[:end], HEART)}
        after = {(a.side, a.since_ms): a for a in persistent(whole, HEART)}
        for key, its in before.items():
            if its.is_confirmed:
                assert after[key].readings >= its.readings
                assert its.until_ms in (None, after[key].until_ms)


@given(st.lists(st.floats(20, 200), max_size=40))
def test_the_default_finds_nothing_that_the_letter_does_not(values: list[float]):
    whole = series(*values)
    letter = {a.side for a in by_the_letter(whole, HEART)}
    assert {a.side for a in persistent(whole, HEART)} <= letter


@pytest.mark.parametrize(
    ("sex", "age", "low", "high"),
    [("m", 40, 50, 100), ("f", 7, 60, 140), (None, None, 50, 100), ("f", 11, 50, 100)],
)
def test_the_shipped_ranges_are_by_age(sex, age, low, high):
    its = ranges_for(SHIPPED, "anna", sex, age)[HEART_RATE]
    assert (its.low, its.high) == (low, high)


def test_the_narrowest_range_wins_and_of_two_the_later():
    women = replace(HEART, sex="f", low=55, from_age=11)
    assert ranges_for((*SHIPPED, women), "anna", "f", 30)[HEART_RATE] == women
    assert ranges_for((*SHIPPED, women), "ben", "m", 30)[HEART_RATE] == SHIPPED[1]
    later = replace(SHIPPED[1], high=110)
    assert ranges_for((*SHIPPED, later), "ben", "m", 30)[HEART_RATE] == later
    own = replace(HEART, wearer="anna")
    assert ranges_for((own, *SHIPPED, women), "anna", "f", 30)[HEART_RATE] == own


def test_every_adult_has_a_range_for_every_index():
    assert set(ranges_for(SHIPPED, "anna", None, None)) == set(INDICES)
    assert DIASTOLIC not in ranges_for(SHIPPED, "ben", "m", 5)
