"""A journal page's header: which page it is, and where its first item stands.

magic u16, version u8, FF, page number u32, epoch u32, seq u32, boot u32, t min u32, t ms u16,
reserved u32 (numbers below it may have been given out), CRC-32 of all that
"""

import struct
from binascii import crc32
from collections import namedtuple

from veriband_protocol.items import Position

_FORMAT = "<HBBIIIIIHI"
_BODY = struct.calcsize(_FORMAT)
HEADER_BYTES = _BODY + 4
_MAGIC = 0x4256
_VERSION = 1

Page = namedtuple("Page", ("number", "epoch", "at", "reserved", "crc"))


def pack(number: int, epoch: int, at: Position, reserved: int):
    """(the Page, its header's bytes)."""
    head = bytearray(HEADER_BYTES)
    struct.pack_into(
        _FORMAT, head, 0, _MAGIC, _VERSION, 0xFF, number, epoch, at.seq, at.boot,
        at.t_ms // 60000, at.t_ms % 60000, reserved,
    )  # fmt: skip
    crc = crc32(memoryview(head)[:_BODY])
    struct.pack_into("<I", head, _BODY, crc)
    return Page(number, epoch, at, reserved, crc), head


def unpack(head):
    """The Page of a header, None when it is none."""
    magic, version, _, number, epoch, seq, boot, t_min, t_ms, reserved = struct.unpack_from(
        _FORMAT, head
    )
    crc = crc32(head[:_BODY])
    if magic != _MAGIC or version != _VERSION or struct.unpack_from("<I", head, _BODY)[0] != crc:
        return None
    return Page(number, epoch, Position(seq, boot, t_min * 60000 + t_ms), reserved, crc)
