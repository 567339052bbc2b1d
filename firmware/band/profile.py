"""The power profile: when the radio is on."""

import asyncio
import time

import machine

from band import settings
from band.tasks import Bell
from veriband_protocol import items
from veriband_protocol.profile import ENDURANCE, NAMES, PERIOD_S, RESPONSIVE

_WINDOW_MS = 300  # in which a host that waits for it connects
_ADVERTISE_US = (1000000, 30000)  # by profile
_CPU_HZ = 80000000  # the least with which the radio works; 240 MHz take half as much again, idle


class Profile:
    """Responsive: `radio` is always on. Endurance: in a window every PERIOD_S, and for as long as
    anybody is connected or the `door` is open.

    `given`: the name of the one to begin with, unless another was chosen since.
    """

    def __init__(self, radio, door, record, given: str) -> None:
        self._radio = radio
        self._door = door
        self._record = record
        self.changed = Bell()
        self.current = settings.load("profile", NAMES.index(given))
        machine.freq(_CPU_HZ)
        radio.advertise_us = _ADVERTISE_US[self.current]

    def choose(self, profile: int) -> None:
        """Another one from now on. Raises ValueError when there is none such, OSError when flash
        fails."""
        if profile not in (RESPONSIVE, ENDURANCE):
            raise ValueError("profile")
        if profile != self.current:
            settings.save("profile", profile)
            self.current = profile
            self._radio.advertise_us = _ADVERTISE_US[profile]
            self._record.event(items.EVENT_PROFILE, bytes((profile,)))
            self.changed.set()

    def rouse(self) -> None:
        """Have the radio on now, and as long as it is needed."""
        self._radio.on()
        self.changed.set()

    async def run(self) -> None:
        """Go on for ever."""
        while True:
            self._radio.on()
            if self.current == RESPONSIVE:
                await self.changed.wait()
                continue
            begun = time.ticks_ms()
            await asyncio.sleep_ms(_WINDOW_MS)
            while self._radio.is_busy() or self._door.is_open():
                await self._unless_changed(_WINDOW_MS)
            if self.current == ENDURANCE:
                self._radio.off()
                passed = time.ticks_diff(time.ticks_ms(), begun)
                await self._unless_changed(max(0, PERIOD_S * 1000 - passed))

    async def _unless_changed(self, ms: int) -> None:
        try:
            await asyncio.wait_for_ms(self.changed.wait(), ms)
        except asyncio.TimeoutError:
            pass
