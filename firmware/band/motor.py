"""The back cover's motor: started and stopped by the button, never while flash is written."""

import asyncio

from machine import PWM, Pin

from band.tasks import Bell

_HZ = 20000  # above what is heard
_FULL = 65535
_RAMP = 10  # steps to full power, so that the start draws no peak
_STEP_MS = 50  # between two looks at whether it still may run
_DEFAULT_S = 15
_MOST_S = 60
_MOST_STARTS = 50  # a day
_PULSE_MS = 300
_DAY_MS = 86400000


class Motor:
    """A motor on the transistor at `pin` that stops by itself after `run_s`.

    Whoever writes flash calls `pause` before; the motor gives way, and goes on afterwards.
    """

    def __init__(self, pin: int, run_s) -> None:
        self._pwm = PWM(Pin(pin), freq=_HZ, duty_u16=0)
        self._steps = min(run_s or _DEFAULT_S, _MOST_S) * 1000 // _STEP_MS
        self.asked = Bell()
        self._left = 0  # steps; 0: it rests
        self._power = 0  # 0 to _RAMP
        self._day = self._starts = 0

    def pause(self) -> None:
        """No power, until its task looks again. Allocates nothing."""
        self._power = 0
        self._pwm.duty_u16(0)

    def runs(self) -> bool:
        """Whether it turns, or is about to."""
        return self._left + self._power > 0

    def toggle(self) -> None:
        """Start it, or stop it."""
        if self._left:
            self._left = 0
        else:
            self._begin(self._steps)

    def pulse(self) -> None:
        """Tell the wearer something."""
        self._begin(_PULSE_MS // _STEP_MS)

    def _begin(self, steps: int) -> None:
        self._left = steps
        self.asked.set()

    async def run(self, may_run, clock) -> None:
        """Run it whenever it was started and `may_run`, for ever."""
        while True:
            await self.asked.wait()
            day = clock.uptime_ms() // _DAY_MS
            if day != self._day:
                self._day, self._starts = day, 0
            if may_run():
                self._starts += 1
            while self._left and self._starts <= _MOST_STARTS and may_run():
                self._left -= 1
                self._power = min(self._power + 1, _RAMP)
                self._pwm.duty_u16(_FULL * self._power // _RAMP)
                await asyncio.sleep_ms(_STEP_MS)
            self._left = 0
            self.pause()


class QuietFlash:
    """A partition as littlefs and the journal use it; `motor` pauses before it is written."""

    def __init__(self, partition, motor) -> None:
        self.readblocks = partition.readblocks
        self._partition = partition
        self._motor = motor

    def writeblocks(self, *where) -> None:
        """Write, as esp32.Partition."""
        self._motor.pause()
        self._partition.writeblocks(*where)

    def ioctl(self, op: int, arg: int) -> int:
        """Erase and the rest, as esp32.Partition."""
        if op == 6:
            self._motor.pause()
        return self._partition.ioctl(op, arg)
