"""MAX32664D: the hub that estimates a blood pressure from a finger (Maxim UG6921, UG6806).

It takes commands: write one, wait, read a status byte and what was asked for. This is the form of
its firmware 40.0 to 40.4; from 40.5 on vectors, samples and calibration are others.
"""

import struct

ADDRESS = 0x55
VECTOR_BYTES = 824  # of a user's calibration
REFUSED = 5  # errno: the hub answers, and says no

NO_SIGNAL = 0  # `status`
IN_PROGRESS = 1
SUCCESS = 2
WEAK_SIGNAL = 3
MOTION = 4
FAILURE = 5
PARTLY_CALIBRATED = 6

_RESET_MS = 10
_START_MS = 1500
_APPLICATION = 0
_MAJOR, _MINOR = 40, 5

_HUB_STATUS = b"\x00\x00"
_MODE = b"\x02\x00"
_OUTPUT_BOTH = b"\x10\x00\x03"
_THRESHOLD_15 = b"\x10\x01\x0f"
_COUNT = b"\x12\x00"
_FIFO = b"\x12\x01"
_SENSOR_ON = b"\x44\x03\x01"
_SENSOR_OFF = b"\x44\x03\x00"
_SET_SYSTOLIC = b"\x50\x04\x01"
_SET_DIASTOLIC = b"\x50\x04\x02"
_SET_VECTOR = b"\x50\x04\x03"
_SET_TIME = b"\x50\x04\x04"
_SET_SPO2 = b"\x50\x04\x06"
_GET_VECTOR = b"\x51\x04\x03"
_GAIN_CONTROL = b"\x52\x00\x01"
_ALGORITHM_OFF = b"\x52\x04\x00"
_CALIBRATE = b"\x52\x04\x01"
_ESTIMATE = b"\x52\x04\x02"
_VERSION = b"\xff\x03"

_OK = 0x00
_AGAIN = (0x05, 0xFE, 0xFF)  # the one or the other guide's, and what is cured by waiting
_EBUSY = 16
_TRIES = 5  # of a command, each with twice the delay of the one before
_DELAY_MS = 10
_SENSOR_DELAY_MS = 60
_ALGORITHM_DELAY_MS = 320
_SENSOR_LOST = 0x01  # of the hub's status: it does not reach its light sensor
_SAMPLE = ">BBHBBH"  # status, progress, 10 bpm, systolic, diastolic, 10 SpO2: of a sample from
_SAMPLE_AT = 12  # this byte on; before lies the light, after it what is not looked at
_SAMPLE_BYTES = 23
_BURST = 16  # samples read at once: 8 ms of the bus
# Of SpO2 = A r^2 + B r + C, in 1e-5: the guide's example, which is no calibration of a housing.
_SPO2 = struct.pack(">iii", 159584, -3465966, 11268987)


