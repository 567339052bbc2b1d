"""The journal: items wait in RAM (kept in RTC memory over a reset) and go to flash in blocks.

Adding a minute allocates nothing. Numbers are reserved on flash ahead of their use, so an item may
be sent before it is on flash; what a loss of power takes is journaled as a hole.
"""

import struct

from band.ring import MAX_ITEMS, Ring
from veriband_protocol import items, readings
from veriband_protocol.items import Position

_AHEAD = 4096  # numbers reserved at a time: about a page's
_MARGIN = 128  # reserve again when fewer than that are left
_LARGEST = 8  # bytes that a minute may need: a COUNT and a TOTAL


class Journal:
    """Everything that is not to be lost, in order. `ring` is where it ends up."""

    def __init__(self, ring: Ring) -> None:
        self.ring = ring
        self.pending = bytearray(MAX_ITEMS)
        self.used = 0  # bytes of pending in use
        self.seq = ring.end.seq  # the number of the next item
        self._run = False  # whether pending ends in a run: a body may end in the same byte
        self._scratch = bytearray(32)

    @property
    def epoch(self) -> int:
        """The log epoch."""
        return self.ring.epoch

    def restore(self, seq: int, pending) -> bool:
        """Take back the items that waited before a reset, when they follow what is on flash, or
        were the last to get there."""
        if len(pending) > MAX_ITEMS:
            return False
        end = Position(seq)
        i = 0
        while i < len(pending):
            i = end.step(pending, i)
        if end.seq == self.ring.end.seq:
            return True
        if seq != self.ring.end.seq:
            return False
        self.used = len(pending)
        self.pending[: self.used] = pending
        self.seq = end.seq
        return True

    def close_hole(self) -> int:
        """After a loss of power: give up the numbers that may have been sent. How many."""
        return self._hole(self.ring.reserved)

    def give_up(self) -> int:
        """Give up the numbers that wait, as flash has failed and RAM has no room. How many."""
        upto = self.seq
        self.seq = self.ring.end.seq
        self.used = 0
        return self._hole(upto)

    def _hole(self, upto: int) -> int:
        lost = upto - self.seq
        if lost <= 0:
            return 0
        n = items.put_varint(self._scratch, 0, lost)
        self.add(items.HOLE, memoryview(self._scratch)[:n])
        self.seq = upto
        return lost

    def position(self) -> Position:
        """Where the next item will stand."""
        at = self.ring.end.copy()
        i = 0
        view = memoryview(self.pending)[: self.used]
        while i < self.used:
            i = at.step(view, i)
        return at

    def full(self) -> bool:
        """Whether a minute might not fit: time to flush."""
        return self.used > MAX_ITEMS - _LARGEST

    def minute(self, steps: int) -> None:
        """Add a minute of 0-383 steps. Allocates nothing; needs room (`full` says)."""
        used = self.used
        if steps == 0:
            last = self.pending[used - 1] if used else 0
            if self._run and 0x80 <= last < 0xBF:
                self.pending[used - 1] = last + 1
            else:
                self.pending[used] = 0x80
                self.used = used + 1
            self._run = True
        elif steps < 128:
            self.pending[used] = steps
            self.used = used + 1
            self._run = False
        else:
            self.pending[used] = items.LONG_MINUTE
            self.pending[used + 1] = steps - 128
            self.used = used + 2
            self._run = False
        self.seq += 1

    def total(self, tag: int, count: int) -> None:
        """Add items.TOTAL or COUNT: the step chip stands at `count`. Allocates nothing; needs room
        (`full` says, for both)."""
        used = self.used
        self.pending[used] = tag
        self.pending[used + 1] = 2
        self.pending[used + 2] = count & 0xFF
        self.pending[used + 3] = count >> 8
        self.used = used + 4
        self._run = False
        self.seq += 1

    def add(self, tag: int, body) -> None:
        """Add an item other than a minute, flushing first when there is no room."""
        if self.used + 2 + len(body) > MAX_ITEMS:
            self.flush()
        used = self.used
        self.pending[used] = tag
        self.pending[used + 1] = len(body)
        self.pending[used + 2 : used + 2 + len(body)] = body
        self.used = used + 2 + len(body)
        self._run = False
        self.seq += 1

    def gap(self, ms: int, steps: int, reason: int) -> None:
        """Add a gap of `ms` milliseconds in which `steps` were counted."""
        n = items.put_varint(self._scratch, 0, ms)
        n = items.put_varint(self._scratch, n, steps)
        self._scratch[n] = reason
        self.add(items.GAP, memoryview(self._scratch)[: n + 1])

    def boot(self, number: int, cause: int, steps: int) -> None:
        """Add the start of boot `number`, with the steps counted since the last item."""
        n = items.put_varint(self._scratch, 0, number)
        self._scratch[n] = cause
        n = items.put_varint(self._scratch, n + 1, steps)
        self.add(items.BOOT, memoryview(self._scratch)[:n])

    def anchor(self, after_ms: int, utc_ms: int, offset_min: int, source: int) -> None:
        """Add a clock anchor: UTC at `after_ms` after the last minute or gap."""
        n = items.put_varint(self._scratch, 0, after_ms)
        struct.pack_into(
            "<IHhB", self._scratch, n, utc_ms // 1000, utc_ms % 1000, offset_min, source
        )
        self.add(items.ANCHOR, memoryview(self._scratch)[: n + 9])

    def event(self, after_ms: int, code: int, data: bytes = b"") -> None:
        """Add an event `after_ms` after the last minute or gap, with up to 120 bytes of data."""
        n = items.put_varint(self._scratch, 0, after_ms)
        self._scratch[n] = code
        self.add(items.EVENT, bytes(self._scratch[: n + 1]) + data[:120])

    def reading(self, after_ms: int, signs: bytes) -> None:
        """Add vital signs (readings.pack), taken `after_ms` after the last minute or gap."""
        self.add(*readings.pack(after_ms // 1000, signs))

    def flush(self) -> None:
        """Put what waits on flash. Raises OSError when flash fails; nothing is lost then."""
        if self.used:
            self.ring.write(memoryview(self.pending)[: self.used])
            self.used = 0
            self._run = False
        self.reserve()

    def reserve(self) -> None:
        """Reserve numbers ahead when few are left. Raises OSError when flash fails."""
        if self.seq + _MARGIN > self.ring.reserved:
            self.ring.reserve(self.seq + _AHEAD)
