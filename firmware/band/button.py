"""The button: how long it was pressed, and how often."""

import asyncio
import time

from band import lines
from band.tasks import Bell

_BOUNCE_MS = 30
_SHORT_MS = 1000  # and longer, up to _LONG_MS, is nothing
_LONG_MS = 3000
_OVERLONG_MS = 10000
_AGAIN_MS = 400  # so long after a short press a second one makes it double


class Button:
    """A push button to ground at `pin`."""

    SHORT = 1  # under a second
    DOUBLE = 2  # two of these
    LONG = 3  # 3 to 10 s
    OVERLONG = 4  # 10 s, told while it is still held

    def __init__(self, pin: int) -> None:
        self.edge = Bell()
        self._pin = lines.watch(pin, self._on_edge, wakes=True)

    def _on_edge(self, _) -> None:
        self.edge.set()

    async def pressed(self) -> int:
        """Wait for a press that means something: which."""
        while True:
            held = await self._press()
            if held >= _OVERLONG_MS:
                return self.OVERLONG
            if held >= _LONG_MS:
                return self.LONG
            if _BOUNCE_MS <= held < _SHORT_MS:
                return self.DOUBLE if await self._again() else self.SHORT

    async def released(self, most_ms=None) -> None:
        """Wait until it is not pressed, at most so long."""
        await self._becomes(1, most_ms)

    async def _press(self, most_ms=None) -> int:
        """How many ms the next press lasts, at most 10 s; 0 when none begins in time."""
        if not await self._becomes(0, most_ms):
            return 0
        down = time.ticks_ms()
        await self._becomes(1, _OVERLONG_MS)
        return time.ticks_diff(time.ticks_ms(), down)

    async def _again(self) -> bool:
        """Whether another short press follows."""
        until = time.ticks_add(time.ticks_ms(), _AGAIN_MS)
        while True:
            left = time.ticks_diff(until, time.ticks_ms())
            held = await self._press(left) if left > 0 else 0
            if left <= 0 or held >= _BOUNCE_MS:
                return 0 < held < _SHORT_MS

    async def _becomes(self, level: int, most_ms=None) -> bool:
        """Wait until the pin has that level; False when that takes longer."""
        until = time.ticks_add(time.ticks_ms(), most_ms or 0)
        while self._pin.value() != level:
            if most_ms is None:
                await self.edge.wait()
                continue
            left = time.ticks_diff(until, time.ticks_ms())
            if left <= 0:
                return False
            try:
                await asyncio.wait_for_ms(self.edge.wait(), left)
            except asyncio.TimeoutError:
                pass
        return True
