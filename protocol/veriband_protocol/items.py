"""The journal's items: how minutes, gaps, boots, clock anchors and events are put into bytes.

Items follow each other without separators. Each has a sequence number that is never written: it
follows from the number of the first one. Time is not written either: a boot begins at 0 ms, a
minute or gap begins where the one before it ended.

    00-7F          a minute of that many steps
    80-BF          a run of (tag & 3F) + 1 minutes without a step: as many numbers as minutes
    C0 n           a minute of 128 + n steps
    C1-FF len ...  anything else, below; an unknown tag counts one number and takes no time
"""

MINUTE_MS = 60000
MAX_MINUTE_STEPS = 383
MAX_RUN = 64

LONG_MINUTE = 0xC0
GAP = 0xC1  # varint ms, varint steps, reason: steps that belong to no minute
BOOT = 0xC2  # varint boot, cause, varint steps counted since the last item of the boot before
ANCHOR = 0xC3  # varint ms after the last minute, u32 UTC s, u16 ms, i16 offset min, source
EVENT = 0xC4  # varint ms after the last minute, code, data
HOLE = 0xC5  # varint count: numbers that a loss of power took, `count` of them
READING = 0xC6  # varint s after the last minute or gap, pack_sign of each vital sign
TOTAL = 0xC7  # a minute that ended when the step counter stood at this u16
COUNT = 0xC8  # the step counter stands at this u16: the next TOTAL's increment counts from here

REASON_CLOCK = 1  # the clock was set: minutes begin elsewhere now
REASON_NO_READING = 2  # the step sensor did not answer when a minute ended
REASON_SENSOR_RESET = 3  # the step sensor started again from nothing
REASON_LATE = 4  # the band woke too late to close the minute
REASON_IMPLAUSIBLE = 5  # more steps than a minute can hold

CAUSE_POWER_ON = 1
CAUSE_RESET = 2  # hardware reset, panic or brown-out
CAUSE_WATCHDOG = 3
CAUSE_SOFT = 4  # the firmware asked for it
CAUSE_SLEEP = 5

SOURCE_HOST = 1  # a host set the clock
SOURCE_KEPT = 2  # the band kept the time itself over a restart

VITAL_HEART_RATE = 1  # bpm, quality in percent
VITAL_SPO2 = 2  # percent, quality in percent; uncalibrated
VITAL_BLOOD_PRESSURE = 3  # systolic, diastolic in mmHg

STATUS_OK = 0
STATUS_NOT_WORN = 1
STATUS_NO_PULSE = 2
STATUS_MOVING = 3  # the arm's rhythm drowns the pulse
STATUS_NO_SENSOR = 4
STATUS_TIMED_OUT = 5
STATUS_BUSY = 6  # with another request
STATUS_UNCALIBRATED = 7  # no calibration with a cuff, an old one, or no clock to tell its age by
STATUS_FAILED = 8  # the sensor itself gave up, or what was measured cannot be true
STATUSES = (
    "ok", "not worn", "no pulse", "moving", "no sensor", "timed out", "busy",
    "not calibrated", "failed",
)  # fmt: skip

EVENT_SENSOR_LOST = 1
EVENT_SENSOR_BACK = 2
EVENT_BONDED = 3
EVENT_PAIRING_FAILED = 4
EVENT_FAULT = 5  # the firmware caught an exception: UTF-8 text follows
EVENT_KEY = 6  # a contest's organiser enrolled a key: its id follows
EVENT_STRIP = 7  # one came or went: sockets.pack_strip. None is in when a boot begins
EVENT_CYCLE = 8  # a detection cycle began: its date, days since 2000-01-01 as u16
EVENT_BROADCAST = 9  # the heart rate is for anybody from now on: 1, or no more: 0
EVENT_LOW_BATTERY = 10  # battery.pack_battery
EVENT_CALIBRATED = 11  # a calibration with a cuff has ended: its STATUS_*; only OK replaces one
EVENT_FILES_LOST = 12  # bonds, keys, calibration: the file system was damaged and made anew
EVENT_PROFILE = 13  # another power profile: it follows, a byte
EVENT_HANDED_OVER = 14  # everything of the wearer before was wiped; behind the log's first boot


