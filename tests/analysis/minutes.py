"""Minutes by the handful: what the tests of the rules begin with."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from veriband.analysis.expected import Wearers
from veriband.analysis.grid import Grid, Minutes, Strands
from veriband.analysis.segments import Segments

CELLS = 10_000_000
NAIVE = Strands(np.zeros(1, np.int64), np.zeros(1, np.int64))


def minutes(
    at: Sequence[int] | range, steps: Sequence[int], rates: Sequence[float] | None = None
) -> Minutes:
    """Minutes of one wearer."""
    n = len(at)
    return Minutes(
        np.zeros(n, np.int32), np.array(at, np.int32), np.array(steps, np.int16),
        np.full(n, np.nan, np.float32) if rates is None else np.array(rates, np.float32),
    )  # fmt: skip


def segments(
    at: Sequence[int] | range, steps: Sequence[int], rates: Sequence[float] | None = None
) -> Segments:
    """One wearer's minutes as segments."""
    grid = Grid(0, CELLS, with_rates=True)
    grid.add(minutes(at, steps, rates), NAIVE)
    (result,) = grid.segments(NAIVE)
    return result


def one(**known: float) -> Wearers:
    """A wearer of whom this is known: `female`, `age`, `height_m`, `rest_bpm`."""
    columns = [np.array([known.get(n, np.nan)]) for n in ("age", "height_m", "rest_bpm")]
    return Wearers(np.array([bool(known.get("female", False))]), *columns)
