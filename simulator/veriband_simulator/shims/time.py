"""The ESP32's `time`, in virtual time: it moves by sleeping and by looking at the clock."""

import utime
import world

_PERIOD = 1 << 30
_LOOK_US = 5  # what a look at the clock costs, so that busy waiting ends
_EPOCH_2000 = 946684800
_boot_us, _system_us = world.call("clock")  # virtual time now; system time (2000) minus it
_now_us = _boot_us
_TICKS_0_US = world.call("ticks0")  # what the counters showed at virtual time 0


def moved_to(now_us: int) -> None:
    """The world says what time it is."""
    global _now_us
    _now_us = max(_now_us, now_us)


def now_us() -> int:
    """Virtual time of the world, in us."""
    return _now_us


def ticks_us() -> int:
    """Microseconds, modulo 2**30."""
    global _now_us
    _now_us += _LOOK_US
    return (_now_us + _TICKS_0_US) % _PERIOD


def ticks_ms() -> int:
    """Milliseconds, modulo 2**30."""
    global _now_us
    _now_us += _LOOK_US
    return (_now_us + _TICKS_0_US) // 1000 % _PERIOD


def ticks_add(ticks: int, delta: int) -> int:
    """`ticks` + `delta`, modulo 2**30."""
    return (ticks + delta) % _PERIOD


def ticks_diff(end: int, start: int) -> int:
    """`end` - `start`, between -2**29 and 2**29 - 1."""
    return (end - start + _PERIOD // 2) % _PERIOD - _PERIOD // 2


def _wait(until_us: int) -> None:
    moved_to(world.sleep(until_us))


def sleep_us(us: int) -> None:
    """Wait; events are handled meanwhile, as on the board."""
    until = _now_us + us
    while _now_us < until:
        _wait(until)


def sleep_ms(ms: int) -> None:
    """Wait."""
    sleep_us(ms * 1000)


def sleep(seconds) -> None:
    """Wait."""
    sleep_us(int(seconds * 1000000))


def system_clock_us() -> int:
    """The system clock: us since 2000."""
    return _now_us + _system_us


def set_system_clock(us_2000: int) -> None:
    """Set the system clock, which the world keeps over resets."""
    global _system_us
    _system_us = us_2000 - _now_us
    world.call("set_clock", _system_us)


def time() -> int:
    """Seconds since 2000."""
    return system_clock_us() // 1000000


def time_ns() -> int:
    """Nanoseconds since 2000."""
    return system_clock_us() * 1000


def gmtime(seconds=None):
    """(year, month, day, hour, minute, second, weekday, yearday) of seconds since 2000."""
    return utime.gmtime((time() if seconds is None else seconds) + _EPOCH_2000)[:8]


localtime = gmtime


def mktime(fields) -> int:
    """Seconds since 2000 of `fields`."""
    return utime.mktime(fields) - _EPOCH_2000
