"""A connected central, and how far it is trusted."""

from band.bonds import PEER


class Peer:
    """`known`: there is a bond for its address. `trusted`: it has encrypted with a key that a
    passkey authenticated."""

    def __init__(self, bonds, conn: int, kind: int, address) -> None:
        self.conn = conn
        self.mtu = 23
        self.trusted = False
        key = bytes((kind & 1,)) + bytes(reversed(bytes(address)))
        self.known = bonds.get(PEER, 0, key) is not None
