"""Segments: hours of the wearers' clocks with their 60 minutes, what every rule judges."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

HOUR = 60  # minutes
MISSING = -1  # no reading of that minute
UNREAD = -2  # a minute that was named without steps that can be used
DOUBLED = -3  # a minute that was given twice, and differently

Ints = npt.NDArray[np.signedinteger[Any]]
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Steps = npt.NDArray[np.int16]
Rates = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Segments:
    """n hours of any number of wearers, in the order of wearer and time; one row an hour.

    `wearer`: (n,) index. `begin`: (n,) minutes since 1970, of UTC where the wearer's offset is
    known, else of the wearer's clock. `offset`: (n,) minutes that clock is ahead of `begin`'s.
    `steps`: (n, 60) of each minute, negative where there is no reading. `heart_rate`: (n, 60) bpm,
    0 not worn, NaN unknown; None when nothing is known of any.
    """

    wearer: npt.NDArray[np.int32]
    begin: Ints
    offset: Ints
    steps: Steps
    heart_rate: Rates | None = None

    def __len__(self) -> int:
        return len(self.begin)

    def take(self, rows: Ints | Bools | slice) -> Segments:
        """These rows only."""
        rates = None if self.heart_rate is None else self.heart_rate[rows]
        return Segments(
            self.wearer[rows], self.begin[rows], self.offset[rows], self.steps[rows], rates
        )

    def follows(self) -> Bools:
        """(n,) whether the next row is the same wearer's next hour."""
        following = np.zeros(len(self), np.bool_)
        following[:-1] = (np.diff(self.begin) == HOUR) & (np.diff(self.wearer) == 0)
        return following
