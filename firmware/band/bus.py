"""The I2C bus. It frees itself when a chip that was cut off in mid-transfer holds it."""

import time

from machine import I2C, Pin

_ETIMEDOUT = 116
_CLOCKS = 9  # a byte and its acknowledgement
_HALF_US = 5


class Bus:
    """The bus of `board`, as drivers use it."""

    def __init__(self, board) -> None:
        self._board = board
        self._i2c = self._begun()

    def _begun(self) -> I2C:
        board = self._board
        return I2C(board.I2C_ID, scl=Pin(board.SCL), sda=Pin(board.SDA), freq=board.I2C_HZ)

    def readfrom_mem_into(self, address: int, register: int, buf) -> None:
        """Fill `buf` from `register` on. Allocates nothing when all is well.

        Raises OSError when the chip does not answer. A bus that was held is free then: try again.
        """
        try:
            self._i2c.readfrom_mem_into(address, register, buf)
        except OSError as error:
            self._failed(error)
            raise

    def writeto_mem(self, address: int, register: int, data: bytes) -> None:
        """Write `data` from `register` on; as `readfrom_mem_into`."""
        try:
            self._i2c.writeto_mem(address, register, data)
        except OSError as error:
            self._failed(error)
            raise

    def readfrom_into(self, address: int, buf) -> None:
        """Fill `buf` with what a chip without registers has to say; as `readfrom_mem_into`."""
        self._do(self._i2c.readfrom_into, address, buf)

    def writeto(self, address: int, data: bytes) -> None:
        """Write to a chip without registers; as `readfrom_mem_into`."""
        self._do(self._i2c.writeto, address, data)

    def _do(self, transaction, address: int, data) -> None:
        try:
            transaction(address, data)
        except OSError as error:
            self._failed(error)
            raise

    def _failed(self, error: OSError) -> None:
        if error.errno == _ETIMEDOUT:
            self.free()

    def free(self) -> None:
        """Have every chip end what it was doing: nine clocks, a STOP (UM10204, 3.1.16)."""
        scl = Pin(self._board.SCL, Pin.OPEN_DRAIN, value=1)
        sda = Pin(self._board.SDA, Pin.OPEN_DRAIN, value=1)
        for _ in range(_CLOCKS):
            _drive(scl, 0)
            _drive(scl, 1)
        _drive(scl, 0)
        _drive(sda, 0)
        _drive(scl, 1)
        _drive(sda, 1)
        self._i2c = self._begun()


def _drive(line: Pin, level: int) -> None:
    line(level)
    time.sleep_us(_HALF_US)
