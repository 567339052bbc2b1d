"""What the band advertises, 31 bytes each: that it is one, and, when asked again, its name."""

import struct

from bluetooth import UUID

from veriband_protocol import uuids

_FLAGS = b"\x02\x01\x06"
_HEART_RATE = b"\x03\x03\x0d\x18\x03\x19\x40\x03"  # service 180D, appearance 0340: of that kind


def payload(broadcasts: bool) -> bytes:
    """The journal service, and the heart rate's while that is broadcast."""
    own = b"\x11\x07" + bytes(UUID(uuids.JOURNAL_SERVICE))
    return _FLAGS + own + (_HEART_RATE if broadcasts else b"")


def response(name: str, data: bytes) -> bytes:
    """The name, and manufacturer `data` if there is some."""
    whole = bytes((len(name) + 1, 9)) + name.encode()
    if data:
        whole += struct.pack("<BBH", len(data) + 3, 0xFF, uuids.COMPANY) + data
    return whole
