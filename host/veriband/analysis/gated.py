"""The anti-cheating rule that is used (`--rule gated`): active minutes only, in rolling windows.

Three grounds, each judged apart:

- Regular: of 20 consecutive pairs of active minutes (40 steps or more) 18 differ by at most 3
  steps. A suspicion is never a verdict, trained runners are that regular: the mean heart rate of
  these very minutes decides, if there are three readings. Below what the speed needs: cheating.
  That of somebody who sits (at most 19 above rest): inconclusive. Above: cleared. Without
  readings it stays suspected.
- Effort: over 10 minutes of exercise (active minutes, and breaks of at most 2 between them) the
  mean heart rate is below what the speed needs: cheating, however irregular the steps are. That
  of somebody who sits: inconclusive.
- Not worn: steps in a minute of which the band says that nobody wore it: cheating. Such minutes
  are told as one with at most 5 unknown ones between them, which are not struck.

Heart rate tells from the 4th minute of the exercise on. It accuses from a brisk walk (5.5 km/h) up
only: below, people who sit and people who walk are too alike. From there on whose own resting
rate is known needs more than somebody who sits. Active minutes that no heart rate speaks for are
unverified.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from veriband.analysis.expected import Wearers, estimated_kmh, heart_rate_bpm, speed_kmh
from veriband.analysis.judgement import (
    Codes,
    Ground,
    Heart,
    Judgement,
    Mark,
    Suspicions,
    Verdict,
)
from veriband.analysis.segments import HOUR, Bools, Floats, Ints, Segments
from veriband.analysis.stretches import (
    Numbers,
    bridged,
    covered,
    full_windows,
    runs,
    since_break,
    sums,
)

ACTIVE_STEPS = 40  # in a minute
STEP_THRESHOLD = 3
PAIRS = 20  # consecutive, of active minutes
REGULAR_PAIRS = 18  # of these: 90 %
WARM_UP = 3  # minutes of exercise before the heart rate tells (it follows in 30 to 60 s)
BREAK = 2  # minutes that do not end it
READINGS = 3  # of heart rate, at least, to decide anything
EFFORT_MIN = 10
ACCUSED_KMH = 5.5
UNKNOWN_BETWEEN = 5  # minutes at most between two that nobody wore it, to be told as one stretch
SITTING_BPM = 19.0  # above rest: few hearts are faster that sit (mean 6, SD 6), and few of the
# fittest are slower that walk briskly; `make bench` prints how many of each
IDLE_STEPS, IDLE_MINUTES = 500, 15  # an hour with fewer steps or active minutes is idle
ENOUGH_READINGS = 50  # of an hour's minutes


@dataclass(frozen=True, slots=True)
class _Minutes:
    """The N minutes that have a reading in a row, (N,), and sums before each, (N + 1,)."""

    of: Segments
    wearers: Wearers
    row: Ints  # of the segment it lies in
    column: Ints  # in it
    time: Ints  # as the segment's `begin`
    steps: Ints
    rate: Floats  # NaN: unknown
    joined: Bools  # the next one in the row is the next one in time
    active: Bools
    exercise: Ints  # minutes of exercise before it
    warm: Bools  # exercise, and that longer than the warm-up
    pair: Bools  # it and the next are consecutive and active
    step_sums: Ints
    near_sums: Ints  # of pairs within the step threshold
    reading_sums: Ints  # of heart rates that tell something: warm, not zero
    rate_sums: Floats
    zero_sums: Ints  # of minutes not worn


@dataclass(frozen=True, slots=True)
class _Found:
    """k stretches of minutes, from `starts` to before `ends`, with the verdict on each; (k,)."""

    ground: Ground
    starts: Ints
    ends: Ints
    verdict: Ints
    heart: Heart
    only: Bools  # (N,) the minutes in them that are meant

    def minutes(self, *verdicts: Verdict) -> Bools:
        """(N,) which minutes lie in a stretch with one of these verdicts."""
        rows = np.isin(self.verdict, verdicts)
        return self.only & covered(self.starts[rows], self.ends[rows], len(self.only))


def judge(of: Segments, wearers: Wearers) -> Judgement:
    """Judge each segment; `wearers` has a row for each index in `of.wearer`."""
    rows = np.flatnonzero(busy(of))  # the others are idle, or too little is known of them
    minutes = _minutes(of.take(rows), wearers)
    struck = doubtful = np.zeros(len(minutes.steps), np.bool_)
    found: list[_Found] = []
    for judged in (_regular, _accused_effort, _doubted_effort, _not_worn):
        found.append(judged(minutes, struck, doubtful))
        struck = struck | found[-1].minutes(Verdict.CHEATING)
        doubtful = doubtful | found[-1].minutes(Verdict.SUSPECTED, Verdict.INCONCLUSIVE)
    unverified = minutes.active & ~struck & (doubtful | np.isnan(minutes.rate))

    def hourly(values: Numbers) -> Ints:
        """(n,) sums over each segment's minutes."""
        result = np.zeros(len(of), np.int64)
        result[rows] = np.bincount(minutes.row, values, len(rows))
        return result

    marks = np.full((len(of), HOUR), Mark.COUNTED, np.int8)
    marks[rows[minutes.row], minutes.column] = np.select(
        [struck, unverified], [Mark.STRUCK, Mark.UNVERIFIED], Mark.COUNTED
    )
    steps = np.maximum(of.steps, 0).sum(axis=1, dtype=np.int64)
    idle = (steps < IDLE_STEPS) | (hourly(minutes.active) < IDLE_MINUTES)
    verdict = np.where(idle, Verdict.IDLE, Verdict.HONEST).astype(np.int8)
    verdict[(of.steps >= 0).sum(axis=1) < ENOUGH_READINGS] = Verdict.UNKNOWN
    for part in found:
        for start, end, its in zip(part.starts, part.ends, part.verdict, strict=True):
            touched = rows[minutes.row[start:end][part.only[start:end]]]
            verdict[touched] = np.maximum(verdict[touched], its)
    return Judgement(
        of,
        verdict,
        steps,
        struck=hourly(np.where(struck, minutes.steps, 0)),
        unverified=hourly(np.where(unverified, minutes.steps, 0)),
        differences=hourly(minutes.pair),
        within=hourly(np.diff(minutes.near_sums)),
        marks=marks,
        suspicions=_suspicions(minutes, found),
    )


