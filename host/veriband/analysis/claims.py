"""The anti-cheating rule of CN 108332770 A, claims 2 and 3, to the letter (`--rule claims`).

A segment is an hour of the wearer's clock: 60 readings HH:00 to HH:59, so 59 increments, those of
the minutes that begin at HH:00 to HH:58. Of their 58 differences the largest and the smallest are
dropped; the segment is suspected when more than 49 of the 56 left are within 3 steps. Heart rate
then: the mean of the segment's readings that are not zero. All zero: not worn, cheating. None:
stays suspected. Outside the range that goes with the speed, on either side: cheating.

The letter suspects 59 % of all hours of real people, the idle ones above all: use `gated`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import numpy.typing as npt

from veriband.analysis.expected import Wearer, heart_rate_bpm, speed_kmh

STEP_THRESHOLD = 3  # "within" is |difference| <= 3
COUNT_THRESHOLD = 49  # suspected when more differences than that are within it
INCREMENTS = 59
MISSING = -1

Steps = npt.NDArray[np.int32]
Rates = npt.NDArray[np.float64]


class Verdict(StrEnum):
    """What is thought of a segment. Only `CHEATING` strikes; a suspicion is never a verdict."""

    UNKNOWN = "unknown"
    IDLE = "idle"
    HONEST = "honest"
    SUSPECTED = "suspected"
    CHEATING = "cheating"
    CLEARED = "cleared"
    INCONCLUSIVE = "inconclusive"


@dataclass(frozen=True, slots=True)
class Segments:
    """Hours of one wearer. All arrays have one row an hour.

    `hour`: (n,) whole hours since 1970 of the wearer's clock. `steps`: (n, 60) steps of each
    minute, MISSING where there is no reading. `heart_rate`: (n, 60) bpm, 0 not worn, NaN unknown.
    """

    hour: npt.NDArray[np.int64]
    steps: Steps
    heart_rate: Rates


@dataclass(frozen=True, slots=True)
class Judged:
    """A segment's verdict and what it rests on.

    `within`: differences within the step threshold, of 56 (None when a reading is missing).
    `total`: steps of the 59 minutes. `mean_bpm`, `low_bpm`, `high_bpm`: the heart rate and the
    range for the speed, None where they were not needed.
    """

    hour: int
    verdict: Verdict
    within: int | None
    total: int | None
    mean_bpm: float | None = None
    low_bpm: float | None = None
    high_bpm: float | None = None


def segments(
    minute: npt.NDArray[np.int64], steps: npt.NDArray[np.int32], heart_rate: Rates
) -> Segments:
    """The hours in which there is any minute, from (n,) arrays of distinct minutes since 1970."""
    hour, row = np.unique(minute // 60, return_inverse=True)
    grid = np.full((len(hour), 60), MISSING, np.int32)
    rates = np.full((len(hour), 60), np.nan)
    grid[row, minute % 60] = steps
    rates[row, minute % 60] = heart_rate
    return Segments(hour, grid, rates)


def differences_within(steps: Steps) -> npt.NDArray[np.int64]:
    """How many of each row's 56 differences are within the step threshold: (n, 59) -> (n,).

    Of equal largest (or smallest) differences one is dropped.
    """
    difference = np.diff(steps, axis=1)
    within = (np.abs(difference) <= STEP_THRESHOLD).sum(axis=1)
    dropped = (np.abs(difference.max(axis=1)) <= STEP_THRESHOLD).astype(np.int64)
    dropped += np.abs(difference.min(axis=1)) <= STEP_THRESHOLD
    return within - dropped


def judge(of: Segments, wearer: Wearer) -> list[Judged]:
    """Judge each hour, in their order."""
    increments = of.steps[:, :INCREMENTS]
    whole = (increments != MISSING).all(axis=1)
    within = differences_within(increments)
    total = increments.sum(axis=1)
    judged: list[Judged] = []
    for k in range(len(of.hour)):
        hour = int(of.hour[k])
        if not whole[k]:
            judged.append(Judged(hour, Verdict.UNKNOWN, None, None))
        elif within[k] <= COUNT_THRESHOLD:
            judged.append(Judged(hour, Verdict.HONEST, int(within[k]), int(total[k])))
        else:
            judged.append(_by_heart(hour, int(within[k]), int(total[k]), of.heart_rate[k], wearer))
    return judged


def _by_heart(hour: int, within: int, total: int, rates: Rates, wearer: Wearer) -> Judged:
    known = rates[~np.isnan(rates)]
    if not len(known):
        return Judged(hour, Verdict.SUSPECTED, within, total)
    worn = known[known > 0]
    if not len(worn):
        return Judged(hour, Verdict.CHEATING, within, total, 0.0)
    mean = float(worn.mean())
    expected = heart_rate_bpm(speed_kmh(total / INCREMENTS, wearer), wearer)
    inside = expected.low <= mean <= expected.high
    verdict = Verdict.CLEARED if inside else Verdict.CHEATING
    return Judged(hour, verdict, within, total, mean, expected.low, expected.high)
