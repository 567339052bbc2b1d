"""The anti-cheating rule of CN 108332770 A, claims 2 and 3, to the letter (`--rule claims`).

A segment is an hour of the wearer's clock: 60 readings HH:00 to HH:59, so 59 increments, those of
the minutes that begin at HH:00 to HH:58. Of their 58 differences the largest and the smallest are
dropped; the segment is suspected when more than 49 of the 56 left are within 3 steps. Heart rate
then: the mean of the segment's readings that are not zero. All zero: not worn, cheating. None:
stays suspected. Outside the range that goes with the speed, on either side: cheating.

The letter suspects 59 % of all hours of real people, the idle ones above all: use `gated`.
"""

from __future__ import annotations

import numpy as np

from veriband.analysis.expected import Wearers, heart_rate_bpm, speed_kmh
from veriband.analysis.judgement import Ground, Heart, Judgement, Mark, Suspicions, Verdict
from veriband.analysis.segments import HOUR, Ints, Segments, Steps

STEP_THRESHOLD = 3  # "within" is |difference| <= 3
COUNT_THRESHOLD = 49  # suspected when more differences than that are within it
INCREMENTS = 59
COUNTED = INCREMENTS - 3  # differences that are left when the largest and smallest are dropped


def differences_within(increments: Steps) -> Ints:
    """How many of each row's 56 differences are within the step threshold: (n, 59) -> (n,).

    Of equal largest (or smallest) differences one is dropped.
    """
    difference = np.diff(increments, axis=1)
    within = (np.abs(difference) <= STEP_THRESHOLD).sum(axis=1)
    for extreme in (difference.max(axis=1), difference.min(axis=1)):
        within -= np.abs(extreme) <= STEP_THRESHOLD
    return within


def judge(of: Segments, wearers: Wearers) -> Judgement:
    """Judge each segment; `wearers` has a row for each index in `of.wearer`."""
    increments = of.steps[:, :INCREMENTS]
    whole = increments.min(axis=1) >= 0
    within = np.where(whole, differences_within(increments), 0)
    verdict = np.where(whole, Verdict.HONEST, Verdict.UNKNOWN).astype(np.int8)
    rows = np.flatnonzero(within > COUNT_THRESHOLD)
    heart, verdict[rows] = _by_heart(of.take(rows), wearers)
    steps = np.maximum(of.steps, 0).sum(axis=1, dtype=np.int64)
    differences = np.where(whole, COUNTED, 0)
    mark = np.select(
        [verdict == Verdict.CHEATING, verdict == Verdict.SUSPECTED],
        [Mark.STRUCK, Mark.UNVERIFIED],
        Mark.COUNTED,
    )
    return Judgement(
        of,
        verdict,
        steps,
        struck=np.where(mark == Mark.STRUCK, steps, 0),
        unverified=np.where(mark == Mark.UNVERIFIED, steps, 0),
        differences=differences,
        within=within,
        marks=np.repeat(mark.astype(np.int8)[:, None], HOUR, axis=1),
        suspicions=Suspicions(
            of.wearer[rows].astype(np.int64), of.begin[rows], of.begin[rows] + HOUR,
            of.offset[rows], of.offset[rows], np.full(len(rows), Ground.REGULAR, np.int8),
            verdict[rows],
            steps[rows], differences[rows], within[rows], heart,
        ),
    )  # fmt: skip


def _by_heart(suspected: Segments, wearers: Wearers) -> tuple[Heart, Ints]:
    """What heart rate says of suspected segments, and the verdicts on them."""
    n = len(suspected)
    who = wearers.take(suspected.wearer)
    cadence = suspected.steps[:, :INCREMENTS].sum(axis=1) / INCREMENTS
    speed = speed_kmh(cadence, who)
    expected = heart_rate_bpm(speed, who)
    known = readings = np.zeros(n, np.int64)
    total = np.zeros(n)
    if suspected.heart_rate is not None:
        known = (~np.isnan(suspected.heart_rate)).sum(axis=1)
        readings = (suspected.heart_rate > 0).sum(axis=1)
        total = np.nansum(suspected.heart_rate, axis=1, dtype=np.float64)
    mean = np.where(known > 0, total / np.maximum(readings, 1), np.nan)
    inside = (expected.low <= mean) & (mean <= expected.high)
    verdict = np.where(inside, Verdict.CLEARED, Verdict.CHEATING)
    verdict[known == 0] = Verdict.SUSPECTED
    heart = Heart(
        readings, mean, speed.low, speed.high, expected.low, expected.high, who.rest()
    )  # fmt: skip
    return heart, verdict
