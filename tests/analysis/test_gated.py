"""The rule that is used: its grounds, its limits, and its agreement with the slow twin."""

from __future__ import annotations

import numpy as np
import pytest

from tests.analysis.minutes import one, segments
from tests.reference import gated as literal
from veriband.analysis.expected import Wearers, estimated_kmh, heart_rate_bpm, speed_kmh
from veriband.analysis.gated import judge
from veriband.analysis.grid import Grid, Minutes, Strands
from veriband.analysis.judgement import Ground, Judgement, Mark, Suspicions, Verdict
from veriband.analysis.live import Live

NAN = float("nan")
START = 27_000_000
UNKNOWN = Wearers.unknown(1)
KNOWN = one(rest_bpm=60)


def judged(steps: list[int], rates: list[float] | None = None, of: Wearers = KNOWN) -> Judgement:
    """Judge consecutive minutes of one wearer."""
    return judge(segments(range(START, START + len(steps)), steps, rates), of)


def told(of: Suspicions) -> list[tuple[int, int, str, str]]:
    """(begin, end, ground, verdict) of each suspicion, minutes counted from START."""
    return [
        (int(b) - START, int(e) - START, Ground(g).word, Verdict(v).word)
        for b, e, g, v in zip(of.begin, of.end, of.ground, of.verdict, strict=True)
    ]


def test_twenty_regular_pairs_are_a_suspicion_nineteen_are_none() -> None:
    assert told(judged([0, *[100] * 21, 0]).suspicions) == [(1, 22, "regular", "suspected")]
    assert told(judged([0, *[100] * 20, 0]).suspicions) == []


@pytest.mark.parametrize(("far", "suspected"), [(2, True), (3, False)])
def test_eighteen_of_twenty_pairs_are_enough(far: int, suspected: bool) -> None:
    steps = [100] * 21
    for k in range(far):  # each changes the pace once, for good
        steps[4 * k + 4 :] = [s + 4 for s in steps[4 * k + 4 :]]
    assert bool(told(judged(steps).suspicions)) is suspected


def test_idle_minutes_are_no_pairs() -> None:
    assert told(judged([39] * 60).suspicions) == []
    assert told(judged([0] * 600).suspicions) == []
    assert told(judged([100] * 10 + [0] + [100] * 15).suspicions) == []


def test_it_reaches_over_hours_and_midnight_but_not_over_gaps() -> None:
    midnight = START - START % 1440 + 1440
    of = segments(range(midnight - 30, midnight + 30), [120] * 60)
    assert len(judge(of, KNOWN).suspicions) == 1
    there = [
        m for m in range(midnight - 30, midnight + 30) if m not in (midnight - 15, midnight + 1)
    ]
    assert told(judge(segments(there, [120] * 58), KNOWN).suspicions) == [
        (midnight + 2 - START, midnight + 30 - START, "regular", "suspected")
    ]


@pytest.mark.parametrize(
    ("rate", "verdict"),
    [(148, "cleared"), (70, "cheating"), (NAN, "suspected")],
)
def test_the_heart_rate_of_these_minutes_decides(rate: float, verdict: str) -> None:
    assert told(judged([170] * 30, [rate] * 30).suspicions)[0][2:] == ("regular", verdict)


def test_heart_rate_of_another_time_is_no_evidence() -> None:
    steps, rates = [0] * 40 + [170] * 30 + [0] * 40, [60.0] * 40 + [NAN] * 30 + [65.0] * 40
    assert told(judged(steps, rates).suspicions) == [(40, 70, "regular", "suspected")]


def test_the_first_three_minutes_of_exercise_tell_nothing() -> None:
    rates = [70.0] * 3 + [NAN] * 27
    assert told(judged([170] * 30, rates).suspicions)[0][3] == "suspected"


@pytest.mark.parametrize("rate", [200.0, 250.0])
def test_a_heart_that_is_too_fast_accuses_nobody(rate: float) -> None:
    assert judged([170] * 30, [rate] * 30).struck.sum() == 0


def test_below_a_brisk_walk_nobody_is_accused_by_heart_rate() -> None:
    slow = judged([105] * 60, [64.0] * 60)
    assert told(slow.suspicions) == [(0, 60, "regular", "inconclusive")]
    assert slow.struck.sum() == 0
    assert slow.unverified.sum() == 60 * 105
    assert told(judged([130] * 60, [64.0] * 60).suspicions) == [(0, 60, "regular", "cheating")]


def test_too_little_effort_is_cheating_however_irregular() -> None:
    steps = [150, 175] * 20
    of = judged(steps, [66.0] * 40)
    assert told(of.suspicions) == [(0, 40, "effort", "cheating")]
    assert of.struck.sum() == sum(steps)


