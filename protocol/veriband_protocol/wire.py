"""What travels over the air: the journal's state, requests, batches in frames, control messages.

A batch is the answer to one READ: a header, items, a trailer, cut into notifications. A frame's
first byte is FIRST | LAST | index modulo 64; the error frame is a 0 and an error code.
All numbers are little-endian.
"""

import struct
from binascii import crc32

from veriband_protocol.items import STATUS_OK, STATUSES

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

INFO = 0x01  # -> pack_info
FILE = 0x02  # index -> SHA-256, name
CLOCK = 0x03  # set the clock -> the clock
TIME = 0x04  # -> the clock
HEART_RATE = 0x05  # measure it now -> pack_heart_rate
REPLY = 0x80

OK = 0
BAD_LENGTH = 1
BAD_OPCODE = 2
BAD_VALUE = 3
FAILED = 4
STATUS_TEXT = {
    BAD_LENGTH: "wrong length",
    BAD_OPCODE: "unknown request",
    BAD_VALUE: "value out of range",
    FAILED: "the band failed inside",
}

_INFO = "<BB32sII"
_CLOCK = "<IHhIh"
_TIME = "<IHBIHh"
_PAIRING = "<BI"
_PAIRING_MAGIC = b"VB"
EARLIEST_UTC = 1451606400  # 2016-01-01: a clock before that was never set


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


def pack_info(
    version: int, files: int, program: bytes, used: int, free: int, name: str, firmware: str
) -> bytes:
    """The answer to INFO: number of files, SHA-256 over them, heap bytes used and free, the
    interpreter's name and the firmware's version."""
    text = name + "\0" + firmware
    return struct.pack(_INFO, version, files, program, used, free) + text.encode()


def unpack_info(body: bytes) -> tuple[int, int, bytes, int, int, str, str]:
    """(version, files, program, used, free, name, firmware). Raises ValueError when malformed."""
    size = struct.calcsize(_INFO)
    if len(body) < size:
        raise ValueError(f"INFO of {len(body)} bytes")
    version, files, program, used, free = struct.unpack(_INFO, body[:size])
    name, firmware = body[size:].decode().split("\0")
    return version, files, program, used, free, name, firmware


def pack_clock(utc_s: int, ms: int, offset_min: int, change_utc_s: int, then_min: int) -> bytes:
    """The CLOCK request's body: UTC, the wearer's offset from it in minutes, the offset's next
    change (0: none known) and the offset from then on."""
    return struct.pack(_CLOCK, utc_s, ms, offset_min, change_utc_s, then_min)


def unpack_clock(body: bytes) -> tuple[int, int, int, int, int]:
    """(utc_s, ms, offset_min, change_utc_s, then_min). Raises ValueError when not plausible."""
    if len(body) != struct.calcsize(_CLOCK):
        raise ValueError("length")
    utc_s, ms, offset, change, then = struct.unpack(_CLOCK, body)
    if utc_s < EARLIEST_UTC or ms > 999 or abs(offset) > 1080 or abs(then) > 1080:
        raise ValueError("clock")
    return utc_s, ms, offset, change, then


def pack_time(t_ms: int, is_set: bool, utc_s: int, ms: int, offset_min: int) -> bytes:
    """The answer to CLOCK and TIME: uptime, whether the clock is set, UTC, offset."""
    return struct.pack(_TIME, t_ms // 60000, t_ms % 60000, is_set, utc_s, ms, offset_min)


def unpack_time(body: bytes) -> tuple[int, bool, int, int]:
    """(t_ms, is_set, utc_ms, offset_min). Raises ValueError on another length."""
    if len(body) != struct.calcsize(_TIME):
        raise ValueError(f"time of {len(body)} bytes")
    t_min, t_ms, is_set, utc_s, ms, offset = struct.unpack(_TIME, body)
    return t_min * 60000 + t_ms, bool(is_set), utc_s * 1000 + ms, offset


def pack_heart_rate(status: int, bpm: int, quality: int) -> bytes:
    """The answer to HEART_RATE: items.STATUS_*; the rate, 0 unless ok; its quality in percent."""
    return bytes((status, bpm, quality))


def unpack_heart_rate(body: bytes) -> tuple[int, int, int]:
    """(status, bpm, quality). Raises ValueError when it cannot be."""
    if len(body) != 3:
        raise ValueError(f"a heart rate of {len(body)} bytes")
    status, bpm, quality = body
    if status >= len(STATUSES) or (bpm == 0) == (status == STATUS_OK) or quality > 100:
        raise ValueError(f"a heart rate of {bpm} bpm, status {status}, quality {quality} %")
    return status, bpm, quality


def pack_pairing(version: int, counter: int) -> bytes:
    """The manufacturer data while pairing is open: the counter of the next passkey."""
    return _PAIRING_MAGIC + struct.pack(_PAIRING, version, counter)


def unpack_pairing(data: bytes) -> tuple[int, int]:
    """(version, counter). Raises ValueError when it is something else."""
    if len(data) != 2 + struct.calcsize(_PAIRING) or data[:2] != _PAIRING_MAGIC:
        raise ValueError("no pairing counter")
    version, counter = struct.unpack(_PAIRING, data[2:])
    return version, counter
