"""The chips on the band's bus, as register models written from their data sheets."""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import ClassVar, Protocol, runtime_checkable

from veriband_simulator.usage import Usage

ENODEV = 19
ETIMEDOUT = 116


class Nack(Exception):
    """The chip did not acknowledge."""


class Held(Exception):
    """A line of the bus is held low, or is no line of it any more: nothing moves."""


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


@runtime_checkable
class Talker(Chip, Protocol):
    """A device that has no registers: it is written to, and says something when it is read."""

    def receive(self, size: int) -> bytes:
        """What it says, in so many bytes. Raises Nack."""
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
    """An I2C bus.

    `meanwhile` is called in the middle of every transaction, with the chip that it is with.
    """

    def __init__(self, *chips: Chip) -> None:
        self._chips = {chip.address: chip for chip in chips}
        self.transactions = 0
        self.meanwhile: Callable[[Chip], None] | None = None
        self._holding: dict[Chip, int] = {}  # SDA, for so many clocks more
        self._driven: dict[str, int] = {}  # lines that are plain pins at present

    def begin(self) -> None:
        """The lines are the bus's, not plain pins'."""
        self._driven.clear()

    def hold(self, chip: Chip, clocks: int = 9) -> None:
        """A chip that was cut off in mid-byte holds SDA until so many clocks came."""
        self._holding[chip] = clocks

    def drive(self, line: str, level: int) -> None:
        """Drive "scl" or "sda" as an open drain."""
        clocked = line == "scl" and level > self._driven.get("scl", 1)
        if clocked and self._driven.get("sda", 1):
            self._holding = {chip: n - 1 for chip, n in self._holding.items() if n > 1}
        self._driven[line] = level

    @property
    def sda(self) -> int:
        """The level of SDA between two transactions."""
        return 0 if self._holding else self._driven.get("sda", 1)

    def add(self, chip: Chip) -> None:
        """Connect a chip."""
        self._chips[chip.address] = chip

    def remove(self, chip: Chip) -> None:
        """Disconnect a chip; nothing happens if it is not connected."""
        self._chips.pop(chip.address, None)
        self._holding.pop(chip, None)

    def _chip(self, address: int) -> Chip:
        self.transactions += 1
        if self._holding or self._driven:
            raise Held
        if address not in self._chips:
            raise Nack
        return self._chips[address]

    def _goes_on(self, chip: Chip) -> bool:
        """Whether a transaction's chip is still there in the middle of it. Raises Held."""
        if self.meanwhile:
            self.meanwhile(chip)
        if self._holding:
            raise Held
        return self._chips.get(chip.address) is chip

    def scan(self) -> tuple[int, ...]:
        """The addresses that have a chip."""
        return tuple(sorted(self._chips))

    def read(self, address: int, register: int, size: int) -> bytes:
        """`size` bytes from `register` on. Raises Nack and Held.

        Of a chip that goes meanwhile the second half is ones, as nobody pulls SDA down.
        """
        chip = self._chip(address)
        data = chip.read(register, size)
        return data if self._goes_on(chip) else data[: size // 2].ljust(size, b"\xff")

    def write(self, address: int, register: int, data: bytes) -> None:
        """Write from `register` on. Raises Nack and Held."""
        chip = self._chip(address)
        if not self._goes_on(chip):
            raise Nack
        chip.write(register, data)

    def receive(self, address: int, size: int) -> bytes:
        """What a Talker says, without a register before; as `read`."""
        chip = self._chip(address)
        if not isinstance(chip, Talker):
            raise Unmodelled(f"a read without a register from {address:#04x}")
        data = chip.receive(size)
        return data if self._goes_on(chip) else data[: size // 2].ljust(size, b"\xff")

    def transmit(self, address: int, data: bytes) -> None:
        """Write bytes, of which the first one is where others have a register; as `write`."""
        self.write(address, data[0], data[1:])


Acceleration = Callable[[int], tuple[float, float, float]]


def at_rest(us: int) -> tuple[float, float, float]:
    """An arm that lies still: gravity, in g."""
    return (0.0, 0.0, 1.0)


class MotionFifo:
    """LSM6DSOX's FIFO in continuous mode (DS12814, section 6): words of a tag, x, y and z.

    What lies in it is only made when it is read: a FIFO that is on costs nothing.
    """

    DEPTH = 512
    _RATE_HZ = 26
    _TAG = 0x02 << 3  # acceleration; the tag's counter and parity are not modelled
    _MG: ClassVar = (0.061, 0.488, 0.122, 0.244)  # of a bit, by FS_XL: +-2, 16, 4, 8 g

    def __init__(self, now_us: Callable[[], int], acceleration: Acceleration) -> None:
        self._now_us = now_us
        self._acceleration = acceleration
        self.start(None)

    def start(self, scale: int | None) -> None:
        """Begin anew, with FS_XL `scale`; with None it is empty and off."""
        self._scale = scale
        self._since_us = self._now_us()
        self._taken = 0  # words that were read or lost
        self._overran = False
        self._word = b""  # what is left of the one that is being read

    def _waiting(self) -> int:
        if self._scale is None:
            return 0
        count = (self._now_us() - self._since_us) * self._RATE_HZ // 1_000_000 - self._taken
        if count > self.DEPTH:
            self._overran = True
            self._taken += count - self.DEPTH
        return min(count, self.DEPTH)

    def status(self) -> bytes:
        """FIFO_STATUS1 and 2; reading clears what is latched."""
        waiting = self._waiting()
        full = 0x60 if waiting == self.DEPTH else 0
        latched = 0x08 if self._overran else 0
        self._overran = False
        return bytes((waiting & 0xFF, waiting >> 8 | full | latched))

    def pop(self) -> int:
        """The next byte; the word goes with its last one."""
        if not self._word:
            self._word = self._next()
        byte, self._word = self._word[0], self._word[1:]
        return byte

    def _next(self) -> bytes:
        if self._scale is None or not self._waiting():
            return bytes(7)
        self._taken += 1
        us = self._since_us + self._taken * 1_000_000 // self._RATE_HZ
        mg = self._MG[self._scale]
        axes = (round(g * 1000 / mg) for g in self._acceleration(us))
        return struct.pack("<B3h", self._TAG, *(max(-32768, min(32767, axis)) for axis in axes))


class Lsm6dsox(Faulty):
    """LSM6DSOX (ST DS12814, AN5273): WHO_AM_I, both banks, the pedometer's 16-bit counter, and
    the FIFO with acceleration at 26 Hz. `usage` has "low power" and "high performance".

    It counts what `walked(us)` says was walked, while the pedometer and the accelerometer at 26 Hz
    or more are on, and feels `acceleration(us)`, x, y and z in g. The chip's debounce of about ten
    steps is not modelled.
    """

    address = 0x6A

    _USER: ClassVar = {
        0x01: 0x00, 0x07: 0x00, 0x08: 0x00, 0x09: 0x00, 0x0A: 0x00, 0x0F: 0x6C, 0x10: 0x00,
        0x12: 0x04, 0x15: 0x00,
    }  # fmt: skip
    _EMBEDDED: ClassVar = {0x01: 0x00, 0x04: 0x00, 0x05: 0x00, 0x62: 0x00, 0x63: 0x00, 0x64: 0x00}
    # Reserved in the user bank, but reached when the chip is reset while the other bank is open.
    _RESERVED = (0x04, 0x62, 0x63)

    def __init__(
        self,
        now_us: Callable[[], int],
        walked: Callable[[int], int],
        acceleration: Acceleration | None = None,
    ) -> None:
        self._now_us = now_us
        self._walked = walked
        self._fifo = MotionFifo(now_us, acceleration or at_rest)
        self.usage = Usage(now_us)
        self._batching = (0, 0, 0)  # CTRL1_XL, what is batched, the FIFO's mode
        self._spans: list[tuple[int, int | None]] = []  # (us, what had been walked if it counts)
        self.reset()

    def reset(self) -> None:
        """Power-on or SW_RESET: registers at their defaults, nothing counted, nothing counting."""
        self._user = dict(self._USER)
        self._embedded = dict(self._EMBEDDED)
        self._count = 0
        self._since: int | None = None  # what had been walked when _count was true
        self._spans.append((self._now_us(), None))
        self._settings_changed()

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
        on, saves = self._user[0x10] >> 4 > 0, bool(self._user[0x15] & 0x10)
        self.usage.level("low power", on and saves)
        self.usage.level("high performance", on and not saves)
        if self._counting != (self._since is not None):
            now = self._now_us()
            self._since = self._walked(now) if self._counting else None
            self._spans.append((now, self._since))
        batching = (self._user[0x10], self._user[0x09], self._user[0x0A])
        if batching != self._batching:
            self._batching = batching
            self._batch(*batching)

    def _batch(self, xl: int, rates: int, mode: int) -> None:
        if rates not in (0, 2) or mode not in (0, 6) or self._user[0x07] or self._user[0x08]:
            raise Unmodelled(f"LSM6DSOX FIFO with {rates:#04x}, {mode:#04x}")
        on = rates and mode and xl >> 4 >= 2
        self._fifo.start(xl >> 2 & 3 if on else None)

    def read(self, register: int, size: int) -> bytes:
        """Read from `register` on in the open bank, the address counting up; in the FIFO's word it
        goes round."""
        self.acknowledge()
        if self._user[0x01] == 0x00:
            if register == 0x3A and size == 2:
                return self._fifo.status()
            if register == 0x78:
                return bytes(self._fifo.pop() for _ in range(size))
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


class Max17048(Faulty):
    """MAX17048 fuel gauge: a battery that `percent(us)` describes."""

    address = 0x36

    def __init__(self, now_us: Callable[[], int], percent: Callable[[int], float]) -> None:
        self._now_us = now_us
        self.percent = percent

    def read(self, register: int, size: int) -> bytes:
        """Read 16-bit registers, big-endian."""
        self.acknowledge()
        percent = self.percent(self._now_us())
        words = {0x02: int((3300 + 9 * percent) * 64 / 5), 0x04: int(percent * 256), 0x08: 0x0012}
        if register not in words or size != 2:
            raise Unmodelled(f"MAX17048 register {register:#04x}, {size} bytes")
        return words[register].to_bytes(2, "big")

    def write(self, register: int, data: bytes) -> None:
        """Nothing is written yet."""
        raise Unmodelled(f"MAX17048 write to {register:#04x}")
