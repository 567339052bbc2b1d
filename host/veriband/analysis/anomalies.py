"""Readings outside of their ranges: every one of them, or only what is more than a moment's.

`by_the_letter`: every index of every cycle against its preset range (A claim 1, [48]).
`persistent`, the default, asks for more, as four of five alarms of the letter's kind are false
(Cvach 2014, Bonafide 2015): a heart rate counts at rest only; it takes several readings over some
time, with none back inside between them; it is over when a reading lies clearly inside; and whose
own heart rate at rest is known is measured by that.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from statistics import median

from veriband.analysis.ranges import DIASTOLIC, HEART_RATE, SPO2, SYSTOLIC, Range

_MINUTE_MS = 60_000
LOW, HIGH = "low", "high"


@dataclass(frozen=True, slots=True)
class Value:
    """An index's value at `utc_ms`, in the detection cycle `cycle`; `at_rest`: nobody walked."""

    utc_ms: int
    value: float
    cycle: date
    at_rest: bool = True


@dataclass(frozen=True, slots=True)
class Persistence:
    """How many readings outside, over what time at least from the first of them to the last."""

    readings: int
    over_ms: int


_TEN_MINUTES = Persistence(3, 10 * _MINUTE_MS)  # as the trade's heart-rate notifications
_TWO_READINGS = Persistence(2, _MINUTE_MS)  # the least that hypertension is told by
PERSISTENCE = {
    HEART_RATE: _TEN_MINUTES,
    SPO2: _TEN_MINUTES,
    SYSTOLIC: _TWO_READINGS,
    DIASTOLIC: _TWO_READINGS,
}
CRITICAL = Persistence(2, _MINUTE_MS)
MARGINS = {HEART_RATE: 8.0, SPO2: 1.0, SYSTOLIC: 5.0, DIASTOLIC: 5.0}  # inside, to be over
OWN_CYCLES = 14  # before a cycle, from which a wearer's own heart rate is learned
OWN_LEAST = 7  # of them with a value at rest
OWN_BPM = 20.0  # off one's own rate, or more for whom it varies more
OWN_SPREADS = 3 * 1.4826  # median absolute deviations: three standard deviations


@dataclass(frozen=True, slots=True)
class Limits:
    """The range of an index in one cycle; `own`: the wearer's own value that it lies around."""

    range: Range
    own: float | None = None

    def outside(self, value: float) -> str | None:
        """On which side a value is outside, if it is."""
        return _side(value, self.range.low, self.range.high)

    def is_critical(self, value: float) -> bool:
        """Whether a value is critical."""
        return _side(value, self.range.critical_low, self.range.critical_high) is not None


def _side(value: float, low: float | None, high: float | None) -> str | None:
    if low is not None and value < low:
        return LOW
    return HIGH if high is not None and value > high else None


@dataclass(frozen=True, slots=True)
class Anomaly:
    """A time in which an index was on one `side` of its range, from `since_ms`, its first reading
    outside, in the cycle `cycle`.

    `until_ms`: the first reading that ended it, None while it goes on. `limits` that it passed
    first; `worst`: the value farthest off; `readings` outside, of which `critical` were that.
    `last_ms`: the last of them. `is_confirmed`: it is more than a moment's.
    """

    index: str
    side: str
    since_ms: int
    cycle: date
    limits: Limits
    worst: float
    last_ms: int
    readings: int = 1
    critical: int = 0
    critical_ms: int = 0  # from the first critical reading
    until_ms: int | None = None

    @property
    def is_critical(self) -> bool:
        """Whether it was so for CRITICAL.readings, CRITICAL.over_ms apart."""
        over_ms = self.last_ms - self.critical_ms
        return self.critical >= CRITICAL.readings and over_ms >= CRITICAL.over_ms

    @property
    def is_confirmed(self) -> bool:
        """Whether it is more than a moment's."""
        least = PERSISTENCE[self.index]
        is_long = self.last_ms - self.since_ms >= least.over_ms
        return self.is_critical or (self.readings >= least.readings and is_long)


