"""Simulated cheaters, and called so: days of minutes that a machine made most steps of.

No recordings of cheaters are public. Each day has four hours of a machine's steps within quiet,
truly measured others; the band's heart rate is unknown in three of ten of the machine's minutes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import numpy.typing as npt

from veriband_simulator.bodies import Body

DAY = 24 * 60
SESSION = 4 * 60  # minutes that the machine is at work, pauses included
UNKNOWN = 0.3  # share of its minutes without a heart rate
SPEEDS_KMH = (4, 5, 6, 8, 10, 12)

Minutes = npt.NDArray[np.int64]
Rates = npt.NDArray[np.float64]
Machine = Callable[[np.random.Generator, float, Sequence[int]], Minutes]


class Worn(StrEnum):
    """Where the band is while the machine makes the steps; or who makes them honestly."""

    UNWORN = "not worn"
    AT_REST = "worn at rest"
    BY_ANOTHER = "worn by another who moves"
    HONEST = "no cheater: its owner moves"


@dataclass(frozen=True)
class CheatersDay:
    """1,440 minutes: steps; heart rate in bpm, 0 not worn, NaN unknown."""

    body: Body
    steps: Minutes
    heart_rate: Rates


def _beats(rng: np.random.Generator, cadence: float) -> Minutes:
    """A steady drive: whole steps of a constant rate."""
    rate = cadence + rng.uniform(-0.5, 0.5)
    return np.diff(np.floor(rng.random() + rate * np.arange(SESSION + 1))).astype(np.int64)


def _jitter(most: int) -> Machine:
    def machine(rng: np.random.Generator, cadence: float, _: Sequence[int]) -> Minutes:
        return _beats(rng, cadence) + rng.integers(-most, most + 1, SESSION)

    return machine


def _speeding(rng: np.random.Generator, cadence: float, _: Sequence[int]) -> Minutes:
    period = rng.uniform(8, 20)
    wave = 1 + 0.15 * np.sin(2 * np.pi * np.arange(SESSION) / period)
    return np.asarray(np.round(cadence * wave), np.int64)


def _replay(rng: np.random.Generator, cadence: float, honest: Sequence[int]) -> Minutes:
    """An honest person's exercise again and again, at the machine's speed."""
    stretch = np.array(honest, np.float64)
    again: Rates = np.resize(np.roll(stretch, int(rng.integers(len(stretch)))), SESSION)
    return np.asarray(np.round(again * cadence / stretch.mean()), np.int64)


def _on(pattern: Callable[[Minutes], npt.NDArray[np.bool_]]) -> Machine:
    """A steady drive in some minutes of each hour only, which it is given."""

    def machine(rng: np.random.Generator, cadence: float, _: Sequence[int]) -> Minutes:
        return np.where(pattern(np.arange(SESSION) % 60), _beats(rng, cadence), 0)

    return machine


MACHINES: dict[str, Machine] = {
    "fixed cradle": lambda rng, cadence, _: _beats(rng, cadence),
    "jitter of 5 steps": _jitter(5),
    "jitter of 10 steps": _jitter(10),
    "jitter of 20 steps": _jitter(20),
    "speeding and slowing": _speeding,
    "replay of honest minutes": _replay,
    "dodging hour edges": _on(lambda m: (m < 25) | (m >= 35)),
    "14 minutes of every hour": _on(lambda m: m < 14),
    "40 on and 20 off": _on(lambda m: m < 40),
    "12 on and 1 off": _on(lambda m: m % 13 < 12),
    "9 on and 3 off": _on(lambda m: m % 12 < 9),
    "pulled strip": lambda rng, cadence, _: _beats(rng, cadence),
}


def cheat(
    rng: np.random.Generator, kind: str, worn: Worn, kmh: float, honest: Sequence[int]
) -> CheatersDay:
    """A day of somebody new who cheats with a machine of that kind at that speed.

    `honest`: steps of consecutive minutes of an honest person's exercise, for the replay.
    """
    body, other = Body.draw(rng), Body.draw(rng)
    begin = int(rng.integers(9, 18)) * 60
    during = slice(begin, begin + SESSION)
    steps = np.zeros(DAY, np.int64)
    steps[during] = MACHINES[kind](rng, body.cadence_spm(kmh), honest)
    # Asleep until seven, then sitting: 6 bpm above rest on average, SD 6.
    heart_rate = body.rest_bpm + np.where(np.arange(DAY) < 7 * 60, 1.0, rng.normal(6, 6))
    heart_rate += rng.normal(0, 3, DAY)
    heart_rate[rng.random(DAY) < 0.5] = np.nan
    if worn is Worn.UNWORN:
        heart_rate[during] = 0
    elif worn in (Worn.BY_ANOTHER, Worn.HONEST):
        mover = other if worn is Worn.BY_ANOTHER else body
        heart_rate[during] = mover.effort_bpm(kmh) + rng.normal(0, 4, SESSION)
    else:
        heart_rate[during] = body.rest_bpm + rng.normal(6, 6) + rng.normal(0, 3, SESSION)
    if kind == "pulled strip":
        heart_rate[during] = np.nan
    heart_rate[(steps > 0) & (rng.random(DAY) < UNKNOWN)] = np.nan
    return CheatersDay(body, steps, np.maximum(np.round(heart_rate), 0))
