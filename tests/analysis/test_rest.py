"""The resting heart rate is learned from quiet minutes, and from enough of them."""

from __future__ import annotations

import numpy as np

from tests.analysis.minutes import one, segments
from veriband.analysis.expected import Wearers
from veriband.analysis.rest import learn, quiet

NAN = float("nan")


def test_a_minute_is_quiet_after_five_without_a_step() -> None:
    steps = [0] * 8 + [1] + [0] * 8
    of = segments(range(600, 600 + len(steps)), steps)
    assert np.flatnonzero(quiet(of)).tolist() == [5, 6, 7, 14, 15, 16]


def test_a_gap_is_not_quiet() -> None:
    of = segments([*range(600, 606), *range(607, 620)], [0] * 19)
    assert np.flatnonzero(quiet(of)).tolist() == [5, *range(12, 20)]
    apart = segments([*range(600, 660), *range(780, 840)], [0] * 120)
    assert not quiet(apart)[1, :5].any()
    assert quiet(apart)[1, 5:].all()


def test_the_fifth_percentile_is_taken() -> None:
    rates = [50.0 + m % 20 for m in range(200)]
    of = segments(range(60, 260), [0] * 200, rates)
    learned = learn(of, Wearers.unknown(1)).rest_bpm[0]
    assert learned == np.percentile(rates[5:], 5)


def test_what_is_given_stays_and_too_little_teaches_nothing() -> None:
    of = segments(range(600, 800), [0] * 200, [50.0] * 200)
    assert learn(of, one(rest_bpm=70)).rest_bpm.tolist() == [70]
    few = segments(range(60, 124), [0] * 64, [50.0] * 64)
    assert np.isnan(learn(few, Wearers.unknown(1)).rest_bpm[0])


def test_minutes_with_steps_and_not_worn_ones_teach_nothing() -> None:
    busy = segments(range(60, 260), [1] * 200, [50.0] * 200)
    off = segments(range(60, 260), [0] * 200, [0.0] * 200)
    for of in (busy, off):
        assert np.isnan(learn(of, Wearers.unknown(1)).rest_bpm[0])


def test_wearers_are_learned_apart() -> None:
    of = segments(range(60, 300), [0] * 240, [50.0] * 120 + [70.0] * 120)
    of.wearer[2:] = 1
    assert learn(of, Wearers.unknown(2)).rest_bpm.tolist() == [50, 70]


def test_sport_without_steps_and_days_of_sitting_teach_nothing() -> None:
    day = segments(range(600, 1200), [0] * 600, [140.0] * 600)
    assert np.isnan(learn(day, Wearers.unknown(1)).rest_bpm[0])
    whole = segments(range(60, 1200), [0] * 1140, [52.0] * 300 + [140.0] * 840)
    assert learn(whole, Wearers.unknown(1)).rest_bpm[0] == 52
