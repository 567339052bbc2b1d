"""The literal rule: its edges, the source's own table, and its agreement with the slow twin."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import NamedTuple
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from tests.analysis.minutes import one, segments
from tests.reference import claims as literal
from veriband.analysis.claims import differences_within, judge
from veriband.analysis.expected import Interval, Wearers, heart_rate_bpm, speed_kmh
from veriband.analysis.grid import Grid, Minutes, Strands
from veriband.analysis.judgement import Mark, Verdict
from veriband.analysis.segments import HOUR, UNREAD

UNKNOWN = Wearers.unknown(1)


class Judged(NamedTuple):
    """What became of one segment."""

    verdict: Verdict
    within: int
    struck: int
    unverified: int
    mean_bpm: float | None


def hour(steps: list[int], rates: list[float] | None = None) -> Judged:
    """Judge one hour of 60 minutes."""
    of = judge(segments(range(7 * HOUR, 8 * HOUR), steps, rates), UNKNOWN)
    assert of.segments.begin.tolist() == [7 * HOUR]
    mean = of.suspicions.heart.mean_bpm
    return Judged(
        Verdict(of.verdict[0]), of.within[0], of.struck[0], of.unverified[0],
        mean[0] if len(mean) else None,
    )  # fmt: skip


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
    steps = np.array([[0, 9] * 29 + [0]], np.int16)  # 29 differences of 9, 29 of -9
    assert differences_within(steps)[0] == 0
    steps = np.array([[5] * 59], np.int16)  # all 58 are 0: both dropped ones were within
    assert differences_within(steps)[0] == 56


def test_the_last_minute_of_the_hour_has_no_part_in_the_differences() -> None:
    assert hour([100] * 59 + [290]).within == 56


def test_the_source_s_own_table_is_not_cheating() -> None:
    """Its cells: totals 1000, 1100, 1211, 1330, 1455 at 10:00 to 10:04 and 6210 at 10:59.

    What happened between is not told: the completion, ours, walks as irregularly as it began.
    """
    told = np.array([1000, 1100, 1211, 1330, 1455])
    between = np.resize([80, 92, 88, 70, 102], 54)  # of the 54 increments up to 10:58
    last = 6210 - 1455 - int(between.sum())
    totals = np.concatenate((told, 1455 + np.cumsum([*between, last]), [6210]))
    increments = np.diff(totals)
    assert increments[:4].tolist() == [100, 111, 119, 125]
    assert np.diff(increments)[:3].tolist() == [11, 8, 6]
    assert increments[59] == 0  # 10:59 to 11:00
    judged = hour(increments.tolist())
    assert judged.verdict is Verdict.HONEST
    assert judged.within < 50


def test_ten_km_an_hour_with_a_mean_of_80_is_cheating() -> None:
    """The source's own example: there the range is 120-180 bpm."""
    ten = np.array([10.0])
    expected = heart_rate_bpm(Interval(ten, ten), UNKNOWN)
    assert expected.low == pytest.approx(120)
    assert expected.high == pytest.approx(180)
    judged = hour([165] * 60, [80.0] * 60)
    assert judged.verdict is Verdict.CHEATING
    assert judged.struck == 60 * 165


@pytest.mark.parametrize(
    ("rates", "verdict", "mean"),
    [
        ([0.0] * 60, Verdict.CHEATING, 0.0),
        ([np.nan] * 60, Verdict.SUSPECTED, None),
        ([0.0] * 59 + [130.0], Verdict.CLEARED, 130.0),
        ([0.0] * 30 + [np.nan] * 30, Verdict.CHEATING, 0.0),
        ([200.0] * 60, Verdict.CHEATING, 200.0),
    ],
)
def test_heart_rate_decides_a_suspicion(
    rates: list[float], verdict: Verdict, mean: float | None
) -> None:
    judged = hour([165] * 60, rates)
    assert judged.verdict is verdict
    assert judged.mean_bpm == mean or (mean is None and np.isnan(judged.mean_bpm))
    assert judged.unverified == (60 * 165 if verdict is Verdict.SUSPECTED else 0)


@pytest.mark.parametrize("at", [0, 30, 58])
def test_a_missing_reading_is_unknown(at: int) -> None:
    there = [7 * HOUR + m for m in range(60) if m != at]
    assert judge(segments(there, [100] * 59), UNKNOWN).verdict.tolist() == [Verdict.UNKNOWN]
    unread = [UNREAD if m == at else 100 for m in range(60)]
    assert hour(unread).verdict is Verdict.UNKNOWN


def test_the_minute_after_the_last_reading_may_be_missing() -> None:
    there = range(7 * HOUR, 7 * HOUR + 59)
    assert judge(segments(there, [100] * 59), UNKNOWN).verdict.tolist() == [Verdict.SUSPECTED]


