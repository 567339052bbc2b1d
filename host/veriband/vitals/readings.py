"""The periods of a cycle that readings of vital signs belong to."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date

from veriband.analysis.cycles import PERIODS, Stay, period_of
from veriband.records import Taken


def by_period(taken: Iterable[Taken], cycle: date, stays: Sequence[Stay]) -> list[list[Taken]]:
    """The readings of each period of a cycle, in the order of time; `stays` as in cycles.wall."""
    periods: list[list[Taken]] = [[] for _ in range(PERIODS)]
    for one in sorted(taken, key=lambda one: one.utc_ms):
        period = period_of(one.utc_ms, stays)
        if period.cycle == cycle:
            periods[period.index].append(one)
    return periods
