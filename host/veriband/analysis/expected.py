"""From steps to speed to the heart rate that goes with it, each as an interval.

An illustrative model, no diagnosis. It gives the range that CN 108332770 A names: 120-180 bpm at
10 km/h for the default wearer. All functions take scalars and (n,) arrays alike.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from veriband.analysis.segments import Bools, Floats, Ints

RUN_SPM = 140  # from there on people run (PMC8629136: adults change over at about 140 a minute)
SLOWEST, FASTEST = 0.85, 1.30  # of the estimated speed: what cadence alone cannot tell
LENIENT = 0.6  # of the expected rise above rest: fitter people need less
ASLEEP_BPM = 10.0  # as far below the resting rate hearts go when little is asked of them
DEFAULT_AGE, DEFAULT_REST_BPM, DEFAULT_HEIGHT_M = 40.0, 60.0, 1.75


@dataclass(frozen=True, slots=True)
class Wearers:
    """What is known of n wearers, each (n,): `age` in years, `height_m`, `rest_bpm`.

    What is unknown is NaN, and taken as 40 years, 1.75 m, 60 bpm; an unknown sex as a man's.
    """

    female: Bools
    age: Floats
    height_m: Floats
    rest_bpm: Floats

    @classmethod
    def unknown(cls, n: int) -> Wearers:
        """n wearers of whom nothing is known."""
        nothing = np.full(n, np.nan)
        return cls(np.zeros(n, np.bool_), nothing, nothing, nothing)

    def take(self, rows: Ints) -> Wearers:
        """The wearers with these indices."""
        return Wearers(self.female[rows], self.age[rows], self.height_m[rows], self.rest_bpm[rows])

    def rest(self) -> Floats:
        """(n,) resting heart rates in bpm, the default where unknown."""
        return np.where(np.isnan(self.rest_bpm), DEFAULT_REST_BPM, self.rest_bpm)

    def highest(self) -> Floats:
        """(n,) highest heart rates in bpm by age (Tanaka 2001)."""
        return 208 - 0.7 * np.where(np.isnan(self.age), DEFAULT_AGE, self.age)


@dataclass(frozen=True, slots=True)
class Interval:
    """From `low` to `high`, both included; (n,) arrays."""

    low: Floats
    high: Floats


def step_length_m(cadence_spm: Floats, of: Wearers) -> Floats:
    """Metres per step at a cadence in steps a minute.

    Walking: 0.415 of the height (0.413 for women) at 110 a minute and longer when faster, between
    0.30 and 0.55 of it; running: half the height, which is short for runners and so lenient.
    """
    base = np.where(of.female, 0.413, 0.415)
    walking = np.clip(base + 0.0018 * (cadence_spm - 110), 0.30, 0.55)
    height = np.where(np.isnan(of.height_m), DEFAULT_HEIGHT_M, of.height_m)
    return height * np.where(cadence_spm >= RUN_SPM, 0.5, walking)


def estimated_kmh(cadence_spm: Floats, of: Wearers) -> Floats:
    """The speed in km/h that a cadence in steps a minute suggests."""
    return 0.06 * cadence_spm * step_length_m(cadence_spm, of)


def speed_kmh(cadence_spm: Floats, of: Wearers) -> Interval:
    """The speeds in km/h that go with a cadence in steps a minute."""
    speed = estimated_kmh(cadence_spm, of)
    return Interval(SLOWEST * speed, FASTEST * speed)


def oxygen_uptake(kmh: Floats) -> Floats:
    """Gross VO2 in ml/kg/min on the level, walking below 7 km/h and running above (ACSM)."""
    return 3.5 + np.where(kmh < 7, 0.1, 0.2) * (kmh * 1000 / 60)


def most_oxygen_uptake(of: Wearers) -> Floats:
    """VO2max in ml/kg/min by sex and age (after the FRIEND registry, de Souza e Silva 2018)."""
    age = np.where(np.isnan(of.age), DEFAULT_AGE, of.age)
    return np.maximum(15.0, 57.5 - 0.35 * age - np.where(of.female, 10.9, 0.0))


def heart_rate_bpm(speed: Interval, of: Wearers) -> Interval:
    """The heart rates in bpm that are plausible somewhere in an interval of speeds in km/h."""
    rest, highest = of.rest(), of.highest()
    share = (oxygen_uptake(speed.low) - 3.5) / (most_oxygen_uptake(of) - 3.5)
    share = np.minimum(1.0, share)
    slack = ASLEEP_BPM * np.maximum(0.0, 1 - 2 * share)
    return Interval(rest + LENIENT * share * (highest - rest) - slack, highest)
