"""The resting heart rate of each wearer, learned from quiet minutes."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np

from veriband.analysis.expected import Wearers
from veriband.analysis.segments import HOUR, Bools, Floats, Segments

QUIET_MIN = 5  # minutes without a step before a minute is a quiet one
NIGHT = (0, 6)  # hours of the wearer's clock
ENOUGH = (
    60  # quiet minutes with a heart rate at night: who cycles, or sits all day, teaches nothing
)
PERCENTILE = 5


def quiet(of: Segments) -> Bools:
    """(n, 60) which minutes have no step, nor any of the QUIET_MIN before them."""
    still = of.steps == 0
    flat = still.ravel()
    before = np.cumsum(np.concatenate(([0], flat)))
    long = np.zeros(len(flat), np.bool_)
    long[QUIET_MIN:] = before[QUIET_MIN + 1 :] - before[: -QUIET_MIN - 1] == QUIET_MIN + 1
    result = np.reshape(long, (len(of), HOUR))
    first = np.ones(len(of), np.bool_)
    first[1:] = ~of.follows()[:-1]
    result[first, :QUIET_MIN] = False
    return result


def learn(of: Segments, wearers: Wearers) -> Wearers:
    """`wearers` with the resting rate of those whose rate is unknown, where it can be learned.

    It is the 5th percentile of the heart rate in quiet minutes, if enough of them are at night.
    """
    if of.heart_rate is None:
        return wearers
    rest: Floats = wearers.rest_bpm.copy()
    counts = quiet(of) & (of.heart_rate > 0)
    hour = (of.begin + of.offset) // HOUR % 24
    night = (hour >= NIGHT[0]) & (hour < NIGHT[1])
    edges = np.flatnonzero(np.diff(of.wearer, prepend=-1, append=-1))
    for start, end in pairwise(edges):
        wearer = of.wearer[start]
        at_night = counts[start:end][night[start:end]].sum()
        if np.isnan(rest[wearer]) and at_night >= ENOUGH:
            rates = of.heart_rate[start:end][counts[start:end]]
            rest[wearer] = np.percentile(rates, PERCENTILE)
    return replace(wearers, rest_bpm=rest)