def pack_sign(vital: int, status: int, first: int = 0, second: int = 0) -> bytes:
    """A vital sign with its status (both 0-15) and, where that is ok, its two numbers."""
    head = vital << 4 | status
    return bytes((head, first, second)) if status == STATUS_OK else bytes((head,))


def unpack_signs(data: bytes) -> list[tuple[int, int, int, int]]:
    """(vital, status, first, second) of each sign; the numbers 0 unless it is ok. Raises
    ValueError when there is none, or one is cut."""
    signs: list[tuple[int, int, int, int]] = []
    i = 0
    while i < len(data):
        vital, status = data[i] >> 4, data[i] & 0x0F
        after = i + 3 if status == STATUS_OK else i + 1
        if after > len(data):
            raise ValueError("a vital sign that is cut")
        first, second = data[i + 1 : after] if status == STATUS_OK else (0, 0)
        signs.append((vital, status, first, second))
        i = after
    if not signs:
        raise ValueError("no vital sign")
    return signs


def put_varint(buf: bytearray, i: int, value: int) -> int:
    """Write `value` (0 or more) at `i`, seven bits a byte, lowest first; the index after it."""
    while value > 0x7F:
        buf[i] = 0x80 | (value & 0x7F)
        value >>= 7
        i += 1
    buf[i] = value
    return i + 1


def get_varint(buf: bytes | bytearray | memoryview, i: int) -> tuple[int, int]:
    """The varint at `i` and the index after it. Raises ValueError when it is cut or too long."""
    value = 0
    for k in range(7):
        if i + k >= len(buf):
            break
        byte = buf[i + k]
        value |= (byte & 0x7F) << (7 * k)
        if byte < 0x80:
            return value, i + k + 1
    raise ValueError("varint cut or too long")


def minutes_at(tag: int) -> int:
    """How many minutes the item with this tag holds: 0 for anything but minutes."""
    if tag < 0x80 or tag == LONG_MINUTE:
        return 1
    return (tag & 0x3F) + 1 if tag < LONG_MINUTE else 0


class Position:
    """Where an item stands: its sequence number, its boot, and the boot's time in ms at it."""

    def __init__(self, seq: int = 0, boot: int = 0, t_ms: int = 0) -> None:
        self.seq = seq
        self.boot = boot
        self.t_ms = t_ms

    def step(self, buf: bytes | bytearray | memoryview, i: int) -> int:
        """Pass over the item at `i`; the index after it. Raises ValueError if it is malformed."""
        tag = buf[i]
        minutes = minutes_at(tag)
        if minutes:
            after = i + 2 if tag == LONG_MINUTE else i + 1
            if after > len(buf):
                raise ValueError("item cut")
            self.seq += minutes
            self.t_ms += minutes * MINUTE_MS
            return after
        body = i + 2
        if body > len(buf) or body + buf[i + 1] > len(buf):
            raise ValueError("item cut")
        after = body + buf[i + 1]
        count = 1
        if tag == HOLE:
            count = get_varint(buf, body)[0]
        elif tag == GAP:
            self.t_ms += get_varint(buf, body)[0]
        elif tag == TOTAL:
            self.t_ms += MINUTE_MS
        elif tag == BOOT:
            self.boot = get_varint(buf, body)[0]
            self.t_ms = 0
        self.seq += count
        return after

    def copy(self) -> "Position":
        """Another Position with the same values."""
        return Position(self.seq, self.boot, self.t_ms)


def tail(buf: bytes | bytearray | memoryview, at: Position, seq: int) -> bytes:
    """The items of `buf` from number `seq` on, a run or hole that it falls into cut in two.

    `at` is where `buf` begins; it is moved to where the result begins (at or before `seq` when
    `buf` ends before it). Raises ValueError when an item is malformed.
    """
    i = 0
    while i < len(buf) and at.seq < seq:
        before = at.copy()
        after = at.step(buf, i)
        if at.seq > seq:  # only runs and holes have more than one number
            rest = at.seq - seq
            if buf[i] == HOLE:
                head = bytearray(9)
                head[0] = HOLE
                head[1] = put_varint(head, 2, rest) - 2
                at.seq = seq
                return bytes(head[: 2 + head[1]]) + bytes(buf[after:])
            at.t_ms = before.t_ms + (seq - before.seq) * MINUTE_MS
            at.seq = seq
            return bytes((0x80 | (rest - 1),)) + bytes(buf[after:])
        i = after
    return bytes(buf[i:])
