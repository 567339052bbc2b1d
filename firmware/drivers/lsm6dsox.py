"""LSM6DSOX: the pedometer's cumulative step count, and the arm's motion (ST DS12814, AN5273)."""

ADDRESS = 0x6A
WHO_AM_I = 0x6C

DEPTH = 512  # samples of motion that the FIFO holds: 19.7 s
G = 8197  # one g, at +-4 g in 16 bits: 0.122 mg each

_FUNC_CFG_ACCESS = 0x01
_FIFO_CTRL3 = 0x09  # what is batched; then FIFO_CTRL4, the mode
_WHO_AM_I = 0x0F
_CTRL1_XL = 0x10
_CTRL3_C = 0x12
_CTRL6_C = 0x15
_FIFO_STATUS1 = 0x3A  # words that wait, the low byte; then FIFO_STATUS2
_FIFO_DATA_OUT_TAG = 0x78  # a word: tag, x, y, z; behind it comes the next one
_EMB_FUNC_EN_A = 0x04  # embedded bank, as all below
_STEP_COUNTER = 0x62
_EMB_FUNC_SRC = 0x64

_EMBEDDED = b"\x80"
_USER = b"\x00"
_XL_26HZ_4G = b"\x28"  # the pedometer needs 26 Hz or more
_BDU_IF_INC = b"\x44"
_LOW_POWER = b"\x10"  # XL_HM_MODE: the accelerometer takes 26 uA, not 170
_BATCH_26HZ_CONTINUOUS = b"\x02\x06"  # when it is full the oldest are lost
_NO_BATCH_BYPASS = b"\x00\x00"  # empties it
_OVERRUN = 0x48  # now, or since the status was read
_ACCELERATION = 2  # tag, above its counter and parity
_WORD = 7
_BURST = 16  # words
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
        self._fifo = bytearray(_BURST * _WORD)
        view = memoryview(self._fifo)
        self._bursts = tuple(view[: n * _WORD] for n in range(_BURST + 1))

    def start(self) -> None:
        """Let a pedometer that was reset count from 0.

        Raises OSError when the chip does not answer; it counts already then, or is LOST still.
        """
        self._write(_FUNC_CFG_ACCESS, _USER)
        self._write(_CTRL3_C, _BDU_IF_INC)
        self._write(_CTRL6_C, _LOW_POWER)
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

    def start_motion(self) -> None:
        """Collect the acceleration at 26 Hz from now on; the pedometer goes on as before.

        Raises OSError when the chip does not answer or is another one.
        """
        self._identify()
        self._write(_FIFO_CTRL3, _NO_BATCH_BYPASS)
        self._write(_FIFO_CTRL3, _BATCH_26HZ_CONTINUOUS)

    def stop_motion(self) -> None:
        """Collect no more. Raises OSError when the chip does not answer."""
        self._write(_FUNC_CFG_ACCESS, _USER)
        self._write(_FIFO_CTRL3, _NO_BATCH_BYPASS)

    def read_motion(self, x, y, z) -> int:
        """Put all samples that wait into `x`, `y` and `z` (arrays of 16-bit ints, one g is G), as
        many as there is room for; how many, or LOST when more came than the FIFO holds.

        Allocates nothing. Raises OSError when the chip does not answer; what was read is lost.
        """
        self._write(_FUNC_CFG_ACCESS, _USER)
        self._bus.readfrom_mem_into(self._address, _FIFO_STATUS1, self._two)
        if self._two[1] & _OVERRUN:
            return LOST
        waiting = self._two[0] | (self._two[1] & 3) << 8
        fifo = self._fifo
        count = 0
        while waiting and count < len(x):
            words = min(waiting, _BURST, len(x) - count)
            self._bus.readfrom_mem_into(self._address, _FIFO_DATA_OUT_TAG, self._bursts[words])
            waiting -= words
            for k in range(words):
                i = k * _WORD
                if fifo[i] >> 3 == _ACCELERATION:
                    x[count] = _signed(fifo[i + 1], fifo[i + 2])
                    y[count] = _signed(fifo[i + 3], fifo[i + 4])
                    z[count] = _signed(fifo[i + 5], fifo[i + 6])
                    count += 1
        return count

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


def _signed(low: int, high: int) -> int:
    return (low | high << 8) - ((high & 0x80) << 9)