def test_effort_is_seen_in_fourteen_minutes_of_every_hour() -> None:
    steps = ([170] * 14 + [0] * 46) * 4
    of = judged(steps, [68.0] * 240)
    assert [t[2:] for t in told(of.suspicions)] == [("effort", "cheating")] * 4
    assert of.struck.sum() == sum(steps)


def test_an_honest_runner_who_starts_from_rest_is_not_accused() -> None:
    rates = [60.0 + min(90, 25 * m) for m in range(40)]
    assert judged([165 + 7 * (m % 2) for m in range(40)], rates).struck.sum() == 0


def test_whose_resting_rate_is_unknown_gets_more_leave() -> None:
    assert judged([130, 120] * 20, [78.0] * 40, KNOWN).struck.sum() > 0
    assert judged([130, 120] * 20, [78.0] * 40, UNKNOWN).struck.sum() == 0


def test_steps_that_nobody_wore_are_cheating_in_any_minute() -> None:
    of = judged([0, 7, 0, 90, 30], [NAN, 0, 0, 0, 80])
    assert told(of.suspicions) == [(1, 2, "not worn", "cheating"), (3, 4, "not worn", "cheating")]
    assert of.struck.sum() == 97


def test_minutes_between_that_nobody_knows_of_are_unverified() -> None:
    of = judged([100, 90] * 10, [0.0, NAN] * 10)
    assert [t[2:] for t in told(of.suspicions)] == [("not worn", "cheating")]
    assert of.struck.sum() == of.suspicions.steps.sum() == 1000
    assert of.unverified.sum() == 900


def test_a_worn_minute_parts_those_that_nobody_wore() -> None:
    of = judged([100, 90, 100, 90, 100], [0.0, NAN, 80.0, NAN, 0.0])
    assert of.struck.sum() == 200
    assert len(of.suspicions) == 2


def test_a_few_minutes_not_worn_strike_no_hour() -> None:
    of = judged([110] * 60, [0.0] * 3 + [NAN] * 57)
    assert [t[2:] for t in told(of.suspicions)] == [
        ("regular", "suspected"),
        ("not worn", "cheating"),
    ]
    assert of.struck.sum() == 330
    assert of.unverified.sum() == 57 * 110


def test_a_break_of_two_minutes_does_not_hide_too_little_effort() -> None:
    of = judged(([177] * 12 + [0]) * 10, [66.0] * 130)
    assert of.struck.sum() == 120 * 177
    assert judged(([177] * 12 + [0] * 3) * 10, [66.0] * 150).struck.sum() == 0, "too short"


def test_a_fast_part_of_a_regular_stretch_is_judged_by_itself() -> None:
    ramp = [60 + 3 * k for k in range(40)] + [177] * 15 + [177 - 3 * k for k in range(40)]
    ramp = [60] * 200 + ramp
    of = judged(ramp, [62.0] * len(ramp))
    assert [t[2:] for t in told(of.suspicions)] == [
        ("regular", "inconclusive"),
        ("effort", "cheating"),
    ]
    assert of.struck.sum() > 20 * 150


def test_windows_reach_over_a_change_of_the_clock_inside_an_hour() -> None:
    """Half an hour on one clock, half on one that is 30 minutes ahead of it."""
    strands = Strands(np.array([0, 0]), np.array([0, 30]))
    grid = Grid(0, 100_000, with_rates=True)
    utc = np.arange(START - START % 60 + 6, START - START % 60 + 54)
    second = utc >= START - START % 60 + 30
    grid.add(
        Minutes(
            second.astype(np.int32), (utc + 30 * second).astype(np.int32),
            np.full(48, 165, np.int16), np.full(48, 66, np.float32),
        ),
        strands,
    )  # fmt: skip
    (of,) = grid.segments(strands)
    found = judge(of, KNOWN)
    assert found.struck.sum() == 48 * 165
    assert len(found.suspicions) == 1
    assert found.suspicions.end[0] - found.suspicions.begin[0] == 48


def test_without_a_heart_rate_active_minutes_are_unverified() -> None:
    of = judged([100, 0, 39, 120, 80], [NAN, NAN, NAN, 90, NAN])
    assert of.struck.sum() == 0
    assert of.unverified.sum() == 180


