"""The ESP32's `machine`: bus, pins, watchdog, RTC and resets, each a call to the world."""

import sys
import time

import world

PWRON_RESET = 1
HARD_RESET = 2
WDT_RESET = 3
DEEPSLEEP_RESET = 4
SOFT_RESET = 5

_EPOCH_2000 = 946684800


def unique_id() -> bytes:
    """The MAC address."""
    return world.call("unique_id")


def reset_cause() -> int:
    """Why the board started."""
    return world.call("reset_cause")


def reset() -> None:
    """Start again."""
    world.call("reset")
    sys.exit(0)


_interrupts_on = True


def disable_irq() -> bool:
    """Hold interrupts back; the state to give `enable_irq`."""
    global _interrupts_on
    before, _interrupts_on = _interrupts_on, False
    return before


def enable_irq(state: bool) -> None:
    """Let interrupts through again."""
    global _interrupts_on
    _interrupts_on = state


def lightsleep(ms: int) -> None:
    """Sleep until `ms` have passed, or a pin of `esp32.wake_on_gpio` has its level.

    As the port has it (ports/esp32/modmachine.c): interrupts of pins are lost meanwhile, and those
    that wake interrupt from then on for as long as they have the level, until Pin.irq is called.
    """
    for pin in Pin._wakers:
        handler, _, obj = Pin._irqs.get(pin, (None, 0, None))
        if handler is not None and _interrupts_on:
            raise RuntimeError("the pin that wakes would interrupt for ever")
        Pin._irqs[pin] = (handler, 0, obj)
    world.call("sleep_begins")
    Pin._asleep = True
    until = time.now_us() + ms * 1000
    while Pin._asleep and time.now_us() < until:
        if any(world.call("pin", pin) == Pin._waking_level for pin in Pin._wakers):
            break
        time.moved_to(world.sleep(until))
    Pin._asleep = False
    world.call("sleep_ends")


def freq(hz=None):
    """The CPU's clock; setting it does nothing here."""
    return 80000000


class Pin:
    """A pin. One that is made an output is no line of a bus any more, until that is made anew."""

    IN = 1
    OUT = 3
    OPEN_DRAIN = 7
    PULL_UP = 2
    PULL_DOWN = 1
    IRQ_RISING = 1
    IRQ_FALLING = 2

    _irqs = {}
    _wakers = ()
    _waking_level = 0
    _asleep = False

    def __init__(self, id: int, mode=-1, pull=-1, *, value=None) -> None:
        self._id = id
        if mode in (Pin.OUT, Pin.OPEN_DRAIN):
            self.value(0 if value is None else value)

    def value(self, level=None):
        """The level, 0 or 1; with one it is driven, an open drain's 1 by whoever else does."""
        if level is None:
            return world.call("pin", self._id)
        world.call("drive", self._id, level)

    __call__ = value

    def irq(self, handler=None, trigger=IRQ_FALLING | IRQ_RISING):
        """Call `handler(pin)` on an edge."""
        Pin._irqs[self._id] = (handler, trigger, self)


def _pin_event(pin: int, level: int) -> None:
    if Pin._asleep:
        return
    handler, trigger, obj = Pin._irqs.get(pin, (None, 0, None))
    if handler is not None and trigger & (Pin.IRQ_RISING if level else Pin.IRQ_FALLING):
        handler(obj)


world.handlers["pin"] = _pin_event


class PWM:
    """A pulsed output."""

    def __init__(self, dest, *, freq=None, duty_u16=0) -> None:
        self._id = dest._id
        self.duty_u16(duty_u16)

    def duty_u16(self, duty: int) -> None:
        """How much of the time it is high, of 65,536."""
        world.call("pwm", self._id, duty)


class ADC:
    """An analogue input."""

    ATTN_11DB = 3

    def __init__(self, pin, *, atten=ATTN_11DB) -> None:
        self._id = pin._id

    def read_uv(self) -> int:
        """The voltage in uV, as the ESP32's calibration has it."""
        return world.call("adc", self._id)


class I2C:
    """A bus. A NACK is OSError(19), a bus that is held OSError(116), as on the ESP32."""

    def __init__(self, id: int = 0, *, scl=None, sda=None, freq: int = 400000) -> None:
        world.call("i2c_begin")

    def scan(self) -> list:
        """The addresses that answer."""
        return list(world.call("i2c_scan"))

    def readfrom_mem_into(self, addr: int, memaddr: int, buf) -> None:
        """Fill `buf` from register `memaddr` on."""
        buf[:] = world.call("i2c_read", addr, memaddr, len(buf))

    def readfrom_mem(self, addr: int, memaddr: int, nbytes: int) -> bytes:
        """`nbytes` from register `memaddr` on."""
        return world.call("i2c_read", addr, memaddr, nbytes)

    def writeto_mem(self, addr: int, memaddr: int, buf) -> None:
        """Write `buf` to register `memaddr` on."""
        world.call("i2c_write", addr, memaddr, buf)

    def readfrom_into(self, addr: int, buf) -> None:
        """Fill `buf` with what a chip says without being told a register."""
        buf[:] = world.call("i2c_receive", addr, len(buf))

    def writeto(self, addr: int, buf) -> int:
        """Write `buf`; how many bytes were acknowledged."""
        world.call("i2c_transmit", addr, buf)
        return len(buf)


class RTC:
    """The clock and the memory that outlive a reset."""

    def datetime(self, fields=None):
        """Set the system clock from (year, month, day, weekday, hour, minute, second, us)."""
        if fields is None:
            y, month, day, hour, minute, second, weekday, _ = time.gmtime()
            return y, month, day, weekday, hour, minute, second, time.time_ns() // 1000 % 1000000
        y, month, day, _, hour, minute, second, us = fields
        seconds = time.mktime((y, month, day, hour, minute, second, 0, 0))
        time.set_system_clock(seconds * 1000000 + us)

    def memory(self, data=None):
        """Up to 2,048 bytes."""
        if data is None:
            return world.call("rtc_memory")
        if len(data) > 2048:
            raise ValueError("buffer too long")
        world.call("set_rtc_memory", data)


class WDT:
    """The watchdog: without a `feed` within `timeout` ms the board starts again."""

    def __init__(self, id: int = 0, timeout: int = 5000) -> None:
        self._timeout = timeout
        self.feed()

    def feed(self) -> None:
        """Still alive."""
        world.call("feed", self._timeout)
