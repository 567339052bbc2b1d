"""The resting heart rate of each wearer, learned from quiet minutes."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np

from veriband.analysis.expected import Wearers
from veriband.analysis.segments import HOUR, Bools, Floats, Segments

QUIET_MIN = 5  # minutes without a step before a minute is a quiet one
ENOUGH = 60  # quiet minutes with a heart rate, fewer teach nothing
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

    It is the 5th percentile of the heart rate in quiet minutes.
    """
    if of.heart_rate is None:
        return wearers
    rest: Floats = wearers.rest_bpm.copy()
    counts = quiet(of) & (of.heart_rate > 0)
    edges = np.flatnonzero(np.diff(of.wearer, prepend=-1, append=-1))
    for start, end in pairwise(edges):
        wearer = of.wearer[start]
        rates = of.heart_rate[start:end][counts[start:end]]
        if np.isnan(rest[wearer]) and len(rates) >= ENOUGH:
            rest[wearer] = np.percentile(rates, PERCENTILE)
    return replace(wearers, rest_bpm=rest)