def busy(of: Segments) -> Bools:
    """(n,) which segments have a minute in which anything can be suspected."""
    result: Bools = of.steps.max(axis=1) >= ACTIVE_STEPS
    if of.heart_rate is not None:
        result |= ((of.heart_rate == 0) & (of.steps > 0)).any(axis=1)
    return result


def decisions(of: Segments, wearers: Wearers) -> Codes:
    """The verdicts on all windows of effort that heart rate decided, for measuring the rule."""
    minutes = _minutes(of, wearers)
    windows = full_windows(minutes.warm, EFFORT_MIN)
    heart, verdict = _heart(minutes, windows, windows + EFFORT_MIN)
    return verdict[heart.readings >= READINGS].astype(np.int8)


def _minutes(of: Segments, wearers: Wearers) -> _Minutes:
    cell = np.flatnonzero(of.steps.ravel() >= 0)
    row = cell // HOUR
    time = of.begin[row] + cell % HOUR
    order = np.lexsort((time, of.wearer[row]))  # where a clock changed, hours may overlap
    cell, row, time = cell[order], row[order], time[order]
    steps = of.steps.ravel()[cell].astype(np.int64)
    if of.heart_rate is None:
        rate = np.full(len(steps), np.nan)
    else:
        rate = of.heart_rate.ravel()[cell].astype(np.float64)
    follows = np.zeros(len(time), np.bool_)
    follows[:-1] = (np.diff(time) == 1) & (np.diff(of.wearer[row]) == 0)
    active = steps >= ACTIVE_STEPS
    exercising = bridged(active, BREAK, follows)
    exercise = since_break(exercising, follows)
    warm = exercising & (exercise >= WARM_UP)
    pair = active & follows
    pair[:-1] &= active[1:]
    near = pair.copy()
    near[:-1] &= np.abs(np.diff(steps)) <= STEP_THRESHOLD
    reading: Bools = warm & (rate > 0)
    rates: Floats = np.where(reading, rate, 0.0)
    zeros: Bools = rate == 0
    return _Minutes(
        of, wearers, row, cell % HOUR, time, steps, rate, follows, active, exercise, warm, pair,
        sums(steps), sums(near), sums(reading), sums(rates), sums(zeros),
    )  # fmt: skip


def _heart(of: _Minutes, starts: Ints, ends: Ints) -> tuple[Heart, Ints]:
    """What heart rate says in stretches of minutes, and the verdict for as much as it tells."""
    who = of.wearers.take(of.of.wearer[of.row[starts]])
    cadence = (of.step_sums[ends] - of.step_sums[starts]) / (ends - starts)
    speed = speed_kmh(cadence, who)
    expected = heart_rate_bpm(speed, who)
    readings = of.reading_sums[ends] - of.reading_sums[starts]
    zeros = of.zero_sums[ends] - of.zero_sums[starts]
    total = of.rate_sums[ends] - of.rate_sums[starts]
    mean = np.where((readings > 0) | (zeros > 0), total / np.maximum(readings, 1), np.nan)
    # Whose own resting rate is known, walks briskly with a heart faster than any sitter's.
    sitting_bpm = who.rest() + SITTING_BPM
    brisk = estimated_kmh(cadence, who) >= ACCUSED_KMH
    own = brisk & ~np.isnan(who.rest_bpm)
    low = np.where(own, np.maximum(expected.low, sitting_bpm), expected.low)
    heart = Heart(readings, mean, speed.low, speed.high, low, expected.high, who.rest())
    verdict = np.select(
        [readings < READINGS, brisk & (mean < low), mean <= sitting_bpm],
        [Verdict.SUSPECTED, Verdict.CHEATING, Verdict.INCONCLUSIVE],
        Verdict.CLEARED,
    )
    return heart, verdict