def _grown(anomaly: Anomaly | None, index: str, side: str, of: Value, limits: Limits) -> Anomaly:
    """An anomaly with one more reading outside, the first if there was none."""
    critical = limits.is_critical(of.value)
    if anomaly is None:
        return Anomaly(
            index, side, of.utc_ms, of.cycle, limits, of.value, of.utc_ms,
            critical=int(critical), critical_ms=of.utc_ms,
        )  # fmt: skip
    return replace(
        anomaly,
        worst=(min if side is LOW else max)(anomaly.worst, of.value),
        last_ms=of.utc_ms,
        readings=anomaly.readings + 1,
        critical=anomaly.critical + critical,
        critical_ms=anomaly.critical_ms if anomaly.critical else of.utc_ms,
    )


def by_the_letter(values: Sequence[Value], its: Range) -> list[Anomaly]:
    """The anomalies, one for each cycle and side; `values` of the range's index in the order of
    time. One is over when a value of a later cycle is there."""
    limits = Limits(its)
    found: dict[tuple[date, str], Anomaly] = {}
    for value in values:
        side = limits.outside(value.value)
        if side is not None:
            key = (value.cycle, side)
            found[key] = _grown(found.get(key), its.index, side, value, limits)
    cycles = [value.cycle for value in values]
    told: list[Anomaly] = []
    for anomaly in found.values():
        later = bisect_left(cycles, anomaly.cycle + timedelta(days=1))
        until_ms = values[later].utc_ms if later < len(values) else None
        told.append(replace(anomaly, until_ms=until_ms))
    return told


def persistent(values: Sequence[Value], its: Range) -> list[Anomaly]:
    """The anomalies of the range's index, `values` in the order of time, confirmed or not.

    One that is not, and goes on, wants another reading soon.
    """
    index = its.index
    counted = [value for value in values if value.at_rest or index != HEART_RATE]
    own = _own(counted) if index == HEART_RATE else {}
    found: list[Anomaly] = []
    for side in (LOW, HIGH):
        run: Anomaly | None = None
        for value in counted:
            limits = _limits(its, own.get(value.cycle))
            if limits.outside(value.value) is side:
                run = _grown(run, index, side, value, limits)
            elif run is not None and not run.is_confirmed:
                run = None
            elif run is not None and _is_clear(value.value, side, limits, index):
                found.append(replace(run, until_ms=value.utc_ms))
                run = None
        found += [] if run is None else [run]
    return sorted(found, key=lambda anomaly: anomaly.since_ms)


def _is_clear(value: float, side: str, limits: Limits, index: str) -> bool:
    """Whether a value is so far inside that what was outside is over: near what is one's own, or
    by the margin, which is less in a narrow range."""
    if limits.own is not None and abs(value - limits.own) <= OWN_BPM - MARGINS[index]:
        return True
    low, high = limits.range.low, limits.range.high
    limit = low if side is LOW else high
    assert limit is not None  # something was outside of it
    most = math.inf if low is None or high is None else (high - low) / 4
    inside = value - limit if side is LOW else limit - value
    return inside >= min(MARGINS[index], most)


def _limits(its: Range, own: tuple[float, float] | None) -> Limits:
    """The range around what is a wearer's own, (median, width to either side), if it is known;
    what is critical for all is never inside. A slow heart may be one's own, a fast one is not."""
    if own is None or (its.high is not None and own[0] > its.high):
        return Limits(its)
    middle, width = own
    low, high = middle - width, middle + width
    if its.critical_low is not None:
        low = max(low, its.critical_low)
    if its.critical_high is not None:
        high = min(high, its.critical_high)
    return Limits(replace(its, low=low, high=high), middle)


def _own(values: Sequence[Value]) -> dict[date, tuple[float, float]]:
    """For each cycle (median, width) of the cycles before it, where there are enough; what is
    learned of a cycle is the median of its values."""
    each: dict[date, list[float]] = {}
    for value in values:
        each.setdefault(value.cycle, []).append(value.value)
    medians = {cycle: median(its) for cycle, its in each.items()}
    found: dict[date, tuple[float, float]] = {}
    for cycle in medians:
        days = (cycle - timedelta(days=back) for back in range(1, OWN_CYCLES + 1))
        before = [day for day in days if day in medians]
        if len(before) >= OWN_LEAST:
            middle = median(medians[day] for day in before)
            spread = median(abs(its - middle) for day in before for its in each[day])
            found[cycle] = middle, max(OWN_BPM, OWN_SPREADS * spread)
    return found
