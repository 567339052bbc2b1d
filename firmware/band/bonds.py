"""The bonds: the radio's secrets, kept in a file, never lost to a stranger's attempt to pair."""

from binascii import a2b_base64, b2a_base64

from band import settings

PEER = 2  # sec_type of a peer's key; 1 is our own, 10 the identity key
IDENTITY = 10
_MOST = 4


class Bonds:
    """Secrets by (type, key). The radio asks in its interrupt; `save` writes when it may."""

    def __init__(self) -> None:
        self._secrets = [
            (kind, a2b_base64(key), a2b_base64(value))
            for kind, key, value in settings.load("bonds", [])
        ]
        self.changed = False

    def get(self, kind: int, index: int, key):
        """The secret of `kind` with `key` (None: the `index`-th of the kind), or None."""
        for its_kind, its_key, value in self._secrets:
            if its_kind == kind:
                if key is not None:
                    if its_key == key:
                        return value
                elif index == 0:
                    return value
                else:
                    index -= 1
        return None

    def put(self, kind: int, key: bytes, value: bytes) -> None:
        """Keep a secret, the oldest peers' giving way beyond the most that are kept."""
        rest = [s for s in self._secrets if s[0] != kind or s[1] != key]
        rest.append((kind, key, value))
        if kind != IDENTITY:
            peers = [s[1] for s in rest if s[0] == PEER]
            drop = peers[:-_MOST]
            rest = [s for s in rest if s[0] == IDENTITY or s[1] not in drop]
        self._secrets = rest
        self.changed = True

    def save(self) -> None:
        """Write what changed. Raises OSError when the file system fails."""
        if self.changed:
            settings.save(
                "bonds",
                [
                    (k, b2a_base64(key).decode(), b2a_base64(v).decode())
                    for k, key, v in self._secrets
                ],
            )
            self.changed = False
