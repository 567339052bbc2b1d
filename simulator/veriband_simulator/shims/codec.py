"""Values to bytes and back, the same on both sides of the pipe between a band and its world.

None, bool, int (64 bits), bytes, str and tuples of these; a message is a u32 length and a value.
"""

import struct

TYPE_CHECKING = False
if TYPE_CHECKING:
    Value = None | bool | int | bytes | str | tuple["Value", ...]


def encode(value: object, out: bytearray) -> None:
    """Append `value` to `out`. Raises TypeError for anything else."""
    if value is None:
        out.append(0x4E)
    elif value is True:
        out.append(0x54)
    elif value is False:
        out.append(0x46)
    elif isinstance(value, int):
        out.append(0x69)
        out.extend(struct.pack("<q", value))
    elif isinstance(value, str):
        data = value.encode()
        out.append(0x73)
        out.extend(struct.pack("<I", len(data)))
        out.extend(data)
    elif isinstance(value, (bytes, bytearray, memoryview)):
        out.append(0x62)
        out.extend(struct.pack("<I", len(value)))
        out.extend(value)
    elif isinstance(value, (tuple, list)):
        out.append(0x74)
        out.extend(struct.pack("<I", len(value)))
        for item in value:
            encode(item, out)
    else:
        raise TypeError(type(value))


def decode(data: bytes, i: int = 0) -> "tuple[Value, int]":
    """(the value at `i`, the index after it)."""
    kind = data[i]
    i += 1
    if kind == 0x4E:
        return None, i
    if kind == 0x54:
        return True, i
    if kind == 0x46:
        return False, i
    if kind == 0x69:
        return struct.unpack_from("<q", data, i)[0], i + 8
    n = struct.unpack_from("<I", data, i)[0]
    i += 4
    if kind == 0x74:
        items: "list[Value]" = []
        for _ in range(n):
            item, i = decode(data, i)
            items.append(item)
        return tuple(items), i
    raw = bytes(data[i : i + n])
    return (raw.decode() if kind == 0x73 else raw), i + n


def message(value: object) -> bytes:
    """`value` as a message."""
    out = bytearray(4)
    encode(value, out)
    struct.pack_into("<I", out, 0, len(out) - 4)
    return bytes(out)
