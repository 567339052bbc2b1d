"""The band's clock: time since boot, the minute's edges, and UTC once somebody has set it."""

import struct
import time

from machine import RTC

from veriband_protocol.control import EARLIEST_UTC

MINUTE_MS = 60000
_EPOCH_2000 = 946684800  # time.time() of the ESP32 counts from 2000
_SLACK_MS = 1000  # edges this close to a UTC minute stay where they are
_STAY_MIN = 60  # and those that were moved: hosts that disagree would leave no minute whole


class Clock:
    """Edges are where minutes end: every 60 s from boot, on whole UTC minutes once set. Set again,
    they follow once an hour at most.

    Between the last item and the last edge lie `open_ms`: minutes that could not be closed.
    """

    def __init__(self) -> None:
        self.edge = time.ticks_ms()
        self.due = time.ticks_add(self.edge, MINUTE_MS)
        self.open_ms = 0
        self.is_set = False
        self.zone = (0, 0, 0)  # offset in min; UTC s of its next change, 0 none; offset from then
        self._minutes = 0  # boot to edge, split so that both parts stay small
        self._ms = 0
        self._utc_at_boot_ms = 0
        self._move_min = 0  # of uptime: when edges may be moved again

    def uptime_ms(self) -> int:
        """Milliseconds since boot."""
        return self._minutes * MINUTE_MS + self._ms + self.since_edge_ms()

    def since_edge_ms(self) -> int:
        """Milliseconds since the last edge."""
        return time.ticks_diff(time.ticks_ms(), self.edge)

    def since_item_ms(self) -> int:
        """Milliseconds since the journal's last minute or gap ended."""
        return self.open_ms + self.since_edge_ms()

    def utc_ms(self) -> int:
        """UTC in ms since 1970; meaningful when `is_set`."""
        return self._utc_at_boot_ms + self.uptime_ms()

    def close(self, late_ms: int) -> int:
        """Move the edge to `due`, and over whole minutes slept through; ms since the last item.

        Allocates nothing.
        """
        span = time.ticks_diff(self.due, self.edge) + late_ms // MINUTE_MS * MINUTE_MS
        self.edge = time.ticks_add(self.edge, span)
        self.due = time.ticks_add(self.edge, MINUTE_MS)
        self._ms += span
        self._minutes += self._ms // MINUTE_MS
        self._ms %= MINUTE_MS
        self.open_ms += span
        return self.open_ms

    def offset_min(self) -> int:
        """How many minutes the wearer's clock is ahead of UTC now."""
        return self.offset_at(self.utc_ms() // 1000)

    def offset_at(self, utc_s: int) -> int:
        """How many minutes the wearer's clock is ahead of UTC then."""
        offset_min, change_utc_s, then_min = self.zone
        return then_min if change_utc_s and utc_s >= change_utc_s else offset_min

    def set(self, utc_ms: int, offset_min: int, change_utc_s: int, then_min: int) -> int:
        """It is `utc_ms` now; the wearer's clock is `offset_min` minutes ahead of it, and
        `then_min` from `change_utc_s` on (0: for ever as now).

        The minute under way ends at the first UTC minute after it would have ended, unless edges
        were moved in the last hour. Returns the milliseconds that have passed since the last item:
        where the anchor belongs.
        """
        ticks = time.ticks_ms()
        since_edge = time.ticks_diff(ticks, self.edge)
        self._utc_at_boot_ms = utc_ms - self._minutes * MINUTE_MS - self._ms - since_edge
        self.zone = (offset_min, change_utc_s, then_min)
        self.is_set = True
        fields = time.gmtime(utc_ms // 1000 - _EPOCH_2000)
        y, month, day, hour, minute, second, weekday = fields[:7]
        RTC().datetime((y, month, day, weekday, hour, minute, second, utc_ms % 1000 * 1000))
        phase = (utc_ms + time.ticks_diff(self.due, ticks)) % MINUTE_MS
        if _SLACK_MS < phase < MINUTE_MS - _SLACK_MS and self._minutes >= self._move_min:
            self.due = time.ticks_add(self.due, MINUTE_MS - phase)
            self._move_min = self._minutes + _STAY_MIN
        return self.open_ms + since_edge

    @staticmethod
    def kept_utc_ms():
        """UTC by the system clock, which runs on over a reset; None when it was never set."""
        utc_ms = time.time_ns() // 1000000 + _EPOCH_2000 * 1000
        return utc_ms if utc_ms >= EARLIEST_UTC * 1000 else None

    def current_time(self, ago_ms: int = 0) -> bytes:
        """The Current Time characteristic, as it was so long ago: local time, all zero while the
        clock is not set."""
        if not self.is_set:
            return bytes(10)
        utc_ms = self.utc_ms() - ago_ms
        local_s = utc_ms // 1000 + self.offset_min() * 60 - _EPOCH_2000
        year, month, day, hour, minute, second, weekday = time.gmtime(local_s)[:7]
        return struct.pack(
            "<HBBBBBBBB", year, month, day, hour, minute, second, weekday + 1,
            utc_ms % 1000 * 256 // 1000, 0,
        )  # fmt: skip
