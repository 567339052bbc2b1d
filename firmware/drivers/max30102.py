"""MAX30102: how much red and infrared light comes back from the skin (Maxim 19-7740)."""

ADDRESS = 0x57
PART_ID = 0x15
DEPTH = 32  # samples that the FIFO holds
RATE_HZ = 25  # samples a second: 100, of which four each are averaged

_INT_STATUS1 = 0x00  # reading clears it
_INT_ENABLE1 = 0x02
_FIFO_WR_PTR = 0x04  # then OVF_COUNTER, FIFO_RD_PTR
_FIFO_DATA = 0x07  # does not count up: each byte read is the next one of the FIFO
_FIFO_CONFIG = 0x08
_MODE_CONFIG = 0x09
_SPO2_CONFIG = 0x0A
_LED1_PA = 0x0C  # red; 0x0D is infrared
_PART_ID = 0xFF

_A_FULL = 0x80  # 17 samples or more are unread
_AVERAGE_4_NO_ROLLOVER = b"\x4f"  # when full the newest are lost, and counted
_RESET = b"\x40"
_SPO2 = b"\x03"
_SHUT_DOWN = b"\x83"
_4096_NA_100_HZ_18_BIT = b"\x27"
_BYTES = 6  # of a sample: red, infrared, 18 bits in three bytes each


class MAX30102:
    """The chip at `address` of `bus` (a machine.I2C or its like)."""

    def __init__(self, bus, address: int = ADDRESS) -> None:
        self._bus = bus
        self._address = address
        self._one = bytearray(1)
        self._pointers = bytearray(3)
        self._fifo = bytearray(DEPTH * _BYTES)
        view = memoryview(self._fifo)
        self._bursts = tuple(view[: n * _BYTES] for n in range(DEPTH + 1))
        self.lost = 0  # samples missing behind the 32 that waited at the last read; 31: or more

    def part_id(self) -> int:
        """PART_ID, or what another chip has there. Raises OSError when none answers."""
        return self._read(_PART_ID)

    def begin(self, red: int, infrared: int) -> None:
        """Start sampling, the LEDs at these currents in 0.2 mA (0-255).

        Raises OSError when the chip does not answer or is another one.
        """
        if self.part_id() != PART_ID:
            raise OSError(19, "no MAX30102")
        self._write(_MODE_CONFIG, _RESET)
        self._write(_INT_ENABLE1, bytes((_A_FULL,)))
        self._write(_FIFO_CONFIG, _AVERAGE_4_NO_ROLLOVER)
        self._write(_SPO2_CONFIG, _4096_NA_100_HZ_18_BIT)
        self._write(_LED1_PA, bytes((red, infrared)))
        self._write(_FIFO_WR_PTR, bytes(3))
        self._write(_MODE_CONFIG, _SPO2)
        self.lost = 0

    def stop(self) -> None:
        """LEDs off, and no more samples. Raises OSError when the chip does not answer."""
        self._write(_MODE_CONFIG, _SHUT_DOWN)

    def read(self, red, infrared, at: int) -> int:
        """Put all samples that wait into `red` and `infrared` (arrays of ints of 0-262143) from
        index `at` on, as many as there is room for; how many.

        Allocates nothing. Raises OSError when the chip does not answer; no sample is lost then.
        """
        status = self._read(_INT_STATUS1)
        self._bus.readfrom_mem_into(self._address, _FIFO_WR_PTR, self._pointers)
        self.lost = self._pointers[1]
        count = (self._pointers[0] - self._pointers[2]) & 31
        if count == 0 and (self.lost or status & _A_FULL):
            count = DEPTH
        count = min(count, len(red) - at)
        if count == 0:
            return 0
        self._bus.readfrom_mem_into(self._address, _FIFO_DATA, self._bursts[count])
        fifo = self._fifo
        i = 0
        for k in range(at, at + count):
            red[k] = (fifo[i] & 3) << 16 | fifo[i + 1] << 8 | fifo[i + 2]
            infrared[k] = (fifo[i + 3] & 3) << 16 | fifo[i + 4] << 8 | fifo[i + 5]
            i += _BYTES
        return count

    def _read(self, register: int) -> int:
        self._bus.readfrom_mem_into(self._address, register, self._one)
        return self._one[0]

    def _write(self, register: int, data: bytes) -> None:
        self._bus.writeto_mem(self._address, register, data)