def test_what_is_known_of_the_wearer_moves_the_range() -> None:
    speed = speed_kmh(np.array([165.0]), UNKNOWN)

    def low(wearer: Wearers) -> float:
        return float(heart_rate_bpm(speed, wearer).low[0])

    assert low(one(rest_bpm=50)) < low(UNKNOWN) < low(one(rest_bpm=70))
    assert low(one(female=True)) > low(UNKNOWN)
    assert heart_rate_bpm(speed, one(age=20)).high > heart_rate_bpm(speed, one(age=60)).high
    assert speed_kmh(np.array([100.0]), one(height_m=1.5)).low < speed.low


# The twin.

HOURS_EACH, WEARERS = 2_600, 40


def story(rng: np.random.Generator, hours: int) -> tuple[np.ndarray, np.ndarray]:
    """(hours, 60) steps, UNREAD where missing, and heart rates, most hours near the threshold."""
    spread = rng.choice([0, 1, 2, 3, 4, 6, 40], (hours, 1), p=[0.1, 0.1, 0.2, 0.3, 0.1, 0.1, 0.1])
    level = rng.integers(0, 180, (hours, 1))
    steps = np.clip(level + rng.integers(-spread, spread + 1, (hours, 60)), 0, 300)
    edge = rng.random(hours) < 0.1  # exactly 49 or 50 of 56 within, ties for both extremes
    for k in np.flatnonzero(edge):
        steps[k] = np.array(alternating(int(rng.integers(7, 11)))) + rng.integers(0, 50)
    rates = np.where(rng.random((hours, 1)) < 0.3, 0.0, rng.uniform(50, 190, (hours, 60)))
    rates[rng.random((hours, 60)) < 0.5] = np.nan
    rates[rng.random(hours) < 0.2] = np.nan
    gap = rng.random((hours, 60)) < np.where(rng.random((hours, 1)) < 0.1, 0.02, 0.0)
    gap[rng.random(hours) < 0.01] = True  # the band was off
    return np.where(gap, UNREAD, steps), rates.astype(np.float32).astype(np.float64)


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/New_York"])
def test_the_fast_rule_agrees_with_the_literal_one(zone: str) -> None:
    """On 100,000 generated hours in two zones, whose clocks change within them."""
    rng = np.random.default_rng(len(zone))
    strands: dict[tuple[int, int], int] = {}
    grid = Grid(0, 10_000_000, with_rates=True)
    told: list[tuple[np.ndarray, np.ndarray, int]] = []
    for wearer in range(WEARERS // 2):
        first = int(datetime(2024, 2 + 7 * (wearer % 2), 1, tzinfo=UTC).timestamp()) // 3600
        steps, rates = story(rng, HOURS_EACH)
        told.append((steps, rates, first))
        offsets = [
            int(datetime.fromtimestamp(h * 3600, ZoneInfo(zone)).utcoffset().total_seconds()) // 60  # pyright: ignore
            for h in range(first, first + HOURS_EACH)
        ]
        assert len(set(offsets)) == 2, "clocks change within"
        strand = [strands.setdefault((wearer, offset), len(strands)) for offset in offsets]
        minute = np.arange(first * 60, (first + HOURS_EACH) * 60) + np.repeat(offsets, 60)
        there = np.flatnonzero(steps.ravel() != UNREAD)
        there = rng.permutation(there)  # in any order
        pairs = np.array(list(strands))
        grid.add(
            Minutes(
                np.repeat(strand, 60).astype(np.int32)[there], minute.astype(np.int32)[there],
                steps.ravel().astype(np.int16)[there], rates.ravel().astype(np.float32)[there],
            ),
            Strands(pairs[:, 0], pairs[:, 1]),
        )  # fmt: skip
    assert grid.surplus() == 0
    seen: dict[str, int] = {}
    pairs = np.array(list(strands))
    for block in grid.segments(Strands(pairs[:, 0], pairs[:, 1])):
        judged = judge(block, Wearers.unknown(WEARERS))
        for i in range(len(block)):
            steps, rates, first = told[block.wearer[i]]
            row = int(block.begin[i]) // 60 - first
            local = datetime.fromtimestamp(int(block.begin[i]) * 60, ZoneInfo(zone))
            assert block.offset[i] == local.utcoffset().total_seconds() // 60  # pyright: ignore
            its = {m: s for m, s in enumerate(steps[row].tolist()) if s != UNREAD}
            known = {m: rates[row, m] for m in its if not np.isnan(rates[row, m])}
            verdict = literal.segment(its, known, 0, _range)
            assert Verdict(judged.verdict[i]).word == verdict, f"hour {i}"
            mark = {"cheating": Mark.STRUCK, "suspected": Mark.UNVERIFIED}.get(verdict, 0)
            assert judged.marks[i].tobytes() == bytes((mark,)) * 60
            seen[verdict] = seen.get(verdict, 0) + 1
    assert sum(seen.values()) > 0.98 * HOURS_EACH * WEARERS / 2
    assert min(seen.values()) > 500, seen
    assert set(seen) == {"unknown", "honest", "suspected", "cheating", "cleared"}


def _range(steps: int) -> tuple[float, float]:
    expected = heart_rate_bpm(speed_kmh(np.array([steps / 59]), UNKNOWN), UNKNOWN)
    return float(expected.low[0]), float(expected.high[0])
