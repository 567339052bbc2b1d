"""MAX17048: the case battery's fuel gauge (Maxim 19-6171)."""

ADDRESS = 0x36

_VCELL = 0x02  # 78.125 uV a bit
_SOC = 0x04  # 1/256 % a bit


class MAX17048:
    """The gauge on `bus`."""

    def __init__(self, bus, address: int = ADDRESS) -> None:
        self._bus = bus
        self._address = address
        self._word = bytearray(2)

    def percent(self) -> int:
        """State of charge, 0-100 %. Raises OSError when the gauge does not answer."""
        return min(100, self._read(_SOC) >> 8)

    def cell_mv(self) -> int:
        """Cell voltage in mV. Raises OSError when the gauge does not answer."""
        return self._read(_VCELL) * 5 // 64

    def _read(self, register: int) -> int:
        self._bus.readfrom_mem_into(self._address, register, self._word)
        return self._word[0] << 8 | self._word[1]
