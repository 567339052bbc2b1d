"""What strip is in which of the band's two sockets, and which chips answered on it."""

import struct

SOCKET_CASE = 1
SOCKET_COVER = 2  # both: a strip in each, of which no chip is in use

CHIP_EEPROM = 1
CHIP_PULSE = 2  # MAX30102
CHIP_HUB = 4  # MAX32664D

_STRIP = "<BBI"
STRIP_BYTES = struct.calcsize(_STRIP)


def pack_strip(sockets: int, chips: int, identity: int) -> bytes:
    """What strip is in: SOCKET_* (0: none), its CHIP_*, the number on its label (0: none)."""
    return struct.pack(_STRIP, sockets, chips, identity)


def unpack_strip(data: bytes) -> tuple[int, int, int]:
    """(sockets, chips, identity). Raises ValueError on another length."""
    if len(data) != STRIP_BYTES:
        raise ValueError(f"a strip of {len(data)} bytes")
    sockets, chips, identity = struct.unpack(_STRIP, data)
    return sockets, chips, identity
