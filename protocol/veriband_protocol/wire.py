"""How a journal travels over the air: its state, requests for it, batches in frames.

A READ is answered with batch after batch, up to the journal's end, as many as the host has given
credit for; MORE gives more. A batch is a header, items, a trailer, cut into notifications. A
frame's first byte is FIRST | LAST | index modulo 64; the error frame is a 0 and an error code.
All numbers are little-endian.
"""

import struct
from binascii import crc32

READ = 0x01  # journal request: pack_read
MORE = 0x02  # journal request: so many batches more

FIRST = 0x80
LAST = 0x40
INDEX = 0x3F
MAX_FRAMES = 32

ERROR_LENGTH = 1  # a request of the wrong length or opcode, or frames too few for any item
ERROR_EPOCH = 2  # the log was formatted since
ERROR_AHEAD = 3  # a number that the band has not reached
ERROR_INTERNAL = 4  # the band failed to read its journal

SEAL_BYTES = 8
NO_SEAL = bytes(SEAL_BYTES)

_STATE = "<BIIIIIH6s"
_READ = "<BIIBB8s"
_HEADER = "<BIIIIH"
_TRAILER = "<II8s8sI"
HEADER_BYTES = struct.calcsize(_HEADER)
TRAILER_BYTES = struct.calcsize(_TRAILER)


def pack_state(
    version: int, epoch: int, oldest: int, upto: int, boot: int, t_ms: int, strip: bytes
) -> bytes:
    """The journal's state: numbers `oldest` to `upto` - 1 can be read; the running boot's time;
    what strip is in (sockets.pack_strip)."""
    return struct.pack(
        _STATE, version, epoch, oldest, upto, boot, t_ms // 60000, t_ms % 60000, strip
    )


def unpack_state(data: bytes) -> tuple[int, int, int, int, int, int, bytes]:
    """(version, epoch, oldest, upto, boot, t_ms, strip). Raises ValueError on another length."""
    if len(data) != struct.calcsize(_STATE):
        raise ValueError(f"journal state of {len(data)} bytes")
    version, epoch, oldest, upto, boot, t_min, ms, strip = struct.unpack(_STATE, data)
    return version, epoch, oldest, upto, boot, t_min * 60000 + ms, strip


def pack_read(epoch: int, seq: int, frames: int, batches: int, before: bytes = NO_SEAL) -> bytes:
    """The request for the items from number `seq` on, in batches of at most `frames` (1-32)
    frames, the first `batches` (1-255) of them; the first one's seal follows `before`."""
    return struct.pack(_READ, READ, epoch, seq, frames, batches, before)


def unpack_read(data: bytes) -> tuple[int, int, int, int, bytes]:
    """(epoch, seq, frames, batches, before). Raises ValueError when it is no READ."""
    if len(data) != struct.calcsize(_READ) or data[0] != READ:
        raise ValueError("not a READ")
    _, epoch, seq, frames, batches, before = struct.unpack(_READ, data)
    if not 1 <= frames <= MAX_FRAMES or not batches:
        raise ValueError("frames")
    return epoch, seq, frames, batches, before


def pack_more(batches: int) -> bytes:
    """The credit for so many batches (1-255) more."""
    return bytes((MORE, batches))


def unpack_more(data: bytes) -> int:
    """How many batches more; 0 when it is no MORE."""
    return data[1] if len(data) == 2 and data[0] == MORE else 0


def pack_batch(
    version: int, epoch: int, seq: int, boot: int, t_ms: int, items: bytes | bytearray, upto: int,
    key_id: int = 0, before: bytes = NO_SEAL,
) -> bytearray:  # fmt: skip
    """A batch without a seal: where it stands, its items, the journal's next number, what it will
    be sealed with and the seal before, CRC-32 over all of it."""
    batch = bytearray(HEADER_BYTES + len(items) + TRAILER_BYTES)
    struct.pack_into(_HEADER, batch, 0, version, epoch, seq, boot, t_ms // 60000, t_ms % 60000)
    end = HEADER_BYTES + len(items)
    batch[HEADER_BYTES:end] = items
    struct.pack_into(_TRAILER, batch, end, upto, key_id, before, NO_SEAL, 0)
    put_seal(batch, NO_SEAL)
    return batch


def sealed(batch: bytes | bytearray) -> memoryview:
    """What a batch's seal is over: all that comes before it."""
    return memoryview(batch)[: len(batch) - SEAL_BYTES - 4]


def put_seal(batch: bytearray, seal: bytes) -> None:
    """Give a batch its seal, and the CRC that it has then."""
    end = len(batch) - 4
    batch[end - SEAL_BYTES : end] = seal
    struct.pack_into("<I", batch, end, crc32(memoryview(batch)[:end]) & 0xFFFFFFFF)


def unpack_batch(
    data: bytes,
) -> tuple[int, int, int, int, int, bytes, int, int, bytes, bytes]:
    """(version, epoch, seq, boot, t_ms, items, upto, key id, seal before, seal). Raises ValueError
    on length or CRC."""
    end = len(data) - TRAILER_BYTES
    if end < HEADER_BYTES:
        raise ValueError(f"batch of {len(data)} bytes")
    upto, key_id, before, seal, crc = struct.unpack(_TRAILER, data[end:])
    if crc32(data[:-4]) & 0xFFFFFFFF != crc:
        raise ValueError("CRC of a batch is wrong")
    version, epoch, seq, boot, t_min, ms = struct.unpack(_HEADER, data[:HEADER_BYTES])
    t_ms = t_min * 60000 + ms
    return version, epoch, seq, boot, t_ms, data[HEADER_BYTES:end], upto, key_id, before, seal


def frame(batch: bytes | bytearray, index: int, size: int) -> bytes:
    """Frame `index` of a batch, of at most `size` bytes."""
    start = index * (size - 1)
    end = start + size - 1
    head = index & INDEX
    if index == 0:
        head |= FIRST
    if end >= len(batch):
        head |= LAST
    return bytes((head,)) + batch[start:end]
