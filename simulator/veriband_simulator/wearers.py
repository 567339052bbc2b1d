"""Who wears a band: minutes of a day, and what the chips of a band on that arm see of them."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import accumulate, pairwise

from veriband_simulator.wrist import SPO2_PERCENT, Arm, Heart, acceleration, beats, light

MINUTE_US = 60_000_000
NATURAL_SPM = 100.0  # who makes fewer steps in a minute walks for a part of it and stands


class Walk:
    """Steps over time: `steps[m]` of them evenly over minute m, the first at `start_us`.

    Only feet: who walks like that wears a band without its strip.
    """

    def __init__(self, steps: Sequence[int], start_us: int = 0) -> None:
        self._steps = tuple(steps)
        self._before = (0, *accumulate(steps))
        self._start_us = start_us

    def total(self, at_us: int) -> int:
        """Steps made until `at_us`, in us of the world's time."""
        minute, rest = divmod(max(0, at_us - self._start_us), MINUTE_US)
        if minute >= len(self._steps):
            return self._before[-1]
        return self._before[minute] + (rest * self._steps[minute] * 2 + MINUTE_US) // (
            2 * MINUTE_US
        )


@dataclass(frozen=True)
class Minute:
    """What a minute does to a band.

    `heart_rate_bpm`: the mean of the heart under it, also when it is not worn. `by_machine`: the
    steps are a machine's, evenly over the minute; nobody's feet make any. `spo2_percent`: the
    blood's saturation.
    """

    steps: int
    heart_rate_bpm: float
    worn: bool = True
    by_machine: bool = False
    spo2_percent: float = SPO2_PERCENT


class Wearer:
    """A band's place over time: on an arm, which feet or a machine move, or on no arm at all.

    Minute m of `minutes` begins at `start_us` + m minutes; before and after them nobody moves and
    the heart beats as in the first and last. Everything is a function of the time and the seed.
    """

    def __init__(self, minutes: Sequence[Minute], seed: int | str, start_us: int = 0) -> None:
        self._minutes = tuple(minutes)
        self._before = (0, *accumulate(minute.steps for minute in minutes))
        self._walked = tuple(map(_walked, (None, *minutes[:-1]), minutes))
        rates = [minute.heart_rate_bpm for minute in minutes]
        # Beats until the middle of each minute; the rate goes linearly from one to the next.
        self._beats = (0.0, *accumulate((a + b) / 2 for a, b in pairwise(rates)))
        self._start_us = start_us
        self._arm = Arm.draw(random.Random(f"{seed} arm"))

    def _at(self, us: int) -> tuple[int, float]:
        """The minute (the nearest one there is), and the share of it that has passed."""
        minute, rest = divmod(us - self._start_us, MINUTE_US)
        if minute < 0:
            return 0, 0.0
        if minute >= len(self._minutes):
            return len(self._minutes) - 1, 1.0
        return minute, rest / MINUTE_US

    def _stride(self, minute: int, share: float) -> tuple[float, float]:
        """Steps made since the first minute, with fractions, and steps a minute; 0: standing."""
        begin, end = self._walked[minute]
        steps = self._minutes[minute].steps
        if not begin <= share < end:
            return float(self._before[minute] + (steps if share >= end else 0)), 0.0
        done = (share - begin) / (end - begin)
        return self._before[minute] + steps * done, steps / (end - begin)

    def total(self, at_us: int) -> int:
        """Steps made until `at_us`, in us of the world's time."""
        return math.floor(self._stride(*self._at(at_us))[0] + 0.5)

    def heart_rate_bpm(self, at_us: int) -> float:
        """The heart rate at a moment."""
        return self._heart(at_us).bpm

    def beats(self, at_us: int) -> float:
        """How often the heart has beaten until a moment, with fractions."""
        return beats(self._arm, at_us, self._heart(at_us))

    def _heart(self, us: int) -> Heart:
        middle, rest = divmod(us - self._start_us - MINUTE_US // 2, MINUTE_US)
        last = len(self._minutes) - 1
        if not 0 <= middle < last:
            edge = 0 if middle < 0 else last
            bpm = self._minutes[edge].heart_rate_bpm
            return Heart(self._beats[edge] + bpm * (middle - edge + rest / MINUTE_US), bpm)
        share = rest / MINUTE_US
        bpm = self._minutes[middle].heart_rate_bpm
        change = (self._minutes[middle + 1].heart_rate_bpm - bpm) * share
        return Heart(self._beats[middle] + (bpm + change / 2) * share, bpm + change)

    def light(self, us: int) -> tuple[int, int]:
        """What the pulse sensor sees: (red, infrared) counts of 18 bits."""
        minute, share = self._at(us)
        its = self._minutes[minute]
        heart = replace(self._heart(us), spo2_percent=its.spo2_percent) if its.worn else None
        return light(self._arm, us, heart, *self._stride(minute, share), minute)

    def acceleration(self, us: int) -> tuple[float, float, float]:
        """What the step chip's accelerometer feels: (x, y, z) in g."""
        minute, share = self._at(us)
        its = self._minutes[minute]
        return acceleration(
            self._arm, us, *self._stride(minute, share), its.by_machine or not its.worn
        )


def _walked(before: Minute | None, its: Minute) -> tuple[float, float]:
    """From where to where in the minute its steps are made: a walk goes on, or begins late."""
    if its.steps == 0:
        return 0.0, 0.0
    length = 1.0 if its.by_machine else min(1.0, its.steps / NATURAL_SPM)
    goes_on = before is not None and before.steps > 0
    return (0.0, length) if goes_on else (1.0 - length, 1.0)