class MAX32664D:
    """The hub at `address` of `bus`, with its pins as functions of a level: `rstn`, and `mfio`,
    which is let go at 1. `sleep_ms` waits, awaited, so that nobody else has to.

    What the newest sample says: `status`, `progress` in percent; once that is 100 with SUCCESS
    `systolic` and `diastolic` in mmHg; and `bpm` and `spo2`, 0 where unknown.
    """

    def __init__(self, bus, rstn, mfio, sleep_ms, address: int = ADDRESS) -> None:
        self._bus = bus
        self._rstn = rstn
        self._mfio = mfio
        self._sleep_ms = sleep_ms
        self._address = address
        self._is_asked = False
        self._forget()

    def _forget(self) -> None:
        self.status = NO_SIGNAL
        self.progress = self.systolic = self.diastolic = self.bpm = self.spo2 = 0

    async def reset(self) -> None:
        """Start it again, whatever it does; it takes 1.5 s to answer."""
        self._mfio(1)  # low would be its bootloader
        self._rstn(0)
        await self._sleep_ms(_RESET_MS)
        self._rstn(1)
        self._forget()

    async def start(self) -> None:
        """Start it again and wait for it; who else asks it something waits, too. Raises OSError
        when it does not come up."""
        await self._turn()
        try:
            await self.reset()
            await self._sleep_ms(_START_MS)
        finally:
            self._is_asked = False
        if (await self._ask(_MODE, 1))[1] != _APPLICATION:
            raise OSError(REFUSED, "in its bootloader")

    async def is_known(self) -> bool:
        """Whether the firmware is one that is spoken here. Raises OSError when none answers."""
        _, major, minor, _ = await self._ask(_VERSION, 3)
        return major == _MAJOR and minor < _MINOR

    async def calibrate(self, date: int, time: int, systolic: bytes, diastolic: bytes) -> None:
        """Begin to learn a user by three references of a cuff (mmHg), at YYMMDD, HHMMSS; it takes
        until `progress` is 100 with SUCCESS, about a minute. Raises OSError.
        """
        await self._set_time(date, time)
        await self._ask(_SET_SYSTOLIC + systolic)
        await self._ask(_SET_DIASTOLIC + diastolic)
        await self._begin(_CALIBRATE)

    async def vector(self) -> bytes:
        """What was learned of the user: VECTOR_BYTES, to be had once stopped. Raises OSError."""
        return bytes((await self._ask(_GET_VECTOR, VECTOR_BYTES, _SENSOR_DELAY_MS))[1:])

    async def estimate(self, date: int, time: int, vector: bytes) -> None:
        """Begin to estimate the blood pressure of the user with that vector. Raises OSError."""
        await self._ask(_SET_VECTOR + vector, 0, _SENSOR_DELAY_MS)  # in one write
        await self._set_time(date, time)
        await self._ask(_SET_SPO2 + _SPO2)
        await self._ask(_GAIN_CONTROL, 0, _SENSOR_DELAY_MS)
        await self._begin(_ESTIMATE)

    async def _set_time(self, date: int, time: int) -> None:
        await self._ask(_SET_TIME + struct.pack("<II", date, time))

    async def _begin(self, algorithm: bytes) -> None:
        await self._ask(_OUTPUT_BOTH)
        await self._ask(_THRESHOLD_15)
        await self._ask(_SENSOR_ON, 0, _SENSOR_DELAY_MS)
        await self._ask(algorithm, 0, _ALGORITHM_DELAY_MS)

    async def stop(self) -> None:
        """LEDs off, algorithm off. Raises OSError."""
        await self._ask(_SENSOR_OFF, 0, _SENSOR_DELAY_MS)
        await self._ask(_ALGORITHM_OFF, 0, _ALGORITHM_DELAY_MS)

    async def read(self) -> int:
        """Take all samples that wait; how many. Raises OSError."""
        if (await self._ask(_HUB_STATUS, 1))[1] & _SENSOR_LOST:
            raise OSError(REFUSED, "its light sensor does not answer")
        total = left = (await self._ask(_COUNT, 1))[1]
        while left:
            count = min(left, _BURST)
            burst = await self._ask(_FIFO, count * _SAMPLE_BYTES)
            left -= count
            self._note(burst, len(burst) - _SAMPLE_BYTES + _SAMPLE_AT)
        return total

    def _note(self, burst: bytearray, at: int) -> None:
        self.status, self.progress, bpm, self.systolic, self.diastolic, spo2 = struct.unpack_from(
            _SAMPLE, burst, at
        )
        self.bpm, self.spo2 = (bpm + 5) // 10, (spo2 + 5) // 10

    async def _ask(self, command: bytes, size: int = 0, delay_ms: int = _DELAY_MS) -> bytearray:
        """The status byte OK and `size` bytes after it. A hub that is not ready, and a bus that
        fails, are tried again. Raises OSError; its errno is REFUSED when the hub said no."""
        answer = bytearray(1 + size)
        for left in range(_TRIES - 1, -1, -1):
            try:
                if await self._answered(command, answer, delay_ms):
                    return answer
            except OSError as error:
                if not left or error.errno == REFUSED:
                    raise
            delay_ms *= 2
        raise OSError(_EBUSY, "the hub is never ready")

    async def _turn(self) -> None:
        while self._is_asked:  # by another task
            await self._sleep_ms(_DELAY_MS)
        self._is_asked = True

    async def _answered(self, command: bytes, answer: bytearray, delay_ms: int) -> bool:
        await self._turn()
        try:
            self._bus.writeto(self._address, command)
            await self._sleep_ms(delay_ms)
            self._bus.readfrom_into(self._address, answer)
        finally:
            self._is_asked = False
        if answer[0] == _OK:
            return True
        if answer[0] in _AGAIN:
            return False
        raise OSError(REFUSED, f"status {answer[0]:#04x}")
