"""A NOR flash: a program only clears bits, an erase sets 4,096 bytes."""

from __future__ import annotations

SECTOR = 4096


class FlashFailed(Exception):
    """The chip reports that a program or an erase failed."""


class Flash:
    """An image of `size` bytes, erased at first, that lives through resets and losses of power."""

    def __init__(self, size: int) -> None:
        self.image = bytearray(b"\xff" * size)
        self.broken = range(0)  # programs and erases at these addresses fail
        self.programs = 0
        self.erases = 0

    def read(self, address: int, size: int) -> bytes:
        """`size` bytes at `address`."""
        return bytes(self.image[address : address + size])

    def program(self, address: int, data: bytes) -> None:
        """Clear the bits at `address` that are clear in `data`. Raises FlashFailed."""
        if address in self.broken:
            raise FlashFailed
        n = len(data)
        old = int.from_bytes(self.image[address : address + n], "little")
        new = old & int.from_bytes(data, "little")
        self.image[address : address + n] = new.to_bytes(n, "little")
        self.programs += 1

    def erase(self, address: int) -> None:
        """Erase the sector at `address`. Raises ValueError when that is not where one
        begins, FlashFailed."""
        if address % SECTOR:
            raise ValueError(f"no sector begins at {address:#x}")
        if address in self.broken:
            raise FlashFailed
        self.image[address : address + SECTOR] = b"\xff" * SECTOR
        self.erases += 1
