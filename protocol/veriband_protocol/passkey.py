"""The one-time passkey: HOTP (RFC 4226) of six digits over the band's secret and its counter."""

import struct

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Protocol

    class Hash(Protocol):
        """A hash object."""

        def digest(self) -> bytes:
            """The hash."""
            ...


def passkey(sha1: "Callable[[bytes], Hash]", secret: bytes, counter: int) -> int:
    """The passkey, 0-999999, for `counter`. `sha1` makes a hash object; it is handed in.

    Raises ValueError for a secret of more than 64 bytes.
    """
    if len(secret) > 64:
        raise ValueError("a secret has at most 64 bytes")
    key = secret + bytes(64 - len(secret))
    inner = sha1(bytes(b ^ 0x36 for b in key) + struct.pack(">II", 0, counter)).digest()
    mac = sha1(bytes(b ^ 0x5C for b in key) + inner).digest()
    at = mac[19] & 15
    return (struct.unpack(">I", mac[at : at + 4])[0] & 0x7FFFFFFF) % 1000000
