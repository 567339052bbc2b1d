"""What a simulated body does: how fast feet and heart go at a speed. A model, no diagnosis."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

RUNS_KMH = 7.0
LEAST_VO2_MAX = 20.0
SITTING_BPM = 6.0  # above rest
SLEEPS = (0, 7 * 60)  # minutes of the day
FOLLOWS_S = 45.0  # time constant of a heart
WAVERS_BPM = 1.5  # from minute to minute, standard deviation
WALKING_SPM = 100.0  # who makes fewer steps in a minute rests for the remainder


@dataclass(frozen=True)
class Body:
    """Age in years, height in m, resting heart rate in bpm, VO2max in ml/kg/min."""

    female: bool
    age: float
    height_m: float
    rest_bpm: float
    vo2_max: float

    @classmethod
    def draw(cls, rng: np.random.Generator) -> Body:
        """Somebody of 20 to 65 years."""
        female = bool(rng.random() < 0.5)
        age = float(rng.uniform(20, 65))
        mean = _usual_vo2_max(female, age)
        return cls(
            female,
            age,
            height_m=float(rng.normal(1.64 if female else 1.77, 0.07)),
            rest_bpm=float(np.clip(rng.normal(62, 8), 45, 85)),
            vo2_max=float(max(LEAST_VO2_MAX, rng.normal(mean, 6.6))),
        )

    @classmethod
    def average(cls, female: bool, age: float, height_m: float, rest_bpm: float) -> Body:
        """Somebody as fit as most of that sex and age."""
        vo2_max = max(LEAST_VO2_MAX, _usual_vo2_max(female, age))
        return cls(female, age, height_m, rest_bpm, vo2_max)

    def cadence_spm(self, kmh: float) -> float:
        """Steps a minute: people of 1.70 m walk 4.8 km/h at about 113 and 6.4 km/h at about 132,
        and run with about 2.5 more for each km/h."""
        steps = 147 + 2.5 * kmh if kmh >= RUNS_KMH else 55 + 12 * kmh
        return steps * (1.70 / self.height_m) ** 0.5

    def effort_bpm(self, kmh: float) -> float:
        """The steady heart rate at a speed (ACSM's oxygen uptake; %HRR is %VO2R, Swain 1997)."""
        uptake = (0.2 if kmh >= RUNS_KMH else 0.1) * kmh * 1000 / 60
        highest = 208 - 0.7 * self.age  # Tanaka 2001
        share = min(1.0, uptake / (self.vo2_max - 3.5))
        return self.rest_bpm + share * (highest - self.rest_bpm)

    def speed_kmh(self, spm: float) -> float:
        """The speed at which this body makes so many steps a minute."""
        steps = spm * (self.height_m / 1.70) ** 0.5
        if steps < 55 + 12 * RUNS_KMH:
            return max(0.0, (steps - 55) / 12)
        return max(RUNS_KMH, (steps - 147) / 2.5)

    def target_bpm(self, steps: int, minute_of_day: int) -> float:
        """The rate towards which the heart goes in a minute of so many steps."""
        asleep = SLEEPS[0] <= minute_of_day < SLEEPS[1]
        still = self.rest_bpm + (1.0 if asleep else SITTING_BPM)
        if not steps:
            return still
        moving = self.effort_bpm(self.speed_kmh(max(steps, WALKING_SPM)))
        return still + (max(still, moving) - still) * min(1.0, steps / WALKING_SPM)

    def heart_rates(
        self,
        targets: Sequence[float],
        known: Sequence[float | None],
        rng: random.Random,
    ) -> list[float]:
        """The mean heart rate of each minute in bpm: the known one, else on its way to a target.

        `targets` and `known`: one for each minute. It begins at the first target.
        """
        step = 1 - math.exp(-60 / FOLLOWS_S)
        rate, result = targets[0], list[float]()
        for target, its in zip(targets, known, strict=True):
            rate = rate + (target - rate) * step if its is None else its
            result.append(rate + (rng.gauss(0, WAVERS_BPM) if its is None else 0.0))
        return result


def _usual_vo2_max(female: bool, age: float) -> float:
    """The mean after the FRIEND registry; the residuals' standard deviation is 6.6."""
    return 57.5 - 0.35 * age - (10.9 if female else 0.0)
