"""AT24C02: the EEPROM on the strip, whose label tells one strip from another (Atmel 0180)."""

import struct

ADDRESS = 0x50

_LABEL = "<2sBI"  # magic, version, identity; then a CRC: one page, which is written at once
_PAGE = 8
_MAGIC = b"VB"
_VERSION = 1
_POLYNOMIAL = 0x07  # CRC-8 as of SMBus 3.1, 6.4


class AT24C02:
    """The chip at `address` of `bus` (a machine.I2C or its like)."""

    def __init__(self, bus, address: int = ADDRESS) -> None:
        self._bus = bus
        self._address = address

    def identity(self) -> int:
        """The strip's number, 0 when it has no valid label.

        Raises OSError when the chip does not answer.
        """
        page = bytearray(_PAGE)
        self._bus.readfrom_mem_into(self._address, 0, page)
        magic, version, identity = struct.unpack_from(_LABEL, page)
        is_valid = magic == _MAGIC and version == _VERSION and _crc(page) == 0
        return identity if is_valid else 0

    def label(self, identity: int) -> None:
        """Give the strip a number, 1 to 2**32 - 1.

        Raises OSError when the chip does not answer; for 5 ms after this it does not.
        """
        page = struct.pack(_LABEL, _MAGIC, _VERSION, identity)
        self._bus.writeto_mem(self._address, 0, page + bytes((_crc(page),)))


def _crc(data) -> int:
    crc = 0
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc << 1 ^ (_POLYNOMIAL if crc & 0x80 else 0)
        crc &= 0xFF
    return crc
