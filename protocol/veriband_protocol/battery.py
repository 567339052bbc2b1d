"""Which battery, and its voltage: the body of a LOW_BATTERY event."""

import struct

CASE = 1
CELL = 2  # the coin cell on the strip

_BATTERY = "<BH"


def pack_battery(which: int, mv: int) -> bytes:
    """CASE or CELL, and its voltage in mV."""
    return struct.pack(_BATTERY, which, mv)


def unpack_battery(data: bytes) -> tuple[int, int]:
    """(which, mv). Raises ValueError on another length."""
    if len(data) != struct.calcsize(_BATTERY):
        raise ValueError(f"a battery of {len(data)} bytes")
    which, mv = struct.unpack(_BATTERY, data)
    return which, mv
