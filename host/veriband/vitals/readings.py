"""Readings of vital signs from any source, and the periods of a cycle that they belong to."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from veriband.analysis.cycles import PERIODS, Stay, period_of
from veriband.records import Sign
from veriband.store import Store
from veriband.store.roster import Band

STRIP = "strip"


@dataclass(frozen=True, slots=True)
class Taken:
    """Vital signs that were taken together at `utc_ms`; `source` says by what, in a word."""

    utc_ms: int
    source: str
    signs: tuple[Sign, ...]


def from_strip(store: Store, band: Band, from_utc_ms: int, to_utc_ms: int) -> list[Taken]:
    """What a band's strip has measured in that time, in its order."""
    found = store.readings(band, from_utc_ms, to_utc_ms)
    return [Taken(utc_ms, STRIP, signs) for utc_ms, signs in found]


def by_period(taken: Iterable[Taken], cycle: date, stays: Sequence[Stay]) -> list[list[Taken]]:
    """The readings of each period of a cycle, in the order of time; `stays` as in cycles.wall."""
    periods: list[list[Taken]] = [[] for _ in range(PERIODS)]
    for one in sorted(taken, key=lambda one: one.utc_ms):
        period = period_of(one.utc_ms, stays)
        if period.cycle == cycle:
            periods[period.index].append(one)
    return periods
