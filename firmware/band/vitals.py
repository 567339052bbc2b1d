"""Vital signs: after active minutes, in each period, and when a host asks; into the journal."""

import asyncio

from band.heart import WINDOW
from band.tasks import Bell
from drivers.max30102 import RATE_HZ
from veriband_protocol import items, sockets

ACTIVE_STEPS = 40  # a minute with so many is followed by a heart rate
_HALF_MS = WINDOW * 500 // RATE_HZ  # of a measurement's window
_NO_SENSOR = items.pack_sign(items.VITAL_HEART_RATE, items.STATUS_NO_SENSOR)


class Vitals:
    """Measures with `pulse` and `pressure` on `strip` into `record`; `cycles` says when a period
    wants it.
    """

    # What can be asked for.
    KNOWN = (items.VITAL_HEART_RATE, items.VITAL_SPO2, items.VITAL_BLOOD_PRESSURE)

    def __init__(self, pulse, pressure, strip, record, cycles) -> None:
        self._pulse = pulse
        self._pressure = pressure
        self._strip = strip
        self._record = record
        self._cycles = cycles
        self.wanted = Bell()
        self._ended = None  # the Event of a measurement under way
        self._with_red = False  # so is the last one's light
        self._asked = False
        self._latest = b""  # signs
        self._is_out = False  # and that is told

    def walked(self, steps: int) -> None:
        """A minute of so many steps has ended."""
        self._strip.check()
        self._cycles.minute(steps)
        if steps >= ACTIVE_STEPS or self._cycles.is_due:
            self.wanted.set()

    async def run(self) -> None:
        """Measure after each active minute, and once in each period."""
        while True:
            await self.wanted.wait()
            await self._measure(self._cycles.is_due)

    async def answer(self, vital: int) -> bytes:
        """The answer to MEASURE: signs; busy while another request is under way."""
        if vital == items.VITAL_BLOOD_PRESSURE:
            return await self._pressure.answer()
        if self._asked:
            return items.pack_sign(vital, items.STATUS_BUSY)
        self._asked = True
        try:
            await self._measure(vital == items.VITAL_SPO2)
        finally:
            self._asked = False
        return self._latest

    async def _measure(self, with_red: bool) -> None:
        """One measurement; who comes while one is under way has that one, if its light will do."""
        while self._ended is not None:
            its = self._with_red
            await self._ended.wait()
            if its or not with_red:
                return
        self._ended = asyncio.Event()
        self._with_red = with_red
        try:
            status = items.STATUS_NO_SENSOR
            if self._strip.has(sockets.CHIP_PULSE):
                status = await self._pulse.measure(with_red)
            self._keep(status, with_red)
        finally:
            self._ended.set()
            self._ended = None

    def _keep(self, status: int, with_red: bool) -> None:
        """Journal it, at the middle of its window, unless it was for a period and will be tried
        again; that a strip is out is told once, and at the end of each period."""
        pulse, oxygen = self._pulse, self._pulse.oxygen
        self._latest = items.pack_sign(items.VITAL_HEART_RATE, status, pulse.bpm, pulse.quality)
        if with_red:
            its = status or oxygen.status
            self._latest += items.pack_sign(items.VITAL_SPO2, its, oxygen.percent, oxygen.quality)
            if self._cycles.tried(its == items.STATUS_OK) and not self._asked:
                return
        is_told = self._is_out and self._latest == _NO_SENSOR
        self._is_out = status == items.STATUS_NO_SENSOR
        if not is_told:
            self._record.reading(_HALF_MS, self._latest)
