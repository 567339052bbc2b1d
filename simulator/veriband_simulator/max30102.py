"""The pulse sensor on the strip, as a register model written from its data sheet."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from veriband_simulator.chips import Faulty, Unmodelled
from veriband_simulator.usage import Usage

Light = Callable[[int], tuple[int, int]]

_DEPTH = 32
_DATA = 0x07
_RATES_HZ = (50, 100, 200, 400, 800, 1000, 1600, 3200)
_PULSES_US = (69, 118, 215, 411)
_AVERAGES = (1, 2, 4, 8, 16, 32, 32, 32)
_ADC_BITS = 18
# Register -> value after a reset. What is not here is reserved, or not modelled.
_DEFAULTS = {
    0x00: 0x00, 0x01: 0x00, 0x02: 0x00, 0x03: 0x00, 0x08: 0x00, 0x09: 0x00, 0x0A: 0x00,
    0x0C: 0x00, 0x0D: 0x00, 0x11: 0x00, 0x12: 0x00, 0x1F: 0x00, 0x20: 0x00, 0x21: 0x00,
    0xFE: 0x03, 0xFF: 0x15,
}  # fmt: skip
_READ_ONLY = (0x00, 0x01, 0x1F, 0x20, 0xFE, 0xFF)
_A_FULL, _PPG_RDY, _PWR_RDY, _DIE_TEMP_RDY = 0x80, 0x40, 0x01, 0x02


class Max30102(Faulty):
    """MAX30102 (Maxim 19-7740): the FIFO, its pointers, interrupts, shut-down, temperature.

    `light(us)` gives (red, infrared) counts of 18 bits at the LED currents that are set; of an LED
    without current nothing comes back. `usage` has "sampling" and "LED mA", what flows through the
    LEDs on average.
    """

    address = 0x57

    def __init__(self, now_us: Callable[[], int], light: Light, celsius: float = 33.0) -> None:
        self._now_us = now_us
        self._light = light
        self._celsius = celsius
        self.usage = Usage(now_us)
        self.power_on()

    def power_on(self) -> None:
        """Its supply has come: registers at their defaults, the FIFO empty."""
        self._reset()
        self._registers[0x00] = _PWR_RDY

    def _reset(self) -> None:
        self._registers = dict(_DEFAULTS)
        self._fifo: deque[tuple[int, int]] = deque()
        self._write_pointer = self._read_pointer = self._overflow = 0
        self._byte = 0  # of the sample that is being read
        self._next_us: int | None = None  # when the next sample is taken, if any is
        self._count_use()

    @property
    def is_shut_down(self) -> bool:
        """Whether no LED is lit and no sample taken."""
        return self._next_us is None

    @property
    def _channels(self) -> int:
        mode = self._registers[0x09] & 0x07
        if mode not in (2, 3):
            raise Unmodelled(f"MAX30102 mode {mode}")
        return mode - 1

    @property
    def _period_us(self) -> int:
        average = _AVERAGES[self._registers[0x08] >> 5]
        return 1_000_000 * average // _RATES_HZ[self._registers[0x0A] >> 2 & 7]

    def _settle(self) -> None:
        """Take the samples up to now."""
        while self._next_us is not None and self._next_us <= self._now_us():
            self._take(self._next_us)
            self._next_us += self._period_us

    def _take(self, us: int) -> None:
        if len(self._fifo) == _DEPTH:
            self._overflow = min(31, self._overflow + 1)
            if not self._registers[0x08] & 0x10:  # no rollover: the new one is lost
                return
            self._fifo.popleft()
            self._read_pointer = (self._read_pointer + 1) % _DEPTH
        red, infrared = self._light(us)
        lit = (red if self._registers[0x0C] else 0, infrared if self._registers[0x0D] else 0)
        shift = _ADC_BITS - 15 - (self._registers[0x0A] & 3)  # lower bits that are not measured
        top = (1 << _ADC_BITS) - 1
        self._fifo.append(
            tuple(min(top, max(0, value)) >> shift << shift for value in lit)  # pyright: ignore[reportArgumentType]
        )
        self._write_pointer = (self._write_pointer + 1) % _DEPTH
        self._registers[0x00] |= _PPG_RDY
        if len(self._fifo) == _DEPTH - (self._registers[0x08] & 0x0F):
            self._registers[0x00] |= _A_FULL

    def read(self, register: int, size: int) -> bytes:
        """Read from `register` on; the FIFO's register does not count up. Raises Nack."""
        self.acknowledge()
        self._settle()
        if register == _DATA:
            return bytes(self._pop() for _ in range(size))
        return bytes(self._get(register + i) for i in range(size))

    def write(self, register: int, data: bytes) -> None:
        """Write from `register` on. Raises Nack."""
        self.acknowledge()
        self._settle()
        for i, value in enumerate(data):
            self._put(register + i, value)

    def _pop(self) -> int:
        """The next byte of the FIFO; an empty one gives its last sample again, here zeros."""
        if not self._fifo:
            return 0
        size = 3 * self._channels
        channel, byte = divmod(self._byte, 3)
        value = self._fifo[0][channel] >> (16, 8, 0)[byte] & 0xFF
        self._byte = (self._byte + 1) % size
        if self._byte == 1:
            self._overflow = 0
            self._read_pointer = (self._read_pointer + 1) % _DEPTH
            self._registers[0x00] &= ~_PPG_RDY
        if self._byte == 0:
            self._fifo.popleft()
        return value

    def _get(self, register: int) -> int:
        if register in (0x04, 0x05, 0x06):
            return (self._write_pointer, self._overflow, self._read_pointer)[register - 4]
        if register not in self._registers:
            raise Unmodelled(f"MAX30102 register {register:#04x}")
        value = self._registers[register]
        if register in (0x00, 0x01):
            self._registers[register] = 0
        return value

    def _put(self, register: int, value: int) -> None:
        if register in (0x04, 0x05, 0x06):
            if value:
                raise Unmodelled("MAX30102 FIFO pointers other than 0")
            self._fifo.clear()
            self._write_pointer = self._read_pointer = self._overflow = self._byte = 0
            return
        if register not in self._registers or register in _READ_ONLY:
            raise Unmodelled(f"MAX30102 write to {register:#04x}")
        if register == 0x09 and value & 0x40:
            self._reset()  # the bit clears itself
            return
        self._registers[register] = value
        if register == 0x21 and value & 1:
            self._measure_temperature()
        if register in (0x08, 0x09, 0x0A):
            self._start_or_stop()
        self._count_use()

    def _count_use(self) -> None:
        """An LED is lit for a pulse at each sample, before they are averaged."""
        samples = self._next_us is not None
        self.usage.level("sampling", samples)
        red, infrared = self._registers[0x0C], self._registers[0x0D]
        lit = 0.2 * (red + infrared * (self._registers[0x09] & 0x07 == 3))
        config = self._registers[0x0A]
        duty = _PULSES_US[config & 3] * _RATES_HZ[config >> 2 & 7] / 1e6
        self.usage.level("LED mA", lit * duty if samples else 0)

    def _start_or_stop(self) -> None:
        """A change of settings begins a new series of samples, unless the chip is shut down."""
        mode = self._registers[0x09]
        samples = not mode & 0x80 and mode & 0x07
        self._next_us = self._now_us() + self._period_us if samples else None

    def _measure_temperature(self) -> None:
        """At once here; the chip takes 29 ms."""
        sixteenths = round(self._celsius * 16)
        self._registers[0x1F] = sixteenths // 16 & 0xFF
        self._registers[0x20] = sixteenths % 16
        self._registers[0x21] = 0
        self._registers[0x01] |= _DIE_TEMP_RDY
