"""The hub on the strip, as a model written from its user guides, and the finger that is on it."""

from __future__ import annotations

import random
import struct
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal
from zlib import crc32

from veriband_simulator.chips import Faulty, Nack, Unmodelled

OK, UNAVAILABLE, BAD_FORMAT, BAD_VALUE, TRY_AGAIN = 0x00, 0x01, 0x03, 0x04, 0xFE
NO_SIGNAL, IN_PROGRESS, SUCCESS, WEAK_SIGNAL, MOTION, FAILURE = range(6)
VECTOR_BYTES = 824
DEPTH = 32
SAMPLE_US = 10_000
CALIBRATION_US = 60_000_000  # of a finger that lies still
ESTIMATION_US = 20_000_000
MOST_CHANGE = 40.0  # mmHg away from the calibration, beyond which an estimation fails

_BOOT_US = 1_000_000
_DELAY_US = 2_000
# What takes longer until it can be answered, by family and index.
_DELAYS_US = {
    (0x44, 0x03): 40_000, (0x50, 0x04): 10_000, (0x51, 0x04): 30_000, (0x52, 0x00): 20_000,
    (0x52, 0x04): 200_000,
}  # fmt: skip
_APPLICATION, _BOOTLOADER = 0x00, 0x08
_OFF, _CALIBRATING, _ESTIMATING = range(3)
_TO_GET = {
    _CALIBRATING: ("systolic", "diastolic", "time"),
    _ESTIMATING: ("vector", "time", "spo2"),
}
_VECTOR = "<4s4d"  # magic, mean references, the finger's own pressures then; noise; a CRC-32
_MAGIC = b"BPT\x01"
_SYSTOLIC, _DIASTOLIC = range(70, 201), range(40, 131)  # what may be a reference

Signal = Literal["good", "weak", "moving"]


@dataclass(frozen=True)
class Finger:
    """What lies on the hub: true pressures in mmHg, pulse in bpm, SpO2 in percent."""

    systolic: float
    diastolic: float
    pulse_bpm: float = 70.0
    spo2: float = 97.0
    signal: Signal = "good"


@dataclass
class _Answer:
    """What a command will be answered with from `ready_us` on: made when it is read."""

    ready_us: int
    made: Callable[[int], bytes]


