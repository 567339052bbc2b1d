"""The literal rule: its edges, and its agreement with the slow twin."""

import numpy as np
import pytest

from tests.reference import claims as literal
from veriband.analysis.claims import Judged, Verdict, differences_within, judge, segments
from veriband.analysis.expected import Interval, Wearer, heart_rate_bpm, speed_kmh

HOURS = 100_000
BLOCK = 5_000


def hour(steps: list[int], rates: list[float] | None = None) -> Judged:
    """Judge one hour of 60 minutes."""
    (judged,) = judge(
        segments(
            np.arange(60, dtype=np.int64) + 60 * 7,
            np.array(steps, np.int32),
            np.full(60, np.nan) if rates is None else np.array(rates),
        ),
        Wearer(),
    )
    assert judged.hour == 7
    return judged


def alternating(far: int) -> list[int]:
    """Steps of 60 minutes whose 58 differences are `far` times beyond 3 and else within it."""
    steps = [100]
    for k in range(59):
        steps.append(steps[-1] + ((4 if k % 2 == 0 else -4) if k < far else 0))
    return steps


@pytest.mark.parametrize(("far", "within"), [(0, 56), (2, 56), (8, 50), (9, 49), (58, 0)])
def test_the_largest_and_the_smallest_are_dropped_then_more_than_49_is_suspected(
    far: int, within: int
) -> None:
    judged = hour(alternating(far))
    assert judged.within == within
    assert judged.verdict is (Verdict.SUSPECTED if within > 49 else Verdict.HONEST)


def test_of_equal_extremes_one_is_dropped() -> None:
    steps = np.array([[0, 9] * 29 + [0]], np.int32)  # 29 differences of 9, 29 of -9
    assert differences_within(steps)[0] == 0
    steps = np.array([[5] * 59], np.int32)  # all 58 are 0: both dropped ones were within
    assert differences_within(steps)[0] == 56


def test_the_last_minute_of_the_hour_has_no_part_in_it() -> None:
    assert hour([100] * 59 + [400]).within == 56


def test_ten_km_an_hour_with_a_mean_of_80_is_cheating() -> None:
    """The source's own example: there the range is 120-180 bpm."""
    assert heart_rate_bpm(Interval(10, 10), Wearer()) == Interval(120, 180)
    assert hour([165] * 60, [80.0] * 60).verdict is Verdict.CHEATING


@pytest.mark.parametrize(
    ("rates", "verdict"),
    [
        ([0.0] * 60, Verdict.CHEATING),
        ([float("nan")] * 60, Verdict.SUSPECTED),
        ([0.0] * 59 + [130.0], Verdict.CLEARED),
        ([0.0] * 30 + [float("nan")] * 30, Verdict.CHEATING),
        ([200.0] * 60, Verdict.CHEATING),
    ],
)
def test_heart_rate_decides_a_suspicion(rates: list[float], verdict: Verdict) -> None:
    assert hour([165] * 60, rates).verdict is verdict


def test_a_missing_reading_is_unknown() -> None:
    minute = np.array([60 * 7 + m for m in range(60) if m != 30], np.int64)
    (judged,) = judge(segments(minute, np.full(59, 100, np.int32), np.full(59, np.nan)), Wearer())
    assert judged.verdict is Verdict.UNKNOWN


def test_the_fast_rule_agrees_with_the_literal_one() -> None:
    """On 100,000 generated hours, most of them near the threshold."""
    rng = np.random.default_rng(2)
    seen: dict[str, int] = {}
    for _ in range(HOURS // BLOCK):
        level = rng.integers(0, 180, (BLOCK, 1))
        spread = rng.choice(
            [0, 1, 2, 3, 4, 6, 40], (BLOCK, 1), p=[0.1, 0.1, 0.2, 0.3, 0.1, 0.1, 0.1]
        )
        steps = np.clip(level + rng.integers(-spread, spread + 1, (BLOCK, 60)), 0, 383)
        rates = np.where(rng.random((BLOCK, 1)) < 0.3, 0.0, rng.uniform(50, 190, (BLOCK, 60)))
        rates[rng.random((BLOCK, 60)) < 0.5] = np.nan
        rates[rng.random(BLOCK) < 0.2] = np.nan
        there = rng.random((BLOCK, 60)) > np.where(rng.random((BLOCK, 1)) < 0.1, 0.02, 0.0)
        there[:, 59] |= ~there.any(axis=1)
        minute = np.arange(BLOCK * 60, dtype=np.int64).reshape(BLOCK, 60)
        judged = judge(
            segments(minute[there], steps[there].astype(np.int32), rates[there]), Wearer()
        )
        twin_minutes = dict(zip(minute[there].tolist(), steps[there].tolist(), strict=True))
        known = there & ~np.isnan(rates)
        twin_rates = dict(zip(minute[known].tolist(), rates[known].tolist(), strict=True))
        for found in judged:
            verdict = literal.segment(twin_minutes, twin_rates, found.hour, _range)
            assert found.verdict == verdict, f"hour {found.hour}"
            seen[verdict] = seen.get(verdict, 0) + 1
    assert min(seen.values()) > 500, seen
    assert set(seen) == {"unknown", "honest", "suspected", "cheating", "cleared"}


def _range(steps: int) -> tuple[float, float]:
    expected = heart_rate_bpm(speed_kmh(steps / 59, Wearer()), Wearer())
    return expected.low, expected.high
