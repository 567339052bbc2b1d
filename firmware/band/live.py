"""Heart rate for those who listen: the band measures on, and tells them once a second."""

import asyncio
import time
from array import array

from band.beats import WINDOW
from band.heart import WORN
from band.pulse import LEAST_MOTION, Pulse, insist
from drivers.max30102 import DEPTH
from veriband_protocol import items

_SECOND_MS = 1000
_DARK, _SETTLING = -2, -1  # instead of how many samples are in the window
_EACH = 2  # seconds: an estimate takes tenths of one
_SPAN = 11  # counts of steps, a second apart: over the window
_HELD = 5  # estimates in a row that find none: so long the last rate stands
_BEAT_QUALITY = 70  # from which on intervals between beats are told
_UNHEARD = 3  # seconds after which nobody listens any more
_OFTEN = 30  # times that somebody who has come is asked often
_OFTEN_MS, _SELDOM_MS = 2000, 60000


class Live(Pulse):
    """A Pulse that measures on while `services` are heard through `the_radio`."""

    def __init__(self, light, arm, the_radio, services) -> None:
        super().__init__(light, arm)
        self._radio = the_radio
        self._services = services
        self._sensor = asyncio.Lock()
        self._follows = False
        self._known = asyncio.Event()
        self._status = 0  # of the latest window
        self._with_red = False  # the next one's saturation is wanted
        self._news = tuple(array(code, bytes(4 * DEPTH)) for code in "iihhh")
        self._at = self._moved = 0  # samples in the window: of light, of the arm
        self._counts = []
        self._told = 0  # the beat up to which intervals were told, in 32nds of a sample
        self._rate = self._missed = 0  # what is told, for how many estimates it was not found
        self._is_worn = False
        self._is_heard = False
        the_radio.on_heard = self._hear

    def _hear(self) -> None:
        """Called in the radio's interrupt."""
        self._is_heard = True
        if not self._follows:
            self._radio.arrival.set()

    async def measure(self, with_red: bool = False) -> int:
        """As a Pulse does; while it measures on, what the next window gives."""
        while self._follows:
            self._with_red |= with_red
            await self._known.wait()
            if self._follows:
                return self._status
        async with self._sensor:
            return await super().measure(with_red)

    async def run(self) -> None:
        """Find out, when somebody has come, whether they listen; measure on while they do."""
        tries = 0
        while True:
            if not self._radio.peers:
                await self._radio.arrival.wait()
                tries = 0
            self._services.heart_rate(0, False, ())  # whoever has subscribed is sent it
            comes = await self._comes(_OFTEN_MS if tries < _OFTEN else _SELDOM_MS)
            tries = 0 if comes else tries + 1
            if self._is_heard:
                async with self._sensor:
                    await self._follow()

    async def _comes(self, within_ms: int) -> bool:
        """Whether somebody comes before that time has passed."""
        try:
            await asyncio.wait_for_ms(self._radio.arrival.wait(), within_ms)
        except asyncio.TimeoutError:
            return False
        return True

    async def _follow(self) -> None:
        self._follows = self._services.is_live = True
        try:
            await self._measure_on()
        finally:
            self._follows = self._services.is_live = False
            self._signal()
            self._stop()

    async def _measure_on(self) -> None:
        self._at = _DARK
        seconds = unheard = self._rate = 0
        due = time.ticks_ms()
        while unheard < _UNHEARD:
            due = time.ticks_add(due, _SECOND_MS)
            while await self._comes(max(0, time.ticks_diff(due, time.ticks_ms()))):
                pass
            seconds += 1
            intervals = ()
            try:
                if self._take() and seconds % _EACH == 0:
                    intervals = self._judge()
            except OSError:
                self._restart(items.STATUS_NO_SENSOR)
            if self._is_heard:
                unheard = 0
                self._is_heard = False
            if self._services.heart_rate(self._rate, self._is_worn, intervals):
                unheard += 1

    def _take(self) -> bool:
        """Take in what was sampled in a second; whether the window is full."""
        if self._at == _DARK:
            self._begin()
            insist(self._arm.start_motion)
            self._at = _SETTLING
            return False
        red, infrared, *axes = self._news
        count = insist(self._light.read, red, infrared, 0)
        moved = self._arm.read_motion(*axes)
        if count == 0 or self._light.lost or moved < 0:
            self._restart(items.STATUS_TIMED_OUT)
            return False
        self._is_worn = infrared[count - 1] >= WORN
        if not self._is_worn:
            self._found(items.STATUS_NOT_WORN)
        if self._at < 0 or not self._is_worn:
            self._at = self._moved = self._told = 0
            self._counts.clear()
            return False
        over = max(0, self._at + count - WINDOW)
        shed = max(moved * over // count, self._moved + moved - len(self._x))
        _slide(self._red, self._at, over, red, count)
        _slide(self._infrared, self._at, over, infrared, count)
        for i, axis in enumerate((self._x, self._y, self._z)):
            _slide(axis, self._moved, shed, axes[i], moved)
        self._at += count - over
        self._moved += moved - shed
        self._told -= 32 * over
        self._counts.append(insist(self._arm.steps))
        if len(self._counts) > _SPAN:
            self._counts.pop(0)
        return self._at == WINDOW

    def _judge(self):
        """Estimate; the intervals between beats that have come to an end since, in 1/1024 s."""
        if self._moved < LEAST_MOTION:
            self._restart(items.STATUS_TIMED_OUT)
            return ()
        steps = self._counts[-1] - self._counts[0] & 0xFFFF
        status = self._estimate(self._moved, steps)
        heart, intervals = self._heart, []
        if status == items.STATUS_OK and self.quality >= _BEAT_QUALITY and not heart.moving:
            beats = heart.beats
            for k in range(1, beats.find(self.bpm)):
                interval = beats.at[k] - beats.at[k - 1]
                if beats.at[k] - self._told > interval // 2:
                    self._told = beats.at[k]
                    intervals.append(interval * 32 // 25)
        self._found(status)
        return intervals

    def _restart(self, status: int) -> None:
        """Nothing comes from the sensor, or not all of it."""
        self._at = _DARK
        self._is_worn = False
        self._found(status)

    def _found(self, status: int) -> None:
        """A window has given that, or cannot."""
        self._status = status
        if status == items.STATUS_OK:
            self._rate, self._missed = self.bpm, 0
        else:
            self.bpm = self.quality = 0
            self._missed += 1
            if self._missed > _HELD or not self._is_worn:
                self._rate = 0
        if self._with_red:
            self._with_red = False
            light = self._red[:], self._infrared[:]
            self._saturation(status)  # which leaves nothing of the light
            self._red, self._infrared = light
        self._signal()

    def _signal(self) -> None:
        self._known.set()
        self._known.clear()


def _slide(values, used: int, shed: int, new, count: int) -> None:
    """Of the first `used` of `values` drop the oldest `shed`, and put `count` new ones behind."""
    for k in range(used - shed):
        values[k] = values[k + shed]
    for k in range(count):
        values[used - shed + k] = new[k]