class Max32664d(Faulty):
    """MAX32664D with firmware `version` (Maxim UG6921, UG6806) and its light sensor: commands and
    their delays, both modes, the FIFO of samples, calibration and estimation.

    What the guides do not say is our choice: the depth of the FIFO, whose oldest samples are lost;
    how long a calibration and an estimation take; that a finger that is lifted begins anew; what
    is in the vector; and what is estimated: the mean of the references and what the finger's own
    pressures have changed by since.
    """

    address = 0x55

    def __init__(
        self, now_us: Callable[[], int], version: tuple[int, int, int] = (40, 2, 2)
    ) -> None:
        self._now_us = now_us
        self._version = version
        self._finger: Finger | None = None
        self._rstn = self._mfio = 1
        self.power_on()

    # What hands do.

    def finger(
        self,
        systolic: float,
        diastolic: float,
        pulse_bpm: float = 70.0,
        spo2: float = 97.0,
        signal: Signal = "good",
    ) -> None:
        """Somebody puts a finger on it, or moves the one that is there."""
        self._settle()
        self._finger = Finger(systolic, diastolic, pulse_bpm, spo2, signal)

    def lifted(self) -> None:
        """The finger is gone."""
        self._settle()
        self._finger = None

    # Supply and pins.

    def power_on(self) -> None:
        """Its supply has come: it knows nothing, and starts."""
        self.hung = False  # commands are not executed, samples do not come, until a reset
        self.sensor_lost = False  # it does not reach its light sensor
        self._mode = _APPLICATION if self._mfio else _BOOTLOADER
        self._boots_us = self._now_us() + _BOOT_US
        self._answer: _Answer | None = None
        self._given: dict[str, bytes] = {}
        self._learned: bytes | None = None
        self._output = 0
        self._has_sensor = False
        self._algorithm = _OFF
        self._begin()

    def pins(self, rstn: int, mfio: int) -> None:
        """The levels at its pins. It starts when RSTN rises, in the mode that MFIO tells then."""
        rises = rstn > self._rstn
        self._rstn, self._mfio = rstn, mfio
        if rises:
            self.power_on()

    # The algorithm.

    def _begin(self) -> None:
        """The algorithm begins anew."""
        self._sampled_us = self._now_us()
        self._felt_us = 0
        self._status = NO_SIGNAL
        self._fifo: deque[bytes] = deque()
        self._overflowed = False

    @property
    def is_lit(self) -> bool:
        """Whether its LEDs are on."""
        return self._has_sensor and self._rstn == 1

    def _settle(self) -> None:
        """Take the samples up to now."""
        while self._sampled_us + SAMPLE_US <= self._now_us():
            self._sampled_us += SAMPLE_US
            if self.is_lit and self._output and self._algorithm and not self.hung:
                if len(self._fifo) == DEPTH:
                    self._fifo.popleft()
                    self._overflowed = True
                self._fifo.append(self._sample())

    def _sample(self) -> bytes:
        finger = self._finger
        if finger is None:
            self._status, self._felt_us = NO_SIGNAL, 0
            return bytes(3 * [0, 0x08, 0]).ljust(23, b"\0")
        if finger.signal != "good":
            self._status = WEAK_SIGNAL if finger.signal == "weak" else MOTION
        elif self._status != FAILURE:
            self._felt_us += SAMPLE_US
            self._status = IN_PROGRESS
        whole_us = CALIBRATION_US if self._algorithm == _CALIBRATING else ESTIMATION_US
        progress = min(100, 100 * self._felt_us // whole_us)
        systolic, diastolic = 0, 0
        if progress == 100 and finger.signal == "good":
            systolic, diastolic = self._found(finger)
        light = (b"\x01\x86\xa0" + b"\x01\x38\x80").ljust(12, b"\0")
        return light + struct.pack(
            ">BBHBBHHB", self._status, progress, round(10 * finger.pulse_bpm), systolic, diastolic,
            round(10 * finger.spo2), 600, finger.pulse_bpm <= 95,
        )  # fmt: skip

    def _found(self, finger: Finger) -> tuple[int, int]:
        """What comes of the algorithm when it is through; the status says how."""
        self._status = SUCCESS
        if self._algorithm == _CALIBRATING:
            means = [sum(self._given[name]) / 3 for name in ("systolic", "diastolic")]
            if self._learned is None:
                self._learned = _vector(means, finger)
            return round(means[0]), round(means[1])
        known = _unpacked(self._given["vector"])
        if known is not None:
            means, then = known
            changes = (finger.systolic - then[0], finger.diastolic - then[1])
            if max(map(abs, changes)) <= MOST_CHANGE:
                return round(means[0] + changes[0]), round(means[1] + changes[1])
        self._status = FAILURE
        return 0, 0

    # The bus.

    def acknowledge(self) -> None:
        """Begin a transaction. Raises Nack, as long as it is in reset or starts."""
        super().acknowledge()
        if not self._rstn or self._now_us() < self._boots_us:
            raise Nack
        self._settle()

    def read(self, register: int, size: int) -> bytes:
        """It wants a STOP and a delay between a command and the read of its answer."""
        raise Unmodelled("MAX32664D: a read with a repeated START")

    def write(self, register: int, data: bytes) -> None:
        """A command: family, index and data. One that comes while another is under way takes its
        place. Raises Nack."""
        self.acknowledge()
        if not data:
            raise Unmodelled(f"MAX32664D family {register:#04x} without an index")
        delay_us = _DELAYS_US.get((register, data[0]), _DELAY_US)
        self._answer = _Answer(self._now_us() + delay_us, self._done(register, data[0], data[1:]))

    def receive(self, size: int) -> bytes:
        """The answer to the last command, once: a status and data. Raises Nack."""
        self.acknowledge()
        answer = self._answer
        if self.hung or answer is None or self._now_us() < answer.ready_us:
            return bytes((TRY_AGAIN,)).ljust(size, b"\0")
        self._answer = None
        return answer.made(size - 1)[:size].ljust(size, b"\0")

    def _done(self, family: int, index: int, data: bytes) -> Callable[[int], bytes]:
        """Execute a command; what makes its answer."""
        asked: dict[tuple[int, int, bytes], Callable[[int], bytes]] = {
            (0x02, 0x00, b""): _saying(self._mode),
            (0x00, 0x00, b""): lambda _: bytes((OK, self._hub_status())),
            (0x12, 0x00, b""): lambda _: bytes((OK, len(self._fifo))),
            (0x12, 0x01, b""): self._pop,
            (0x51, 0x04, b"\x03"): _saying(*self._learned or b"", status=self._known()),
            (0xFF, 0x03, b""): _saying(*self._version),
        }
        told: dict[tuple[int, int], Callable[[bytes], int]] = {
            (0x10, 0x00): self._set_output,
            (0x10, 0x01): lambda _: OK,  # MFIO is not looked at
            (0x44, 0x03): self._switch_sensor,
            (0x50, 0x04): self._take,
            (0x52, 0x00): lambda _: OK,  # the light is what it is
            (0x52, 0x04): self._run,
        }
        if self._mode == _BOOTLOADER and family != 0x02:
            return _saying(status=UNAVAILABLE)
        if (family, index, data) in asked:
            return asked[family, index, data]
        if (family, index) not in told or not data:
            raise Unmodelled(f"MAX32664D command {family:#04x} {index:#04x} {data.hex()}")
        return _saying(status=told[family, index](data))

    def _known(self) -> int:
        return BAD_VALUE if self._learned is None else OK

    def _set_output(self, data: bytes) -> int:
        self._output = data[0]
        return OK

    def _switch_sensor(self, data: bytes) -> int:
        self._has_sensor = bool(data[0])
        self._begin()
        return OK

    def _hub_status(self) -> int:
        ready, overflowed = 8 * bool(self._fifo), 16 * self._overflowed
        self._overflowed = False
        return int(self.sensor_lost) | ready | overflowed

    def _pop(self, size: int) -> bytes:
        count = min(size // 23, len(self._fifo))
        return bytes((OK,)) + b"".join(self._fifo.popleft() for _ in range(count))

    def _take(self, data: bytes) -> int:
        """A setting for the algorithm; the status."""
        what, data = data[0], data[1:]
        settings = {
            0x01: ("systolic", 3), 0x02: ("diastolic", 3), 0x03: ("vector", VECTOR_BYTES),
            0x04: ("time", 8), 0x06: ("spo2", 12),
        }  # fmt: skip
        if what not in settings:
            raise Unmodelled(f"MAX32664D setting {what:#04x}")
        name, size = settings[what]
        if len(data) != size:
            return BAD_FORMAT
        likely = {"systolic": _SYSTOLIC, "diastolic": _DIASTOLIC}.get(name, range(256))
        if any(value not in likely for value in data) or (name == "time" and not _is_time(data)):
            return BAD_VALUE
        self._given[name] = data
        return OK

    def _run(self, data: bytes) -> int:
        """Start an algorithm, or stop; the status."""
        algorithm = data[0]
        missing = [name for name in _TO_GET.get(algorithm, ()) if name not in self._given]
        if missing or algorithm > _ESTIMATING:
            return BAD_VALUE
        self._algorithm = algorithm
        if algorithm == _CALIBRATING:
            self._learned = None
        self._begin()
        return OK


def _saying(*data: int, status: int = OK) -> Callable[[int], bytes]:
    return lambda _: bytes((status, *data))


def _is_time(data: bytes) -> bool:
    """Whether it is YYMMDD and HHMMSS, as numbers of 32 bits."""
    date, time = struct.unpack("<II", data)
    fields = [value // 100**k % 100 for value in (date, time) for k in range(3)]
    day, month, _, second, minute, hour = fields
    likely = 1 <= day <= 31 and 1 <= month <= 12 and second < 60 and minute < 60 and hour < 24
    return likely and max(date, time) < 1_000_000


def _vector(means: list[float], finger: Finger) -> bytes:
    known = struct.pack(_VECTOR, _MAGIC, *means, finger.systolic, finger.diastolic)
    noise = random.Random(known).randbytes(VECTOR_BYTES - 4 - len(known))
    return known + noise + struct.pack("<I", crc32(known + noise))


def _unpacked(vector: bytes) -> tuple[tuple[float, float], tuple[float, float]] | None:
    """(mean references, the finger's pressures then); None when it is no calibration's."""
    if struct.unpack("<I", vector[-4:])[0] != crc32(vector[:-4]):
        return None
    _, systolic, diastolic, *then = struct.unpack_from(_VECTOR, vector)
    return (systolic, diastolic), (then[0], then[1])
