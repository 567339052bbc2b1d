"""A measurement of the pulse: the sensor and the arm's motion sampled together, 11 s."""

import asyncio
from array import array

from band.beats import WINDOW
from band.heart import WORN, Heart
from band.oxygen import Oxygen
from drivers.max30102 import RATE_HZ
from veriband_protocol import items

_INFRARED = 36  # 7.2 mA, in 0.2 mA
_RED = 36
_SETTLING_MS = 1000  # the first samples are of a LED and an amplifier that settle
_READ_MS = 1000  # the FIFO holds 1.28 s
_SAMPLE_MS = 1000 // RATE_HZ
_MOTION = 320  # room for 26 Hz over the window, whatever the two chips' clocks
LEAST_MOTION = 213  # four fifths of what it should be
_WINDOWS = 3  # so many are begun, as samples may be lost
_TRIES = 3  # of a transaction


class Pulse:
    """Measures with `light` (a MAX30102) and `arm` (an LSM6DSOX), once at a time. `bpm` and
    `quality` are of the last measurement, 0 unless it was OK, `oxygen` of the last with red light.
    """

    def __init__(self, light, arm) -> None:
        self.bpm = 0
        self.quality = 0
        self._light = light
        self._arm = arm
        self.oxygen = Oxygen()
        self._heart = Heart()
        self._red = array("i", bytes(4 * WINDOW))
        self._infrared = array("i", bytes(4 * WINDOW))
        self._x = array("h", bytes(2 * _MOTION))
        self._y = array("h", bytes(2 * _MOTION))
        self._z = array("h", bytes(2 * _MOTION))
        self._stop()  # a reset in mid-measurement leaves the LED lit

    async def measure(self, with_red: bool = False) -> int:
        """The status of a measurement, items.STATUS_*. The red LED, without which there is no
        `oxygen`, stays dark unless it is asked for."""
        self.bpm = self.quality = 0
        try:
            status = await self._measure(_RED if with_red else 0)
        except OSError:
            status = items.STATUS_NO_SENSOR
        finally:
            self._stop()
        if with_red:
            self._saturation(status)
        return status

    def _saturation(self, status: int) -> None:
        """What the window says of it in which the pulse had that status."""
        if status != items.STATUS_OK:
            self.oxygen.refuse(status)
        elif self._heart.moving:
            self.oxygen.refuse(items.STATUS_MOVING)
        else:
            self.oxygen.estimate(self._red, self._infrared)

    def _stop(self) -> None:
        for stop in (self._light.stop, self._arm.stop_motion):
            try:
                insist(stop)
            except OSError:
                pass  # it is not there

    def _begin(self, red: int = _RED) -> None:
        insist(self._light.begin, red, _INFRARED)

    async def _measure(self, red: int) -> int:
        self._begin(red)
        for _ in range(_WINDOWS):
            await asyncio.sleep_ms(_SETTLING_MS)
            count = insist(self._light.read, self._red, self._infrared, 0)
            if count == 0:
                break
            if self._infrared[count - 1] < WORN:
                return items.STATUS_NOT_WORN
            insist(self._arm.start_motion)
            count = insist(self._arm.steps)
            if await self._fill():
                moved = self._arm.read_motion(self._x, self._y, self._z)
                if moved < LEAST_MOTION:
                    break
                return self._estimate(moved, insist(self._arm.steps) - count & 0xFFFF)
        return items.STATUS_TIMED_OUT

    async def _fill(self) -> bool:
        """Sample a window; False when samples were lost, or stopped."""
        at = 0
        while at < WINDOW:
            await asyncio.sleep_ms(min(_READ_MS, (WINDOW - at + 1) * _SAMPLE_MS))
            count = insist(self._light.read, self._red, self._infrared, at)
            if self._light.lost or count == 0:
                return False
            at += count
        return True

    def _estimate(self, moved: int, steps: int) -> int:
        heart = self._heart
        status = heart.estimate(self._infrared, self._x, self._y, self._z, moved, steps)
        self.bpm, self.quality = heart.bpm, heart.quality
        return status


def insist(transaction, *arguments):
    """What the transaction gives. Raises OSError when it fails again and again."""
    for _ in range(_TRIES - 1):
        try:
            return transaction(*arguments)
        except OSError:
            pass
    return transaction(*arguments)