def test_hours_get_the_gravest_verdict_in_them() -> None:
    steps = [0] * 60 + [60, 90] * 30 + ([0] * 5 + [170] * 25) * 4
    rates = [NAN] * 60 + [100.0] * 60 + [150.0] * 60 + [150.0] * 30 + [70.0] * 30
    begin = START - START % 60
    at = range(begin, begin + 240)
    words = [Verdict(v).word for v in judge(segments(at, steps, rates), KNOWN).verdict]
    assert words == ["idle", "honest", "cleared", "cheating"]
    few = segments(list(at)[:49], [100, 80] * 24 + [100])
    assert judge(few, KNOWN).verdict.tolist() == [Verdict.UNKNOWN]


def test_wearers_are_judged_apart() -> None:
    both = segments(range(START, START + 120), [100] * 15 + [0] * 45 + [100] * 60)
    both.wearer[1:] = 1
    of = judge(both, Wearers.unknown(2))
    assert of.suspicions.wearer.tolist() == [1]


# The twin.


def story(rng: np.random.Generator) -> tuple[dict[int, int], dict[int, float]]:
    """A few hours of exercise, rest and gaps; heart rates that fit, lack, or are zero."""
    steps: dict[int, int] = {}
    rates: dict[int, float] = {}
    minute = START + int(rng.integers(0, 60))
    for _ in range(int(rng.integers(2, 8))):
        length, kind = int(rng.integers(5, 60)), rng.integers(0, 6)
        level, spread = int(rng.integers(35, 185)), int(rng.choice([0, 1, 2, 3, 5, 25]))
        rate = float(rng.choice([0, 60, 66, 75, 85, 100, 150])) + float(rng.integers(0, 5))
        for k in range(length):
            if kind == 0:
                continue  # no reading
            steps[minute + k] = (
                0 if kind == 1 else max(0, level + int(rng.integers(-spread, spread + 1)))
            )
            if rng.random() < 0.6:
                rates[minute + k] = 0.0 if rate < 5 else rate + float(rng.integers(-6, 7))
        minute += length
    steps.setdefault(START, 0)
    return steps, rates


def test_the_fast_rule_agrees_with_the_slow_one() -> None:
    rng = np.random.default_rng(3)
    seen: dict[tuple[str, str], int] = {}
    for _ in range(800):
        steps, rates = story(rng)
        wearer = one(rest_bpm=62) if rng.random() < 0.5 else UNKNOWN

        def expected(cadence: float, wearer: Wearers = wearer) -> tuple[float, float]:
            at = np.array([cadence])
            low = heart_rate_bpm(speed_kmh(at, wearer), wearer).low
            return float(estimated_kmh(at, wearer)[0]), float(low[0])

        known = not np.isnan(wearer.rest_bpm[0])
        twin = literal.Wearer(expected, float(wearer.rest()[0]), known)
        found, struck, unverified = literal.judge(steps, rates, twin)
        at = sorted(steps)
        of = judge(segments(at, [steps[m] for m in at], [rates.get(m, NAN) for m in at]), wearer)
        assert told(of.suspicions) == [
            (f.begin - START, f.end - START, f.ground, f.verdict) for f in found
        ]
        assert of.struck.sum() == sum(steps[m] for m in struck)
        assert of.unverified.sum() == sum(steps[m] for m in unverified)
        marks = {
            mark: {int(of.segments.begin[r]) + int(c) for r, c in np.argwhere(of.marks == mark)}
            for mark in (Mark.STRUCK, Mark.UNVERIFIED)
        }
        assert marks == {Mark.STRUCK: struck & set(steps), Mark.UNVERIFIED: unverified}
        for f in found:
            seen[f.ground, f.verdict] = seen.get((f.ground, f.verdict), 0) + 1
    assert min(seen.values()) > 10, seen
    assert len(seen) == 7, seen


# Live.


def test_a_minute_at_a_time_ends_as_all_at_once() -> None:
    rng = np.random.default_rng(4)
    compared = 0
    for _ in range(20):
        steps, rates = story(rng)
        at = [m for m in sorted(steps) if m < START + 170]
        live = Live(KNOWN)
        for minute in at:
            found = live.arrive(0, minute, steps[minute], rates.get(minute, NAN))
        of = judge(segments(at, [steps[m] for m in at], [rates.get(m, NAN) for m in at]), KNOWN)
        assert told(found) == told(of.suspicions)
        compared += len(found)
    assert compared > 20


def test_live_forgets_what_is_long_ago() -> None:
    live = Live(KNOWN)
    for minute in range(START, START + 21):
        found = live.arrive(0, minute, 100, NAN)
    assert told(found) == [(0, 21, "regular", "suspected")]
    assert told(live.arrive(0, START + 100 * 60, 100, NAN)) == []
    assert told(live.arrive(0, START + 21, 100, NAN)) == []
