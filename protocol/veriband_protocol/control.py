"""Control requests and their answers, and what a band that can be paired advertises.

All numbers are little-endian.
"""

import struct

INFO = 0x01  # -> pack_info
FILE = 0x02  # index -> SHA-256, name
CLOCK = 0x03  # set the clock -> the clock
TIME = 0x04  # -> the clock
MEASURE = 0x05  # a vital sign, now: pack_measure -> items.pack_sign of what was measured
SEAL = 0x06  # a key to seal with from now on, or nothing -> pack_key_id
CALIBRATE = 0x07  # references to begin (`unlikely`), nothing to ask -> pack_calibration
PROFILE = 0x08  # a power profile (profile.*) from now on, or nothing -> the profile
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

KEY_BYTES = 32
CUFF_READINGS = 3
SYSTOLIC = (80, 180, 12)  # mmHg, what a cuff may read: from, to, most between any two of them
DIASTOLIC = (40, 120, 8)
LEAST_PULSE = 15  # mmHg, of a systolic above its diastolic
CALIBRATION_S = 30 * 86400  # so long a calibration holds

_INFO = "<BB32sIIHH"
_CLOCK = "<IHhIh"
_TIME = "<IHBIHh"
_PAIRING = "<BI"
_CALIBRATION = "<BBBI"
_PAIRING_MAGIC = b"VB"
EARLIEST_UTC = 1451606400  # 2016-01-01: a clock before that was never set
LATEST_UTC = 3092601599  # the end of 2067: the board counts seconds from 2000 on, in 31 bits
MOST_OFFSET = 1080  # minutes from UTC, either way


def pack_info(
    version: int,
    files: int,
    program: bytes,
    used: int,
    free: int,
    case_mv: int,
    cell_mv: int,
    name: str,
    firmware: str,
) -> bytes:
    """The answer to INFO: number of files, SHA-256 over them, heap bytes used and free, the mV of
    the battery in the case and of the strip's coin cell (0: not known), the interpreter's name and
    the firmware's version."""
    head = struct.pack(_INFO, version, files, program, used, free, case_mv, cell_mv)
    return head + (name + "\0" + firmware).encode()


def unpack_info(body: bytes) -> tuple[int, int, bytes, int, int, int, int, str, str]:
    """(version, files, program, used, free, case_mv, cell_mv, name, firmware). Raises ValueError
    when malformed."""
    size = struct.calcsize(_INFO)
    if len(body) < size:
        raise ValueError(f"INFO of {len(body)} bytes")
    version, files, program, used, free, case_mv, cell_mv = struct.unpack(_INFO, body[:size])
    name, firmware = body[size:].decode().split("\0")
    return version, files, program, used, free, case_mv, cell_mv, name, firmware


def pack_clock(utc_s: int, ms: int, offset_min: int, change_utc_s: int, then_min: int) -> bytes:
    """The CLOCK request's body: UTC, the wearer's offset from it in minutes, the offset's next
    change (0: none known) and the offset from then on."""
    return struct.pack(_CLOCK, utc_s, ms, offset_min, change_utc_s, then_min)


def unpack_clock(body: bytes) -> tuple[int, int, int, int, int]:
    """(utc_s, ms, offset_min, change_utc_s, then_min). Raises ValueError when not plausible."""
    if len(body) != struct.calcsize(_CLOCK):
        raise ValueError("length")
    utc_s, ms, offset, change, then = struct.unpack(_CLOCK, body)
    is_near = max(abs(offset), abs(then)) <= MOST_OFFSET
    if not (EARLIEST_UTC <= utc_s <= LATEST_UTC and ms <= 999 and is_near):
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


def pack_measure(vital: int) -> bytes:
    """The request to measure a vital sign (items.VITAL_*)."""
    return bytes((MEASURE, vital))


def unpack_measure(request: bytes) -> int:
    """The vital sign; 0 when it is no MEASURE."""
    return request[1] if len(request) == 2 and request[0] == MEASURE else 0


def pack_key_id(key_id: int) -> bytes:
    """The answer to SEAL: the first four bytes of the SHA-256 of the key that seals; 0: none."""
    return struct.pack("<I", key_id)


def unpack_key_id(body: bytes) -> int:
    """The key's id. Raises ValueError on another length."""
    if len(body) != 4:
        raise ValueError(f"a key's id of {len(body)} bytes")
    return struct.unpack("<I", body)[0]


def unlikely(references: bytes) -> str:
    """What speaks against three readings of a cuff as references: u8 systolic of each, then u8
    diastolic of each, in mmHg. Nothing: an empty text."""
    systolic, diastolic = references[:CUFF_READINGS], references[CUFF_READINGS:]
    if len(systolic) != CUFF_READINGS or len(diastolic) != CUFF_READINGS:
        return "three are needed"
    for values, (low, high, spread) in ((systolic, SYSTOLIC), (diastolic, DIASTOLIC)):
        if min(values) < low or max(values) > high:
            return "one is out of range"
        if max(values) - min(values) > spread:
            return "they are too far apart"
    if min(systolic[i] - diastolic[i] for i in range(CUFF_READINGS)) < LEAST_PULSE:
        return "in one systolic and diastolic are too close"
    return ""


def pack_calibration(is_running: bool, status: int, progress: int, utc_s: int) -> bytes:
    """The answer to CALIBRATE: whether one is under way; how that goes now, else how the last one
    ended (items.STATUS_*); its percent; when the one that holds was made (0: there is none)."""
    return struct.pack(_CALIBRATION, is_running, status, progress, utc_s)


def unpack_calibration(body: bytes) -> tuple[bool, int, int, int]:
    """(is_running, status, progress, utc_s). Raises ValueError on another length."""
    if len(body) != struct.calcsize(_CALIBRATION):
        raise ValueError(f"a calibration of {len(body)} bytes")
    is_running, status, progress, utc_s = struct.unpack(_CALIBRATION, body)
    return bool(is_running), status, progress, utc_s


def pack_pairing(version: int, counter: int) -> bytes:
    """The manufacturer data while pairing is open: the counter of the next passkey."""
    return _PAIRING_MAGIC + struct.pack(_PAIRING, version, counter)


def unpack_pairing(data: bytes) -> tuple[int, int]:
    """(version, counter). Raises ValueError when it is something else."""
    if len(data) != 2 + struct.calcsize(_PAIRING) or data[:2] != _PAIRING_MAGIC:
        raise ValueError("no pairing counter")
    version, counter = struct.unpack(_PAIRING, data[2:])
    return version, counter
