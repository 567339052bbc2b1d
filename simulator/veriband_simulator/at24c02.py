"""The strip's EEPROM, as a model written from its data sheet, and the label that is in it."""

from __future__ import annotations

from collections.abc import Callable

from veriband_simulator.chips import Faulty, Nack

SIZE = 256
PAGE = 8
WRITE_US = 5_000


def labelled(identity: int) -> bytes:
    """What is in the EEPROM of a strip with that number (firmware/README.md)."""
    label = b"VB\x01" + identity.to_bytes(4, "little")
    crc = 0
    for bit in (byte >> k & 1 for byte in label for k in range(7, -1, -1)):
        crc = crc << 1 & 0xFF ^ (0x07 if (crc >> 7) ^ bit else 0)
    return (label + bytes((crc,))).ljust(SIZE, b"\xff")


class At24c02(Faulty):
    """AT24C02 (Atmel 0180): pages of 8 bytes, a write cycle of 5 ms in which it is deaf."""

    address = 0x50

    def __init__(self, now_us: Callable[[], int], content: bytes = b"\xff" * SIZE) -> None:
        self.content = bytearray(content)
        self._now_us = now_us
        self._written_us = -WRITE_US
        self._page = range(0)  # that was written last

    def power_on(self) -> None:
        """Its supply has come. If it went in a write cycle, that page is only erased."""
        if self._is_writing():
            for at in self._page:
                self.content[at] = 0xFF
        self._written_us = -WRITE_US

    def _is_writing(self) -> bool:
        return self._now_us() < self._written_us + WRITE_US

    def acknowledge(self) -> None:
        """Begin a transaction. Raises Nack."""
        super().acknowledge()
        if self._is_writing():
            raise Nack

    def read(self, register: int, size: int) -> bytes:
        """Read from an address on, over the end to the begin. Raises Nack."""
        self.acknowledge()
        return bytes(self.content[(register + i) % SIZE] for i in range(size))

    def write(self, register: int, data: bytes) -> None:
        """Write from an address on, over the end of its page to the begin. Raises Nack."""
        self.acknowledge()
        if not data:
            return
        begin = register - register % PAGE
        for i, byte in enumerate(data):
            self.content[begin + (register + i) % PAGE] = byte
        self._page = range(begin, begin + PAGE)
        self._written_us = self._now_us()
