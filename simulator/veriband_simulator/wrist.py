"""What light and motion sensors feel at a wrist, worn or not. A model, no physiology.

The pulse takes light away: as the blood comes in, the counts fall. Whenever the arm moves, its
motion is in the light, too, at the rate of the steps, its half (the arm's swing) and its double,
up to three times as high as the pulse.
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass

TURN = 2 * math.pi
ADC_NOISE = 12.0  # counts, standard deviation
FEEL_NOISE_G = 0.01
MOST_MOTION = 3.0  # of the pulse, both from peak to peak
SPO2_PERCENT = 97.0  # of somebody of whom nothing else is said
ARRHYTHMIA = 0.03  # share by which breathing changes a resting heart's rate
_TABLE = 2048
_MASK = (1 << 64) - 1


def _wave() -> tuple[float, ...]:
    """A pulse's volume over the beat: a steep upstroke, the dicrotic notch; 1 high, mean 0."""

    def bump(x: float, centre: float, width: float) -> float:
        away = (x - centre + 0.5) % 1 - 0.5
        return math.exp(-((away / width) ** 2) / 2)

    raw = [
        bump(x, 0.20, 0.08) + 0.55 * bump(x, 0.36, 0.10) + 0.30 * bump(x, 0.58, 0.09)
        for x in (i / _TABLE for i in range(_TABLE))
    ]
    height, mean = max(raw) - min(raw), math.fsum(raw) / _TABLE
    return tuple((value - mean) / height for value in raw)


_WAVE = _wave()


@dataclass(frozen=True, slots=True)
class Heart:
    """How many beats there were, with fractions, the rate, and the blood's saturation."""

    beats: float
    bpm: float
    spo2_percent: float = SPO2_PERCENT

    @property
    def ratio(self) -> float:
        """The pulse in the red light beside that in infrared, both as a share of the light: by
        the usual linear curve, SpO2 = 110 - 25 R."""
        return (110 - self.spo2_percent) / 25


@dataclass(frozen=True)
class Arm:
    """What differs from arm to arm: counts of light, height of the pulse, how the arm swings."""

    noise_seed: int
    red: float  # counts that come back from the skin
    infrared: float
    perfusion: float  # the pulse's height as a share of the infrared light
    table_red: float  # counts that come back from a table or a cradle
    table_infrared: float
    breath_hz: float
    breath_phase: float
    half_phase: float  # of the swing, and of the heel's second blow, to the steps
    double_phase: float
    rest: tuple[float, float, float]  # where down is for a resting arm, a unit vector

    @classmethod
    def draw(cls, rng: random.Random) -> Arm:
        """Somebody's arm."""
        x, y, z = rng.uniform(-0.4, 0.4), rng.uniform(-0.4, 0.4), rng.choice((-1.0, 1.0))
        length = math.hypot(x, y, z)
        return cls(
            noise_seed=rng.getrandbits(64),
            red=rng.uniform(55_000, 75_000),
            infrared=rng.uniform(90_000, 110_000),
            perfusion=rng.uniform(0.004, 0.015),
            table_red=rng.uniform(1_500, 4_000),
            table_infrared=rng.uniform(2_500, 6_000),
            breath_hz=rng.uniform(0.2, 0.3),
            breath_phase=rng.uniform(0, TURN),
            half_phase=rng.uniform(0, TURN),
            double_phase=rng.uniform(0, TURN),
            rest=(x / length, y / length, z / length),
        )


def _mixed(value: int) -> int:
    """64 bits that look random (the finalizer of MurmurHash3)."""
    value ^= value >> 33
    value = value * 0xFF51AFD7ED558CCD & _MASK
    value ^= value >> 33
    value = value * 0xC4CEB9FE1A85EC53 & _MASK
    return value ^ value >> 33


def _noise(seed: int, us: int) -> tuple[float, float, float]:
    """Three numbers of mean 0 and standard deviation 1, each the sum of two even ones."""
    bits = _mixed(seed ^ (us & _MASK))
    scale, middle = math.sqrt(6) / 1024, 1023.0
    return (
        ((bits & 1023) + (bits >> 10 & 1023) - middle) * scale,
        ((bits >> 20 & 1023) + (bits >> 30 & 1023) - middle) * scale,
        ((bits >> 40 & 1023) + (bits >> 50 & 1023) - middle) * scale,
    )


