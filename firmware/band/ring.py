"""The journal's raw partition: a ring of 4,096-byte pages, written forward, never in place.

A page begins with a header (page.py), blocks follow, then erased flash. A block is
    length u8 (1-247) | items | CRC
or  00 | u32 | CRC: numbers below that one may have been given out.
A CRC is the lower three bytes of a CRC-32 seeded with its page's and its place: no block left
over from an older page is taken for one of this. Page k lies in sector k modulo their number;
where that fails, there is no page k.
"""

import os
import struct
from array import array
from binascii import crc32

from band import page
from veriband_protocol.items import Position

PAGE = 4096
MAX_ITEMS = 247
_NONE = 0x3FFFFFFF
_TRIES = 8  # sectors that may fail, one after the other


def _size(length: int) -> int:
    return length + 4 if length else 8


class Ring:
    """The ring on `partition` (esp32.Partition or its like), found again by CRC and number."""

    def __init__(self, partition) -> None:
        self._flash = partition
        self.sectors = partition.ioctl(4, 0)
        self._seqs = array("I", [_NONE] * self.sectors)  # first number of each sector's page
        self._buf = bytearray(MAX_ITEMS + 5)
        self._write_at = PAGE
        self._page = page.Page(0, struct.unpack("<I", os.urandom(4))[0], Position(), 0, 0)
        self.walked = 0
        self._mark = (0, 0, Position())  # page, offset, position of the block read last
        self.reserved = 0
        self.end = Position()  # where the next item will stand
        self._mount()

    @property
    def epoch(self) -> int:
        """The log epoch: drawn when the ring was formatted."""
        return self._page.epoch

    def _mount(self) -> None:
        newest = None
        for sector in range(self.sectors):
            found = self._header(sector)
            if found and (newest is None or found.number > newest.number):
                newest = found
        if newest is None:
            return
        for number in range(max(1, newest.number - self.sectors + 1), newest.number + 1):
            found = self._header(number % self.sectors)
            if found and found.number == number and found.epoch == newest.epoch:
                self._seqs[number % self.sectors] = found.at.seq
        self._page, self.reserved, self.end = newest, newest.reserved, newest.at.copy()
        end = page.HEADER_BYTES
        for length, behind in self._walk(newest):
            end = behind
            if length:
                self._step(self.end, length)
            else:
                self.reserved = struct.unpack_from("<I", self._buf, 1)[0]
        # What follows a torn block cannot be written over: go on in the next page.
        self._write_at = end if self._erased(end) else PAGE

    def _header(self, sector: int):
        """The header of the page in `sector`, None when there is none that belongs there."""
        head = memoryview(self._buf)[: page.HEADER_BYTES]
        self._flash.readblocks(sector, head, 0)
        found = page.unpack(head)
        return found if found and found.number % self.sectors == sector else None

    def _walk(self, of, offset: int = page.HEADER_BYTES):
        """Yields (length, offset behind it) of each whole block, which lies in the buffer then."""
        length = self._load(of, offset)
        while length >= 0:
            offset += _size(length)
            yield length, offset
            length = self._load(of, offset)

    def _load(self, of, offset: int) -> int:
        """Read the block at `offset` into the buffer: its length, or -1 when none is whole."""
        if offset >= PAGE:
            return -1
        view = memoryview(self._buf)[: min(len(self._buf), PAGE - offset)]
        self._flash.readblocks(of.number % self.sectors, view, offset)
        length = self._buf[0]
        size = _size(length)
        if length > MAX_ITEMS or size > len(view):
            return -1
        crc = crc32(view[: size - 3], of.crc ^ offset) & 0xFFFFFF
        return length if int.from_bytes(view[size - 3 : size], "little") == crc else -1

    def _step(self, at: Position, length: int) -> None:
        items = memoryview(self._buf)[1 : 1 + length]
        i = 0
        while i < length:
            i = at.step(items, i)

    def _erased(self, offset: int) -> bool:
        view = memoryview(self._buf)
        for begin in range(offset, PAGE, len(view)):
            part = view[: PAGE - begin]
            self._flash.readblocks(self._page.number % self.sectors, part, begin)
            if bytes(part).strip(b"\xff"):
                return False
        return True

    def _turn(self) -> None:
        """Begin the next page, passing over sectors that fail. Raises OSError."""
        last = self._page.number + min(_TRIES, self.sectors - 1)
        for number in range(self._page.number + 1, last + 1):
            sector = number % self.sectors
            begun, head = page.pack(number, self.epoch, self.end.copy(), self.reserved)
            self._seqs[sector] = _NONE
            try:
                self._flash.ioctl(6, sector)
                self._flash.writeblocks(sector, head, 0)
            except OSError:
                if number == last:
                    raise
                continue
            self._page = begun
            self._seqs[sector] = begun.at.seq
            self._write_at = page.HEADER_BYTES
            return

    def _append(self, size: int) -> None:
        """Write the first `size` - 3 bytes of the buffer and their CRC as a block."""
        if self._write_at + size > PAGE:
            self._turn()
        try:
            self._put(size)
        except OSError:  # the sector fails in mid-page: go on in the next one at once
            self._turn()
            self._put(size)

    def _put(self, size: int) -> None:
        offset = self._write_at
        view = memoryview(self._buf)
        crc = crc32(view[: size - 3], self._page.crc ^ offset)
        struct.pack_into("<I", view, size - 3, crc)  # a byte more than is written
        self._write_at = PAGE  # until the write has come back whole
        self._flash.writeblocks(self._page.number % self.sectors, view[:size], offset)
        self._write_at = offset + size

    def write(self, items) -> None:
        """Append a block of items (1 to MAX_ITEMS bytes). Raises OSError when flash fails."""
        n = len(items)
        self._buf[0] = n
        self._buf[1 : 1 + n] = items
        self._append(_size(n))
        self._step(self.end, n)

    def reserve(self, upto: int) -> None:
        """Note on flash that numbers below `upto` may have been given out."""
        self._buf[0] = 0
        struct.pack_into("<I", self._buf, 1, upto)
        self._append(_size(0))
        self.reserved = upto

    def oldest(self) -> int:
        """The lowest number that can still be read."""
        return min(self.end.seq, min(self._seqs))

    def next_page(self, seq: int) -> int:
        """The first number beyond `seq` at which a page begins, or the end."""
        after = self.end.seq
        return min((first for first in self._seqs if seq < first < after), default=after)

    def blocks(self, seq: int):
        """The page that holds number `seq`: yields (where a block begins, its items) in order.

        The items lie in a buffer that the next step overwrites. `walked` is the number behind
        the last block that was passed.
        """
        number = self._page.number
        low = max(1, number - self.sectors + 1)
        while number > low and self._seqs[number % self.sectors] > seq:
            number -= 1
        holder = self._header(number % self.sectors)
        if not holder or holder.number != number or holder.epoch != self.epoch:
            return
        at, offset = holder.at, page.HEADER_BYTES
        if self._mark[0] == number and self._mark[2].seq <= seq:
            at, offset = self._mark[2].copy(), self._mark[1]
        for length, behind in self._walk(holder, offset):
            if length:
                if at.seq <= seq:
                    self._mark = (number, behind - _size(length), at.copy())
                yield at.copy(), memoryview(self._buf)[1 : 1 + length]
                self._step(at, length)
                self.walked = at.seq
