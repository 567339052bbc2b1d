"""Detection cycles: in each two-hour period of the wearer's day one measurement is due.

A cycle runs from 23:00 to 23:00 of the wearer's clock, bears the date of its end and has twelve
periods (A claim 1, [45]). What the clock shows decides: an hour that is repeated lies in the same
period as before, one that is left out shortens its own. Until the clock is set a period is two
hours since boot.
"""

import struct

from veriband_protocol import items

_PERIOD_MIN = 120
_PERIODS = 12  # of a cycle
_EARLY_MIN = 60  # before midnight a cycle begins
_AGAIN_MIN = 10  # after a measurement that did not find all
_2000 = 15778080  # minutes from 1970
_REMEMBERED = 24  # periods; a change of zone goes back 13 at most


class Cycles:
    """By `clock`. `is_due`: a measurement now. `is_last`: the period ends before another minute
    does. Which periods are done is in `kept`; cycles that begin go to `record`.
    """

    def __init__(self, clock, kept, record) -> None:
        self.is_due = self.is_last = False
        self._clock = clock
        self._kept = kept
        self._record = record
        self._period = -1
        self._wait = 0  # minutes until it is tried again

    def minute(self, steps: int) -> None:
        """A minute of so many steps has ended: see what is due. While the arm moves nothing is,
        but at a period's end, as then what is found must do."""
        self._enter()
        self._wait -= 1
        self.is_last = self._period_in(1) != self._period
        is_time = self.is_last or (steps == 0 and self._wait <= 0)
        self.is_due = is_time and not self._is_done()

    def tried(self, found: bool) -> bool:
        """A measurement has ended and found all, or not; whether it will be tried again."""
        self._enter()
        if self._is_done():
            return False
        if found or self.is_last:
            newest, done = self._kept.periods
            self._kept.periods = (newest, done | 1 << newest - self._period)
            return False
        self._wait = _AGAIN_MIN
        return True

    def _is_done(self) -> bool:
        newest, done = self._kept.periods
        return bool(done >> newest - self._period & 1)

    def _enter(self) -> None:
        """Note the period that it is. One that comes again, as the zone changed, is remembered."""
        period = self._period_in(0)
        newest, done = self._kept.periods
        ahead = period - newest
        if not -_REMEMBERED < ahead <= 0:
            done = (done << ahead) % (1 << _REMEMBERED) if 0 < ahead < _REMEMBERED else 0
            self._kept.periods = (period, done)
            cycle = period // _PERIODS
            if self._clock.is_set and cycle != newest // _PERIODS:
                self._record.event(items.EVENT_CYCLE, struct.pack("<H", cycle))
        if period != self._period:
            self._period = period
            self._wait = 0

    def _period_in(self, minutes: int) -> int:
        """The period that it is then, to the nearest minute: edges are not quite on whole ones.
        They are counted through; the first of a cycle is a multiple of 12.
        """
        clock = self._clock
        if not clock.is_set:
            return ((clock.uptime_ms() + 30000) // 60000 + minutes) // _PERIOD_MIN
        utc_min = (clock.utc_ms() + 30000) // 60000 + minutes
        local_min = utc_min + clock.offset_at(utc_min * 60) - _2000
        return (local_min + _EARLY_MIN) // _PERIOD_MIN
