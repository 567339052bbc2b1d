"""Readings, the items of vital signs: the usual ones, of which all are ok, take fewer bytes.

C6 len ...     varint s after the last minute or gap, items.pack_sign of each vital sign
D1-DF len ...  varint s, and two numbers of each vital sign whose bit is set, by rising number
"""

from veriband_protocol import items

_ALL_OK = 0xD0  # | 1 << vital - 1 of each


def pack(s: int, signs: bytes) -> tuple[int, bytes]:
    """(tag, body) of signs (pack_sign) taken `s` seconds after the last minute or gap."""
    head = bytearray(5)
    body = bytes(head[: items.put_varint(head, 0, s)])
    tag, numbers, last = _ALL_OK, b"", 0
    for i in range(0, len(signs), 3):
        vital = signs[i] >> 4
        if signs[i] & 0x0F != items.STATUS_OK or vital <= last:
            return items.READING, body + signs
        last = vital
        tag |= 1 << vital - 1
        numbers += signs[i + 1 : i + 3]
    return tag, body + numbers


def is_reading(tag: int) -> bool:
    """Whether the item with this tag is a reading."""
    return tag == items.READING or _ALL_OK < tag <= _ALL_OK | 0x0F


def unpack(tag: int, body: bytes) -> tuple[int, bytes]:
    """(s, signs) as they were packed. Raises ValueError when numbers are missing or too many."""
    s, i = items.get_varint(body, 0)
    if tag == items.READING:
        return s, body[i:]
    signs = b""
    for vital in range(1, 5):
        if tag & 1 << vital - 1:
            signs += bytes((vital << 4 | items.STATUS_OK,)) + body[i : i + 2]
            i += 2
    if i != len(body):
        raise ValueError("a reading of another length")
    return s, signs
