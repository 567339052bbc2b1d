"""What is thought of segments and of stretches of minutes, and what it rests on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from enum import IntEnum

import numpy as np
import numpy.typing as npt

from veriband.analysis.segments import Floats, Ints, Segments


class Verdict(IntEnum):
    """What is thought of a segment or a suspicion. Only `CHEATING` strikes."""

    UNKNOWN = 0
    IDLE = 1
    HONEST = 2
    CLEARED = 3
    INCONCLUSIVE = 4
    SUSPECTED = 5
    CHEATING = 6

    @property
    def word(self) -> str:
        """The verdict in a word."""
        return self.name.lower()


class Mark(IntEnum):
    """What becomes of the steps of a minute."""

    COUNTED = 0
    UNVERIFIED = 1  # nobody can tell
    STRUCK = 2  # made by cheating


class Ground(IntEnum):
    """Why somebody is suspected."""

    REGULAR = 0  # the increments hardly differ
    EFFORT = 1  # the heart does too little for the steps
    NOT_WORN = 2  # steps while the band says that nobody wears it

    @property
    def word(self) -> str:
        """The ground in words."""
        return self.name.lower().replace("_", " ")


Codes = npt.NDArray[np.int8]


@dataclass(frozen=True, slots=True)
class Heart:
    """What heart rate said of n stretches, all (n,), NaN where there is nothing to say.

    `readings`: how many that were not zero; `mean_bpm` of them, 0 when all readings were zero (not
    worn). `low_bpm` to `high_bpm`: the range that goes with `low_kmh` to `high_kmh`, the speeds
    that the steps suggest. `rest_bpm`: the resting rate it was computed with.
    """

    readings: Ints
    mean_bpm: Floats
    low_kmh: Floats
    high_kmh: Floats
    low_bpm: Floats
    high_bpm: Floats
    rest_bpm: Floats

    def take(self, rows: Ints) -> Heart:
        """These rows only."""
        return Heart(*(getattr(self, field.name)[rows] for field in fields(self)))

    @classmethod
    def join(cls, parts: Sequence[Heart]) -> Heart:
        """All rows of all parts."""
        return cls(
            *(np.concatenate([getattr(p, field.name) for p in parts]) for field in fields(cls))
        )


@dataclass(frozen=True, slots=True)
class Suspicions:
    """m suspicions; all arrays (m,), times as in Segments, `end` is the minute after the last.

    `end_offset`: of the last minute, not the first's where the clock changed between them.
    `differences`: adjacent minutes that were compared; `within`: those within the step threshold.
    """

    wearer: Ints
    begin: Ints
    end: Ints
    offset: Ints
    end_offset: Ints
    ground: Codes
    verdict: Codes
    steps: Ints
    differences: Ints
    within: Ints
    heart: Heart

    def __len__(self) -> int:
        return len(self.begin)

    def take(self, rows: Ints) -> Suspicions:
        """These rows only."""
        return replace(
            self,
            heart=self.heart.take(rows),
            **{f.name: getattr(self, f.name)[rows] for f in fields(self) if f.name != "heart"},
        )


@dataclass(frozen=True, slots=True)
class Judgement:
    """The verdict on each of n segments, and the suspicions it rests on.

    All (n,): `steps`, and how many of these are `struck` and `unverified`; `within`: differences
    within the step threshold of `differences` compared. `marks`: (n, 60) the Mark of each minute.
    """

    segments: Segments
    verdict: Codes
    steps: Ints
    struck: Ints
    unverified: Ints
    differences: Ints
    within: Ints
    marks: Codes
    suspicions: Suspicions
