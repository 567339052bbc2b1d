"""What outlives files and journal, in NVS: the next passkey's counter, an order, a fault."""

from esp32 import NVS

_NAMESPACE = "veriband"
_FAULT = "fault"
_MOST = 120  # bytes of a fault's text
_NOT_FOUND = -0x1102


class Notes:
    """Numbers by key, and the fault that ended the boot before. `pause_motor` is called before
    flash is written. What is kept is on flash when that returns."""

    PASSKEYS = "passkeys"  # the counter of the next
    HAND_OVER = "hand over"  # 1 from the order on until nothing of the wearer is left

    def __init__(self, pause_motor) -> None:
        self._nvs = NVS(_NAMESPACE)
        self._pause_motor = pause_motor

    def number(self, key: str) -> int:
        """A number that was kept, 0 when none was. Raises OSError when NVS fails."""
        try:
            return self._nvs.get_i32(key)
        except OSError as error:
            if error.errno != _NOT_FOUND:
                raise
            return 0

    def keep(self, key: str, value: int) -> None:
        """Keep a number. Raises OSError when NVS fails."""
        self._nvs.set_i32(key, value)
        self._commit()

    def fault(self) -> bytes:
        """What ended the boot before, as UTF-8; empty when that was no fault, or is journaled."""
        text = bytearray(_MOST)
        try:
            return bytes(text[: self._nvs.get_blob(_FAULT, text)])
        except OSError:
            return b""

    def keep_fault(self, error) -> None:
        """Keep what ends this boot, for the next one to journal. Raises OSError when NVS fails."""
        text = (type(error).__name__ + ": " + str(error)).encode()[:_MOST]
        if text != self.fault():
            self._nvs.set_blob(_FAULT, text)
            self._commit()

    def forget_fault(self) -> None:
        """It is in the journal. Raises OSError when NVS fails."""
        self._nvs.erase_key(_FAULT)
        self._commit()

    def _commit(self) -> None:
        self._pause_motor()
        self._nvs.commit()
