"""What a simulated body does: how fast feet and heart go at a speed. A model, no diagnosis."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

RUNS_KMH = 7.0


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
        """Somebody of 20 to 65 years (VO2max after the FRIEND registry, residual SD 6.6)."""
        female = bool(rng.random() < 0.5)
        age = float(rng.uniform(20, 65))
        mean = 57.5 - 0.35 * age - (10.9 if female else 0.0)
        return cls(
            female,
            age,
            height_m=float(rng.normal(1.64 if female else 1.77, 0.07)),
            rest_bpm=float(np.clip(rng.normal(62, 8), 45, 85)),
            vo2_max=float(max(20.0, rng.normal(mean, 6.6))),
        )

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
