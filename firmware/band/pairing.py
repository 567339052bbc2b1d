"""Pairing: open for a minute after a long press, each passkey good for one attempt."""

import time
from binascii import unhexlify
from hashlib import sha1

from veriband_protocol.passkey import passkey

WINDOW_MS = 60000
_ATTEMPTS = 3


class Pairing:
    """The window and the one-time passkeys. The counter only ever goes up, before it is used."""

    def __init__(self, secret: str, notes) -> None:
        self._secret = unhexlify(secret)
        self._notes = notes
        self.counter = notes.number(notes.PASSKEYS)
        self._until = time.ticks_ms()
        self._attempts = 0

    def open(self) -> None:
        """Let somebody pair for the next minute."""
        self._until = time.ticks_add(time.ticks_ms(), WINDOW_MS)
        self._attempts = _ATTEMPTS

    def is_open(self) -> bool:
        """Whether an attempt may start."""
        return self._attempts > 0 and time.ticks_diff(self._until, time.ticks_ms()) > 0

    def close(self) -> None:
        """No more attempts."""
        self._attempts = 0

    def next_passkey(self) -> int:
        """The passkey of this attempt, used up by asking. Raises OSError when flash fails."""
        counter = self.counter
        self._notes.keep(self._notes.PASSKEYS, counter + 1)
        self.counter = counter + 1
        self._attempts -= 1
        return passkey(sha1, self._secret, counter)
