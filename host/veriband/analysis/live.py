"""Judges while the day goes on: the last hours of many wearers, again with each minute."""

from __future__ import annotations

import numpy as np

from veriband.analysis import gated
from veriband.analysis.expected import Wearers
from veriband.analysis.judgement import Ground, Suspicions, Verdict
from veriband.analysis.segments import HOUR, MISSING, Ints, Rates, Segments, Steps

HOURS = 4  # that are looked back


class Live:
    """The last hours of n wearers, by the rule `gated`."""

    def __init__(self, wearers: Wearers) -> None:
        self.wearers = wearers
        n = len(wearers.female)
        nothing, no_steps = np.zeros(0, np.int64), np.zeros((0, HOUR), np.int16)
        no_hours = Segments(nothing.astype(np.int32), nothing, nothing, no_steps)
        self._none = gated.judge(no_hours, wearers).suspicions
        self._hour: Ints = np.full(n, -HOURS, np.int64)  # the newest one of each wearer
        self._steps: Steps = np.full((n, HOURS, HOUR), MISSING, np.int16)
        self._rates: Rates = np.full((n, HOURS, HOUR), np.nan, np.float32)

    def arrive(self, wearer: int, minute: int, steps: int, heart_rate: float) -> Suspicions:
        """A minute of a wearer has come: the suspicions of the last hours, as they stand now.

        `minute`: since 1970 of UTC. `steps` and `heart_rate` as in Segments. A minute that comes
        again replaces what was known of it; one of more than HOURS hours ago changes nothing.
        """
        hour = minute // HOUR
        newer = int(hour - self._hour[wearer])
        mine_steps, mine_rates = self._steps[wearer], self._rates[wearer]
        if newer > 0:
            for array, nothing in ((mine_steps, MISSING), (mine_rates, np.nan)):
                array[: max(0, HOURS - newer)] = array[newer:].copy()
                array[max(0, HOURS - newer) :] = nothing
            self._hour[wearer] = hour
        row = HOURS - 1 + int(hour - self._hour[wearer])
        if row >= 0:
            mine_steps[row, minute % HOUR] = steps
            mine_rates[row, minute % HOUR] = heart_rate
        begin = (self._hour[wearer] - HOURS + 1 + np.arange(HOURS)) * HOUR
        of = Segments(
            np.full(HOURS, wearer, np.int32), begin, np.zeros(HOURS, np.int64), mine_steps,
            mine_rates,
        )  # fmt: skip
        if not gated.busy(of).any():
            return self._none
        return gated.judge(of, self.wearers).suspicions


def undecided(of: Suspicions, minute: int) -> bool:
    """Whether a heart rate measured right after `minute` would decide a suspicion: one that goes
    on, and is new (its first window has just ended) or has too few readings."""
    goes_on = (of.end == minute + 1) & (of.ground == Ground.REGULAR)
    new = of.end - of.begin == gated.PAIRS + 1
    return bool((goes_on & (new | (of.verdict == Verdict.SUSPECTED))).any())
