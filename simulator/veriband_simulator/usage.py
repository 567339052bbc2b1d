"""How long a band's parts were in use: what the power model multiplies currents with."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable


class Usage:
    """Sums levels over time: what was on for how long, or how much flowed.

    `level` says how high something is from now on; `total` is the sum of level times seconds up
    to now. `now_us` is the world's clock.
    """

    def __init__(self, now_us: Callable[[], int]) -> None:
        self._now_us = now_us
        self._levels: dict[str, float] = {}
        self._since_us: dict[str, int] = {}
        self._totals: dict[str, float] = {}
        self.rises: Counter[str] = Counter()  # how often something went on

    def level(self, what: str, level: float) -> None:
        """`what` is at `level` from now on (a switch: 0 or 1)."""
        self._totals[what] = self.total(what)
        if level and not self._levels.get(what):
            self.rises[what] += 1
        self._levels[what] = level
        self._since_us[what] = self._now_us()

    def stop(self) -> None:
        """Everything has lost its power."""
        for what in self._levels:
            self.level(what, 0)

    def total(self, what: str) -> float:
        """Level times seconds until now; 0.0 for what was never set."""
        if what not in self._levels:
            return 0.0
        return self._totals[what] + self._levels[what] * (
            (self._now_us() - self._since_us[what]) / 1e6
        )