def _motion(arm: Arm, steps: float, minute: int) -> float:
    """The arm's motion in the light, from -1 to 1; how much of each rate changes by the minute."""
    bits = _mixed(arm.noise_seed + minute)
    full, half, double = (
        0.4 + 0.4 * (bits & 255) / 255,
        0.2 + 0.4 * (bits >> 8 & 255) / 255,
        0.1 + 0.2 * (bits >> 16 & 255) / 255,
    )
    size = (1 + (MOST_MOTION - 1) * (bits >> 24 & 255) / 255) / MOST_MOTION
    turn = TURN * steps
    return (
        size
        / (full + half + double)
        * (
            full * math.sin(turn)
            + half * math.sin(turn / 2 + arm.half_phase)
            + double * math.sin(2 * turn + arm.double_phase)
        )
    )


def beats(arm: Arm, us: int, heart: Heart) -> float:
    """How many beats there were until a moment, with fractions, as the breath shifts them."""
    breath = math.sin(TURN * arm.breath_hz * us / 1e6 + arm.breath_phase)
    calm = ARRHYTHMIA * max(0.2, 1 - max(0.0, heart.bpm - 60) / 80)
    return heart.beats + calm * heart.bpm / 60 / (TURN * arm.breath_hz) * breath


def light(
    arm: Arm, us: int, heart: Heart | None, steps: float, spm: float, minute: int
) -> tuple[int, int]:
    """(red, infrared) counts at a moment; `heart` None: not worn.

    `steps` since the beginning, with fractions, `spm` the rate of the steps in a minute, 0 when
    nothing moves; `minute` chooses how the motion is mixed.
    """
    red_noise, infrared_noise, _ = _noise(arm.noise_seed, us)
    moved = _motion(arm, steps, minute) if spm else 0.0
    if heart is None:
        red = arm.table_red * (1 + 0.02 * moved)
        infrared = arm.table_infrared * (1 + 0.02 * moved)
    else:
        seconds = us / 1e6
        breath = math.sin(TURN * arm.breath_hz * seconds + arm.breath_phase)
        pulse = _WAVE[int(beats(arm, us, heart) % 1 * _TABLE)]
        slow = 0.3 * breath + 0.5 * math.sin(TURN * seconds / 47 + arm.half_phase)
        moved *= MOST_MOTION / 2
        still = arm.perfusion * slow
        red = arm.red * (1 - arm.perfusion * (heart.ratio * pulse + 0.8 * moved) - still)
        infrared = arm.infrared * (1 - arm.perfusion * (pulse + moved) - still)
    return round(red + ADC_NOISE * red_noise), round(infrared + ADC_NOISE * infrared_noise)


def acceleration(
    arm: Arm, us: int, steps: float, spm: float, shaken: bool
) -> tuple[float, float, float]:
    """(x, y, z) in g at a moment; `steps` and `spm` as above.

    A walker's arm hangs down and swings at half the steps' rate; each step is a blow, harder the
    faster. What is `shaken`, on an arm or on a table, moves along one axis.
    """
    x, y, z = _noise(~arm.noise_seed & _MASK, us)
    x, y, z = x * FEEL_NOISE_G, y * FEEL_NOISE_G, z * FEEL_NOISE_G
    turn = TURN * steps
    if shaken or not spm:
        shake = 0.6 * math.sin(turn) + 0.1 * math.sin(2 * turn) if spm else 0.0
        return x + arm.rest[0], y + arm.rest[1], z + arm.rest[2] + shake
    blow = min(1.2, max(0.15, 0.25 + 0.01 * (spm - 100)))
    return (
        x + 1 + blow * (math.sin(turn) + 0.3 * math.sin(2 * turn + arm.double_phase)),
        y + 0.35 * math.sin(turn / 2 + arm.half_phase),
        z + 0.2 * math.sin(turn / 2 + arm.half_phase) + 0.3 * blow * math.cos(turn),
    )
