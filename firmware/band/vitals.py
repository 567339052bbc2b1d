"""Vital signs: heart rate after each active minute and when a host asks, all of it journaled."""

import asyncio

from band.heart import WINDOW
from drivers.max30102 import RATE_HZ
from veriband_protocol import control, items

ACTIVE_STEPS = 40  # a minute with so many is followed by a measurement
_HALF_MS = WINDOW * 500 // RATE_HZ  # of a measurement's window


class Vitals:
    """Measures with `pulse` on `strip` into `journal`; `save` keeps what is not on flash."""

    def __init__(self, pulse, strip, journal, clock, save) -> None:
        self._pulse = pulse
        self._strip = strip
        self._journal = journal
        self._clock = clock
        self._save = save
        self._active = asyncio.Event()
        self._ended = None  # the Event of a measurement under way
        self._asked = False
        self._latest = (items.STATUS_OK, 0, 0)  # status, bpm, quality

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

    async def answer(self) -> bytes:
        """The body of the answer to HEART_RATE; busy while another request is under way."""
        if self._asked:
            return control.pack_heart_rate(items.STATUS_BUSY, 0, 0)
        self._asked = True
        try:
            await self._measure()
        finally:
            self._asked = False
        return control.pack_heart_rate(*self._latest)

    async def _measure(self) -> None:
        """One measurement; who comes while one is under way has that one."""
        if self._ended is not None:
            await self._ended.wait()
            return
        self._ended = asyncio.Event()
        try:
            has_sensor = self._strip.has(items.CHIP_PULSE)
            self._keep(await self._pulse.measure() if has_sensor else items.STATUS_NO_SENSOR)
        finally:
            self._ended.set()
            self._ended = None

    def _keep(self, status: int) -> None:
        """Journal it, at the middle of its window; a strip that stays out is told once."""
        is_told = status == self._latest[0] == items.STATUS_NO_SENSOR
        self._latest = (status, 0, 0)
        if status == items.STATUS_OK:
            self._latest = (status, self._pulse.bpm, self._pulse.quality)
        if is_told:
            return
        after_ms = max(0, self._clock.since_item_ms() - _HALF_MS)
        try:
            self._journal.reading(after_ms, items.VITAL_HEART_RATE, *self._latest)
        except OSError:
            pass  # flash failed; minutes need the room that is left
        self._save()
