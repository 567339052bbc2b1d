"""Detection cycles: the cycle and the two-hour period that a moment belongs to.

A cycle runs from 23:00 to 23:00 of the wearer's clock, bears the date of its end and has twelve
periods, the first from 23:00 to 01:00 (A claim 1, [45], [47]). What the clock on the wall shows
decides: time that it shows twice lies both times in the same period, which is the longer for it;
time that it leaves out shortens its period, or leaves it out. So a cycle may have 23 or 25 hours,
and who travels may live through a period twice, in two zones: it is the same one.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone, tzinfo

PERIODS = 12  # of a cycle
_EARLY = timedelta(hours=1)  # before midnight a cycle begins
_MINUTE_MS = 60_000
_HOUR_MS = 60 * _MINUTE_MS
_DAY_MS = 24 * _HOUR_MS
_AHEAD_H, _BEHIND_H = 15, 13  # of UTC: more than any zone's clocks ever are
_1970 = date(1970, 1, 1)


@dataclass(frozen=True, slots=True, order=True)
class Period:
    """Period `index`, 0-11, of the cycle that ends on the date `cycle`."""

    cycle: date
    index: int


@dataclass(frozen=True, slots=True)
class Stay:
    """From `from_utc_ms` on the wearer's clock was that of `zone`."""

    from_utc_ms: int
    zone: tzinfo


def stays_of(offsets: Iterable[tuple[int, int]], zone: tzinfo) -> list[Stay]:
    """Where the wearer was, by (UTC ms, minutes ahead of UTC) of each time that the band's clock
    was set, in their order: in `zone` while clocks there showed that, else at that offset.

    So a change of daylight saving elsewhere is known from the next time on that the clock is set.
    """
    stays: list[Stay] = []
    for utc_ms, ahead_min in offsets:
        ahead = timedelta(minutes=ahead_min)
        at_home = datetime.fromtimestamp(utc_ms / 1000, zone).utcoffset() == ahead
        there = zone if at_home else timezone(ahead)
        if not stays or stays[-1].zone != there:
            stays.append(Stay(utc_ms, there))
    return stays or [Stay(0, zone)]


def wall(utc_ms: int, stays: Sequence[Stay]) -> datetime:
    """What the wearer's clock shows at a moment, with its offset.

    `stays`: the wearer's zones, in the order of time, at least one; before the first it held, too.
    """
    k = bisect_right(stays, utc_ms, key=lambda stay: stay.from_utc_ms)
    return datetime.fromtimestamp(utc_ms / 1000, UTC).astimezone(stays[max(0, k - 1)].zone)


def period_of(utc_ms: int, stays: Sequence[Stay]) -> Period:
    """The period that a moment belongs to; `stays` as in `wall`."""
    later = wall(utc_ms, stays).replace(tzinfo=None) + _EARLY
    return Period(later.date(), later.hour // 2)


def hours(index: int) -> str:
    """When a period begins and ends, as 23:00-01:00."""
    begin = (2 * index + 23) % 24
    return f"{begin:02}:00-{(begin + 2) % 24:02}:00"


def end(cycle: date, stays: Sequence[Stay]) -> int:
    """When a cycle ends, in UTC ms, to the minute: as it gets 23:00 on the wearer's clock."""
    moments = range(*reach(cycle), _MINUTE_MS)
    k = bisect_right(moments, cycle, key=lambda utc_ms: period_of(utc_ms, stays).cycle)
    return moments[min(k, len(moments) - 1)]


def reach(cycle: date) -> tuple[int, int]:
    """(from, to) in UTC ms, between which a cycle lies, whatever zones its wearer is in."""
    midnight_ms = (cycle - _1970).days * _DAY_MS
    return midnight_ms - (1 + _AHEAD_H) * _HOUR_MS, midnight_ms + (23 + _BEHIND_H) * _HOUR_MS
