"""What RTC memory keeps over a reset, though not over a loss of power."""

import struct

from machine import RTC

_HEAD = "<HIIHBhB"
_SIZE = struct.calcsize(_HEAD)
_MAGIC = 0x4B56


class Kept:
    """Items not yet on flash, the step chip's last count, and whether the clock was set.

    magic u16, epoch u32, number of the first item u32, count u16, clock set u8, offset min i16,
    length u8, items, Fletcher-16. Saving allocates nothing.
    """

    def __init__(self) -> None:
        self._rtc = RTC()
        self._buf = bytearray(_SIZE + 255 + 2)

    def save(self, journal, count: int, clock) -> None:
        """Keep the journal's pending items, the chip's count at the last of them, the clock."""
        used = journal.used
        struct.pack_into(
            _HEAD, self._buf, 0, _MAGIC, journal.epoch, journal.ring.end.seq, count,
            clock.is_set, clock.offset_min, used,
        )  # fmt: skip
        for i in range(used):
            self._buf[_SIZE + i] = journal.pending[i]
        self._seal(_SIZE + used)
        self._rtc.memory(self._buf)

    def load(self):
        """(epoch, first number, count, clock set, offset, items), or None when nothing is kept."""
        data = self._rtc.memory()
        if len(data) != len(self._buf):
            return None
        magic, epoch, seq, count, is_set, offset_min, used = struct.unpack_from(_HEAD, data)
        self._buf[:] = data
        self._seal(_SIZE + used)
        if magic != _MAGIC or self._buf != data:
            return None
        return epoch, seq, count, bool(is_set), offset_min, data[_SIZE : _SIZE + used]

    def _seal(self, end: int) -> None:
        a = b = 0
        for i in range(end):
            a = (a + self._buf[i]) % 255
            b = (b + a) % 255
        self._buf[end] = a
        self._buf[end + 1] = b
