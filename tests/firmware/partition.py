"""A flash partition for tests: NOR, as esp32.Partition, whose power can be cut in a write."""

import random

from veriband_simulator.flash import SECTOR, Flash


class PowerCut(Exception):
    """The power went."""


class CutPartition:
    """The `sectors` sectors of `flash` (a new one of its own) from byte `start` on; after `budget`
    more bytes written or sectors erased the power goes."""

    def __init__(self, sectors: int, flash: Flash | None = None, start: int = 0) -> None:
        self.sectors = sectors
        self.flash = flash or Flash(sectors * SECTOR)
        self.start = start
        self.budget: int | None = None
        self.bad: set[int] = set()  # sectors that can neither be erased nor written any more
        self.rng = random.Random(0)

    def ioctl(self, op: int, arg: int) -> int:
        if op == 4:
            return self.sectors
        if op == 5:
            return SECTOR
        if op == 6:
            self._fail_if_bad(arg)
            if self._spend(1) < 1:
                at = self.start + arg * SECTOR
                self.flash.image[at : at + SECTOR] = self.rng.randbytes(SECTOR)
                raise PowerCut
            self.flash.erase(self.start + arg * SECTOR)
        return 0

    def readblocks(self, block: int, buf: memoryview, offset: int = 0) -> None:
        buf[:] = self.flash.read(self.start + block * SECTOR + offset, len(buf))

    def writeblocks(self, block: int, buf: bytes | memoryview, offset: int = 0) -> None:
        self._fail_if_bad(block)
        data = bytes(buf)
        assert offset + len(data) <= SECTOR, "a write over the end of its sector"
        whole = self._spend(len(data))
        at = self.start + block * SECTOR + offset
        if whole < len(data):  # a prefix and a torn byte
            self.flash.program(at, data[:whole] + bytes((data[whole] | self.rng.getrandbits(8),)))
            raise PowerCut
        self.flash.program(at, data)
        assert self.flash.read(at, len(data)) == data, "programmed what was not erased"

    def _fail_if_bad(self, sector: int) -> None:
        if sector in self.bad:
            raise OSError(5)

    def _spend(self, cost: int) -> int:
        if self.budget is None:
            return cost
        done = min(self.budget, cost)
        self.budget -= done
        return done
