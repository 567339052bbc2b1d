"""What RTC memory keeps over a reset, though not over a loss of power."""

import struct

from machine import RTC

_HEAD = "<HIIHBhIhIIB"
_SIZE = struct.calcsize(_HEAD)
_MAGIC = 0x4B57
_CLOCK_SET, _COUNT_KNOWN = 1, 2


class Kept:
    """Items not yet on flash, the step chip's last count, and whether the clock was set.

    `periods`: the newest of the detection cycles, and which up to it are done, a bit each.

    magic u16, epoch u32, number of the first item u32, count u16, flags u8 (clock set, count
    known), zone (offset min i16, its next change UTC s u32, offset then i16), periods (2 u32),
    length u8, items, Fletcher-16. Saving allocates nothing.
    """

    def __init__(self) -> None:
        self.periods = (0, 0)
        self._rtc = RTC()
        self._buf = bytearray(_SIZE + 255 + 2)

    def save(self, journal, count, clock) -> None:
        """Keep the journal's pending items, the chip's count at the last of them, the clock."""
        used = journal.used
        flags = _CLOCK_SET if clock.is_set else 0
        if count is None:
            count = 0
        else:
            flags |= _COUNT_KNOWN
        zone = clock.zone
        struct.pack_into(
            _HEAD, self._buf, 0, _MAGIC, journal.epoch, journal.ring.end.seq, count, flags,
            zone[0], zone[1], zone[2], self.periods[0], self.periods[1], used,
        )  # fmt: skip
        for i in range(used):
            self._buf[_SIZE + i] = journal.pending[i]
        self._seal(_SIZE + used)
        self._rtc.memory(self._buf)

    def load(self):
        """(epoch, first number, count or None, clock set, zone, items); None: nothing is kept."""
        data = self._rtc.memory()
        if len(data) != len(self._buf):
            return None
        magic, epoch, seq, count, flags, *zone, newest, done, used = struct.unpack_from(
            _HEAD, data
        )
        self._buf[:] = data
        self._seal(_SIZE + used)
        if magic != _MAGIC or self._buf != data:
            return None
        if not flags & _COUNT_KNOWN:
            count = None
        if flags & _CLOCK_SET:  # else they were counted from that boot
            self.periods = (newest, done)
        return epoch, seq, count, bool(flags & _CLOCK_SET), zone, data[_SIZE : _SIZE + used]

    def _seal(self, end: int) -> None:
        a = b = 0
        for i in range(end):
            a = (a + self._buf[i]) % 255
            b = (b + a) % 255
        self._buf[end] = a
        self._buf[end + 1] = b
