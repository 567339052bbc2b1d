"""The chips on the band's bus, as register models written from their data sheets."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar, Protocol

ENODEV = 19


class Nack(Exception):
    """The chip did not acknowledge."""


class Unmodelled(Exception):
    """The firmware used a register that the model does not have: one of them is wrong."""


class Chip(Protocol):
    """A device on the bus: registers read and written from an address on."""

    address: int

    def read(self, register: int, size: int) -> bytes:
        """`size` bytes from `register` on. Raises Nack."""
        ...

    def write(self, register: int, data: bytes) -> None:
        """Write from `register` on. Raises Nack."""
        ...


class Faulty:
    """What can go wrong with a chip on the bus."""

    nacks = 0  # so many of the next transactions are not acknowledged
    silent = False

    def acknowledge(self) -> None:
        """Begin a transaction. Raises Nack."""
        if self.silent:
            raise Nack
        if self.nacks:
            self.nacks -= 1
            raise Nack


class Bus:
    """An I2C bus."""

    def __init__(self, *chips: Chip) -> None:
        self._chips = {chip.address: chip for chip in chips}
        self.transactions = 0

    def _chip(self, address: int) -> Chip:
        self.transactions += 1
        if address not in self._chips:
            raise Nack
        return self._chips[address]

    def scan(self) -> tuple[int, ...]:
        """The addresses that have a chip."""
        return tuple(sorted(self._chips))

    def read(self, address: int, register: int, size: int) -> bytes:
        """`size` bytes from `register` on. Raises Nack."""
        return self._chip(address).read(register, size)

    def write(self, address: int, register: int, data: bytes) -> None:
        """Write from `register` on. Raises Nack."""
        self._chip(address).write(register, data)


class Lsm6dsox(Faulty):
    """LSM6DSOX (ST DS12814, AN5273): WHO_AM_I, both banks, the pedometer's 16-bit counter.

    It counts what `walked(us)` says was walked, while the pedometer and the accelerometer at 26 Hz
    or more are on. The chip's debounce of about ten steps is not modelled.
    """

    address = 0x6A

    _USER: ClassVar = {0x01: 0x00, 0x0F: 0x6C, 0x10: 0x00, 0x12: 0x04}
    _EMBEDDED: ClassVar = {0x01: 0x00, 0x04: 0x00, 0x05: 0x00, 0x62: 0x00, 0x63: 0x00, 0x64: 0x00}
    # Reserved in the user bank, but reached when the chip is reset while the other bank is open.
    _RESERVED = (0x04, 0x62, 0x63)

    def __init__(self, now_us: Callable[[], int], walked: Callable[[int], int]) -> None:
        self._now_us = now_us
        self._walked = walked
        self._spans: list[tuple[int, int | None]] = []  # (us, what had been walked if it counts)
        self.reset()

    def reset(self) -> None:
        """Power-on or SW_RESET: registers at their defaults, nothing counted, nothing counting."""
        self._user = dict(self._USER)
        self._embedded = dict(self._EMBEDDED)
        self._count = 0
        self._since: int | None = None  # what had been walked when _count was true
        self._spans.append((self._now_us(), None))

    def preload(self, count: int) -> None:
        """Let the counter stand at `count`, as after many steps."""
        self._settle()
        self._count = count

    def counted(self, at_us: int) -> int:
        """All steps that the chip counted up to `at_us`, over wraps and resets: the truth."""
        total = 0
        ends = [*(start for start, _ in self._spans[1:]), at_us]
        for (start, before), end in zip(self._spans, ends, strict=True):
            if before is not None and start < at_us:
                total += self._walked(min(end, at_us)) - before
        return total

    @property
    def _counting(self) -> bool:
        return bool(self._embedded[0x04] & 0x08) and self._user[0x10] >> 4 >= 2

    def _settle(self) -> None:
        """Bring the count up to now."""
        if self._since is not None:
            walked = self._walked(self._now_us())
            self._count = (self._count + walked - self._since) & 0xFFFF
            self._since = walked

    def _settings_changed(self) -> None:
        if self._counting != (self._since is not None):
            now = self._now_us()
            self._since = self._walked(now) if self._counting else None
            self._spans.append((now, self._since))

    def read(self, register: int, size: int) -> bytes:
        """Read from `register` on in the open bank, the address counting up."""
        self.acknowledge()
        return bytes(self._get(register + i) for i in range(size))

    def write(self, register: int, data: bytes) -> None:
        """Write from `register` on in the open bank."""
        self.acknowledge()
        for i, value in enumerate(data):
            self._put(register + i, value)

    def _get(self, register: int) -> int:
        embedded = self._user[0x01] == 0x80
        if embedded and register in (0x62, 0x63):
            self._settle()
            return self._count >> 8 if register == 0x63 else self._count & 0xFF
        bank = self._embedded if embedded else self._user
        if register == 0x01:
            return self._user[0x01]
        if register not in bank:
            if not embedded and register in self._RESERVED:
                return 0
            raise Unmodelled(f"LSM6DSOX register {register:#04x}, embedded={embedded}")
        return bank[register]

    def _put(self, register: int, value: int) -> None:
        if register == 0x01:
            if value not in (0x00, 0x80):
                raise Unmodelled(f"LSM6DSOX bank {value:#04x}")
            self._user[0x01] = value
            return
        embedded = self._user[0x01] == 0x80
        bank = self._embedded if embedded else self._user
        if register not in bank or register in (0x0F, 0x62, 0x63):
            raise Unmodelled(f"LSM6DSOX write to {register:#04x}, embedded={embedded}")
        self._settle()
        if not embedded and register == 0x12 and value & 0x01:
            self.reset()
            return
        if embedded and register == 0x64:
            if value & 0x80:  # PEDO_RST_STEP clears itself
                self._count = 0
            value &= 0x7F
        bank[register] = value
        self._settings_changed()


class Max17048:
    """MAX17048 fuel gauge: a battery that `percent(us)` describes."""

    address = 0x36

    def __init__(self, now_us: Callable[[], int], percent: Callable[[int], float]) -> None:
        self._now_us = now_us
        self._percent = percent

    def read(self, register: int, size: int) -> bytes:
        """Read 16-bit registers, big-endian."""
        percent = self._percent(self._now_us())
        words = {0x02: int((3300 + 9 * percent) * 64 / 5), 0x04: int(percent * 256), 0x08: 0x0012}
        if register not in words or size != 2:
            raise Unmodelled(f"MAX17048 register {register:#04x}, {size} bytes")
        return words[register].to_bytes(2, "big")

    def write(self, register: int, data: bytes) -> None:
        """Nothing is written yet."""
        raise Unmodelled(f"MAX17048 write to {register:#04x}")
