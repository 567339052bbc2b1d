"""From steps to speed to the heart rate that goes with it, each as an interval.

An illustrative model, no diagnosis. It gives the range that CN 108332770 A names: 120-180 bpm at
10 km/h for the default wearer.
"""

from __future__ import annotations

from dataclasses import dataclass

RUN_SPM = 140  # from there on people run (PMC8629136: adults change over at about 140 a minute)
SLOWEST, FASTEST = 0.85, 1.30  # of the estimated speed: what cadence alone cannot tell
LENIENT = 0.6  # of the expected rise above rest: fitter people need less
DEFAULT_AGE, DEFAULT_REST_BPM, DEFAULT_HEIGHT_M = 40, 60.0, 1.75


@dataclass(frozen=True, slots=True)
class Wearer:
    """What is known of somebody: sex "m" or "f", age in years, height in m, resting rate in bpm.

    None is unknown, and taken as a man of 40 years, 1.75 m and 60 bpm.
    """

    sex: str | None = None
    age: float | None = None
    height_m: float | None = None
    rest_bpm: float | None = None


@dataclass(frozen=True, slots=True)
class Interval:
    """From `low` to `high`, both included."""

    low: float
    high: float


def step_length_m(cadence_spm: float, wearer: Wearer) -> float:
    """Metres per step at a cadence in steps a minute.

    Walking: 0.415 of the height (0.413 for women) at 110 a minute and longer when faster, between
    0.30 and 0.55 of it; running: half the height, which is short for runners and so lenient.
    """
    height = wearer.height_m or DEFAULT_HEIGHT_M
    if cadence_spm >= RUN_SPM:
        return 0.5 * height
    base = 0.413 if wearer.sex == "f" else 0.415
    return height * min(0.55, max(0.30, base + 0.0018 * (cadence_spm - 110)))


def speed_kmh(cadence_spm: float, wearer: Wearer) -> Interval:
    """The speeds in km/h that go with a cadence in steps a minute."""
    speed = 0.06 * cadence_spm * step_length_m(cadence_spm, wearer)
    return Interval(SLOWEST * speed, FASTEST * speed)


def oxygen_uptake(kmh: float) -> float:
    """Gross VO2 in ml/kg/min on the level, walking below 7 km/h and running above (ACSM)."""
    metres_a_minute = kmh * 1000 / 60
    return 3.5 + (0.1 if kmh < 7 else 0.2) * metres_a_minute


def most_oxygen_uptake(wearer: Wearer) -> float:
    """VO2max in ml/kg/min by sex and age (after the FRIEND registry, de Souza e Silva 2018)."""
    age = DEFAULT_AGE if wearer.age is None else wearer.age
    return max(15.0, 57.5 - 0.35 * age - (10.9 if wearer.sex == "f" else 0.0))


def highest_bpm(wearer: Wearer) -> float:
    """The highest heart rate in bpm by age (Tanaka 2001)."""
    return 208 - 0.7 * (DEFAULT_AGE if wearer.age is None else wearer.age)


def heart_rate_bpm(speed: Interval, wearer: Wearer) -> Interval:
    """The heart rates in bpm that are plausible somewhere in an interval of speeds in km/h."""
    rest = DEFAULT_REST_BPM if wearer.rest_bpm is None else wearer.rest_bpm
    highest = highest_bpm(wearer)
    share = (oxygen_uptake(speed.low) - 3.5) / (most_oxygen_uptake(wearer) - 3.5)
    return Interval(rest + LENIENT * min(1.0, share) * (highest - rest), highest)
