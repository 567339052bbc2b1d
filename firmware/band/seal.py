"""Seals batches for a contest: a truncated HMAC-SHA256 (RFC 2104) under its organiser's key."""

import struct
from binascii import a2b_base64, b2a_base64
from hashlib import sha256

from band import settings
from veriband_protocol.wire import NO_SEAL, SEAL_BYTES

_BLOCK = 64


class Seal:
    """The key that was enrolled, if one was, kept on the file system."""

    def __init__(self) -> None:
        self._key = a2b_base64(settings.load("seal", ""))

    @property
    def key_id(self) -> int:
        """The first four bytes of the key's SHA-256; 0 without a key."""
        return struct.unpack("<I", sha256(self._key).digest())[0] if self._key else 0

    def enrol(self, key: bytes) -> None:
        """Seal with `key` from now on. Raises OSError when the file system fails."""
        settings.save("seal", b2a_base64(key).decode())
        self._key = key

    def of(self, data) -> bytes:
        """The seal of `data`; no seal without a key."""
        if not self._key:
            return NO_SEAL
        inner = sha256(bytes(b ^ 0x36 for b in self._padded()))
        inner.update(data)
        outer = sha256(bytes(b ^ 0x5C for b in self._padded()))
        outer.update(inner.digest())
        return outer.digest()[:SEAL_BYTES]

    def _padded(self) -> bytes:
        return self._key + bytes(_BLOCK - len(self._key))
