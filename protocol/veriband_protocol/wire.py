"""How a journal travels over the air: its state, requests for it, batches in frames.

A batch is the answer to one READ: a header, items, a trailer, cut into notifications. A frame's
first byte is FIRST | LAST | index modulo 64; the error frame is a 0 and an error code.
All numbers are little-endian.
"""

import struct
from binascii import crc32

READ = 0x01  # journal request: epoch, first number wanted, most frames in the answer

FIRST = 0x80
LAST = 0x40
INDEX = 0x3F
MAX_FRAMES = 32

ERROR_LENGTH = 1  # a request of the wrong length or opcode
ERROR_EPOCH = 2  # the log was formatted since
ERROR_AHEAD = 3  # a number that the band has not reached
ERROR_BUSY = 4  # another batch is on its way
ERROR_INTERNAL = 5  # the band failed to read its journal

_STATE = "<BIIIIIH"
_READ = "<BIIB"
_HEADER = "<BIIIIH"
HEADER_BYTES = struct.calcsize(_HEADER)
TRAILER_BYTES = 8


def pack_state(version: int, epoch: int, oldest: int, upto: int, boot: int, t_ms: int) -> bytes:
    """The journal's state: numbers `oldest` to `upto` - 1 can be read; the running boot's time."""
    return struct.pack(_STATE, version, epoch, oldest, upto, boot, t_ms // 60000, t_ms % 60000)


def unpack_state(data: bytes) -> tuple[int, int, int, int, int, int]:
    """(version, epoch, oldest, upto, boot, t_ms). Raises ValueError on another length."""
    if len(data) != struct.calcsize(_STATE):
        raise ValueError(f"journal state of {len(data)} bytes")
    version, epoch, oldest, upto, boot, t_min, ms = struct.unpack(_STATE, data)
    return version, epoch, oldest, upto, boot, t_min * 60000 + ms


def pack_read(epoch: int, seq: int, frames: int) -> bytes:
    """The request for the items from number `seq` on, in at most `frames` (1-32) frames."""
    return struct.pack(_READ, READ, epoch, seq, frames)


def unpack_read(data: bytes) -> tuple[int, int, int]:
    """(epoch, seq, frames). Raises ValueError when it is no READ."""
    if len(data) != struct.calcsize(_READ) or data[0] != READ:
        raise ValueError("not a READ")
    _, epoch, seq, frames = struct.unpack(_READ, data)
    if not 1 <= frames <= MAX_FRAMES:
        raise ValueError("frames")
    return epoch, seq, frames


def pack_batch(
    version: int, epoch: int, seq: int, boot: int, t_ms: int, items: bytes, upto: int
) -> bytes:
    """A batch: where it stands, its items, the journal's next number, CRC-32 over all of it."""
    head = struct.pack(_HEADER, version, epoch, seq, boot, t_ms // 60000, t_ms % 60000)
    body = head + items + struct.pack("<I", upto)
    return body + struct.pack("<I", crc32(body) & 0xFFFFFFFF)


def unpack_batch(data: bytes) -> tuple[int, int, int, int, int, bytes, int]:
    """(version, epoch, seq, boot, t_ms, items, upto). Raises ValueError on length or CRC."""
    if len(data) < HEADER_BYTES + TRAILER_BYTES:
        raise ValueError(f"batch of {len(data)} bytes")
    upto, crc = struct.unpack("<II", data[-TRAILER_BYTES:])
    if crc32(data[:-4]) & 0xFFFFFFFF != crc:
        raise ValueError("CRC of a batch is wrong")
    version, epoch, seq, boot, t_min, ms = struct.unpack(_HEADER, data[:HEADER_BYTES])
    return version, epoch, seq, boot, t_min * 60000 + ms, data[HEADER_BYTES:-TRAILER_BYTES], upto


def frame(batch: bytes, index: int, size: int) -> bytes:
    """Frame `index` of a batch, of at most `size` bytes."""
    start = index * (size - 1)
    end = start + size - 1
    head = index & INDEX
    if index == 0:
        head |= FIRST
    if end >= len(batch):
        head |= LAST
    return bytes((head,)) + batch[start:end]
