"""The button: how long it was pressed."""

import asyncio
import time

from machine import Pin

_BOUNCE_MS = 30
_LONG_MS = 3000
_OVERLONG_MS = 10000


class Button:
    """A push button to ground at `pin`."""

    SHORT = 1
    LONG = 2

    def __init__(self, pin: int) -> None:
        self._pin = Pin(pin, Pin.IN, Pin.PULL_UP)
        self._edge = asyncio.ThreadSafeFlag()
        self._pin.irq(self._on_edge, Pin.IRQ_FALLING | Pin.IRQ_RISING)

    def _on_edge(self, _) -> None:
        self._edge.set()

    async def pressed(self) -> int:
        """Wait for a whole press: SHORT (under 3 s) or LONG (3 to 10 s)."""
        while True:
            while self._pin.value():
                await self._edge.wait()
            down = time.ticks_ms()
            while not self._pin.value():
                await self._edge.wait()
            held = time.ticks_diff(time.ticks_ms(), down)
            if _LONG_MS <= held < _OVERLONG_MS:
                return self.LONG
            if _BOUNCE_MS <= held < _LONG_MS:
                return self.SHORT
