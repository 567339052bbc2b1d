"""Vital signs: heart rate after each active minute and when a host asks, all of it journaled."""

import asyncio

from band.heart import WINDOW
from drivers.max30102 import RATE_HZ
from veriband_protocol import items, sockets

ACTIVE_STEPS = 40  # a minute with so many is followed by a measurement
_HALF_MS = WINDOW * 500 // RATE_HZ  # of a measurement's window
_NO_SENSOR = items.pack_sign(items.VITAL_HEART_RATE, items.STATUS_NO_SENSOR)


class Vitals:
    """Measures with `pulse` on `strip` into `record`."""

    KNOWN = (items.VITAL_HEART_RATE,)  # what can be asked for

    def __init__(self, pulse, strip, record) -> None:
        self._pulse = pulse
        self._strip = strip
        self._record = record
        self._active = asyncio.Event()
        self._ended = None  # the Event of a measurement under way
        self._asked = False
        self._latest = b""  # signs

    def walked(self, steps: int) -> None:
        """A minute of so many steps has ended."""
        if steps >= ACTIVE_STEPS:
            self._active.set()

    async def run(self) -> None:
        """Measure after each active minute."""
        while True:
            await self._active.wait()
            self._active.clear()
            await self._measure()

    async def answer(self, vital: int) -> bytes:
        """The answer to MEASURE: signs; busy while another request is under way."""
        if self._asked:
            return items.pack_sign(vital, items.STATUS_BUSY)
        self._asked = True
        try:
            await self._measure()
        finally:
            self._asked = False
        return self._latest

    async def _measure(self) -> None:
        """One measurement; who comes while one is under way has that one."""
        if self._ended is not None:
            await self._ended.wait()
            return
        self._ended = asyncio.Event()
        try:
            status = items.STATUS_NO_SENSOR
            if self._strip.has(sockets.CHIP_PULSE):
                status = await self._pulse.measure()
            self._keep(
                items.pack_sign(
                    items.VITAL_HEART_RATE, status, self._pulse.bpm, self._pulse.quality
                )
            )
        finally:
            self._ended.set()
            self._ended = None

    def _keep(self, signs: bytes) -> None:
        """Journal it, at the middle of its window; a strip that stays out is told once."""
        is_told = signs == self._latest == _NO_SENSOR
        self._latest = signs
        if not is_told:
            self._record.reading(_HALF_MS, signs)
