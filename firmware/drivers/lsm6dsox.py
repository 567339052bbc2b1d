"""LSM6DSOX: the pedometer and its cumulative step count (ST DS12814, AN5273)."""

ADDRESS = 0x6A
WHO_AM_I = 0x6C

_FUNC_CFG_ACCESS = 0x01
_WHO_AM_I = 0x0F
_CTRL1_XL = 0x10
_CTRL3_C = 0x12
_EMB_FUNC_EN_A = 0x04  # embedded bank, as all below
_STEP_COUNTER = 0x62
_EMB_FUNC_SRC = 0x64

_EMBEDDED = b"\x80"
_USER = b"\x00"
_XL_26HZ_4G = b"\x28"  # the pedometer needs 26 Hz or more
_BDU_IF_INC = b"\x44"
_PEDO_EN = 0x08
_PEDO_ON = b"\x08"
_PEDO_RST_STEP = b"\x80"

LOST = -1


class LSM6DSOX:
    """The chip at `address` of `bus` (a machine.I2C or its like)."""

    def __init__(self, bus, address: int = ADDRESS) -> None:
        self._bus = bus
        self._address = address
        self._known = False
        self._one = bytearray(1)
        self._two = bytearray(2)

    def start(self) -> None:
        """Let a pedometer that was reset count from 0.

        Raises OSError when the chip does not answer; it counts already then, or is LOST still.
        """
        self._write(_FUNC_CFG_ACCESS, _USER)
        self._write(_CTRL3_C, _BDU_IF_INC)
        self._write(_CTRL1_XL, _XL_26HZ_4G)
        self._write(_FUNC_CFG_ACCESS, _EMBEDDED)
        self._write(_EMB_FUNC_SRC, _PEDO_RST_STEP)
        self._write(_EMB_FUNC_EN_A, _PEDO_ON)
        self._write(_FUNC_CFG_ACCESS, _USER)

    def steps(self) -> int:
        """The cumulative count, 0-65535, or LOST when the chip was reset and is not counting.

        Allocates nothing. Raises OSError when the chip does not answer or is another one.
        """
        if not self._known:
            self._identify()
        self._write(_FUNC_CFG_ACCESS, _EMBEDDED)
        self._bus.readfrom_mem_into(self._address, _STEP_COUNTER, self._two)
        # Read last: a reset at any moment before has cleared it, or the bank it lies in.
        counting = self._read(_EMB_FUNC_EN_A) & _PEDO_EN
        self._write(_FUNC_CFG_ACCESS, _USER)
        return self._two[0] | self._two[1] << 8 if counting else LOST

    def _identify(self) -> None:
        self._write(_FUNC_CFG_ACCESS, _USER)
        if self._read(_WHO_AM_I) != WHO_AM_I:
            raise OSError(19, "no LSM6DSOX")
        self._known = True

    def _read(self, register: int) -> int:
        self._bus.readfrom_mem_into(self._address, register, self._one)
        return self._one[0]

    def _write(self, register: int, value: bytes) -> None:
        self._bus.writeto_mem(self._address, register, value)