def _regular(of: _Minutes, _struck: Bools, _doubtful: Bools) -> _Found:
    """Stretches of regular steps."""
    windows = full_windows(of.pair, PAIRS)
    near = of.near_sums[windows + PAIRS] - of.near_sums[windows]
    windows = windows[near >= REGULAR_PAIRS]
    starts, ends = runs(covered(windows, windows + PAIRS, len(of.steps)))
    ends = ends + 1  # the second minute of the last pair
    heart, verdict = _heart(of, starts, ends)
    return _Found(Ground.REGULAR, starts, ends, verdict, heart, np.full(len(of.steps), True))


def _accused_effort(of: _Minutes, struck: Bools, _doubtful: Bools) -> _Found:
    """Stretches in which the heart does too little for the speed, outside of what is struck."""
    return _effort(of, ~struck, Verdict.CHEATING)


def _doubted_effort(of: _Minutes, struck: Bools, doubtful: Bools) -> _Found:
    """Stretches in which somebody may sit as well as walk, outside of what is judged."""
    return _effort(of, ~(struck | doubtful), Verdict.INCONCLUSIVE)


def _effort(of: _Minutes, among: Bools, its: Verdict) -> _Found:
    """Stretches of windows of that verdict, with the warm-up where they follow it.

    The evidence of each is the window in which the heart rate was furthest below the range.
    """
    windows = full_windows(of.warm & among, EFFORT_MIN)
    heart, verdict = _heart(of, windows, windows + EFFORT_MIN)
    rows = np.flatnonzero(verdict == its)
    windows, heart, verdict = windows[rows], heart.take(rows), verdict[rows]
    starts, ends = runs(covered(windows, windows + EFFORT_MIN, len(of.steps)))
    lack = heart.low_bpm - heart.mean_bpm
    edges = np.searchsorted(windows, [*starts, len(of.steps)])
    worst = np.array([a + int(lack[a:b].argmax()) for a, b in pairwise(edges)], np.int64)
    starts = starts - np.where(of.exercise[starts] == WARM_UP, WARM_UP, 0)
    only = np.full(len(of.steps), True)
    return _Found(Ground.EFFORT, starts, ends, verdict[worst], heart.take(worst), only)


def _not_worn(of: _Minutes, struck: Bools, _doubtful: Bools) -> _Found:
    """Stretches of steps that nobody made, outside of what is struck.

    What lies between them and is unknown belongs to the stretch, though it is not struck.
    """
    nobody: Bools = np.logical_and(of.rate == 0, of.steps > 0) & ~struck
    together = bridged(nobody, UNKNOWN_BETWEEN, of.joined) & (nobody | np.isnan(of.rate))
    starts, ends = runs(together, of.joined)
    kept = sums(nobody)[ends] > sums(nobody)[starts]
    starts, ends = starts[kept], ends[kept]
    heart, _ = _heart(of, starts, ends)
    verdict = np.full(len(starts), Verdict.CHEATING)
    return _Found(Ground.NOT_WORN, starts, ends, verdict, heart, nobody)


def _suspicions(of: _Minutes, found: list[_Found]) -> Suspicions:
    """Everything that was found, in the order of wearer and time."""
    starts = np.concatenate([part.starts for part in found])
    ends = np.concatenate([part.ends for part in found])
    ground = np.repeat(
        np.array([part.ground for part in found], np.int8), [len(part.starts) for part in found]
    )
    steps = [sums(part.only * of.steps) for part in found]
    return Suspicions(
        of.of.wearer[of.row[starts]].astype(np.int64), of.time[starts], of.time[ends - 1] + 1,
        of.of.offset[of.row[starts]], of.of.offset[of.row[ends - 1]], ground,
        np.concatenate([part.verdict for part in found]).astype(np.int8),
        np.concatenate([s[p.ends] - s[p.starts] for s, p in zip(steps, found, strict=True)]),
        ends - starts - 1, of.near_sums[ends - 1] - of.near_sums[starts],
        Heart.join([part.heart for part in found]),
    ).take(np.argsort(starts, kind="stable"))  # fmt: skip
