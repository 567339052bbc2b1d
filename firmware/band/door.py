"""Who is let in: every central must encrypt, and pair with a passkey before that, or leave."""

import asyncio

from band import radio
from band.bonds import PEER
from band.pairing import WINDOW_MS
from veriband_protocol import VERSION, control, items

_UNTRUSTED_MS = 30000  # so long may a central stay that does not encrypt


class Door:
    """Applies the rules to what the radio tells."""

    def __init__(self, the_radio, bonds, pairing) -> None:
        self._radio = the_radio
        self._bonds = bonds
        self._pairing = pairing
        self._expected = {}  # by connection, a task that waits for it to encrypt

    def open(self) -> None:
        """The wearer asked for it: let somebody pair for a minute."""
        self._pairing.open()
        self._advertise()
        asyncio.create_task(self._expire())

    def is_open(self) -> bool:
        """Whether somebody may pair."""
        return self._pairing.is_open()

    async def _expire(self) -> None:
        await asyncio.sleep_ms(WINDOW_MS)
        if not self._pairing.is_open():
            self._pairing.close()  # or the ticks that wrap open it again, days later
        self._advertise()

    def broadcast(self, begins: bool) -> None:
        """From now on anybody may listen to the heart rate, or nobody more."""
        self._radio.broadcasts = begins
        self._advertise()
        if not begins:
            for peer in tuple(self._radio.peers.values()):
                if not peer.trusted and not peer.known:
                    self._radio.drop(peer.conn)

    def _may_stay(self, peer) -> bool:
        """A listener to the broadcast need not pair; who has a bond must use it."""
        return peer.trusted or self._radio.broadcasts and not peer.known

    def _advertise(self) -> None:
        pairing = self._pairing
        self._radio.advertise(
            control.pack_pairing(VERSION, pairing.counter) if pairing.is_open() else b""
        )

    def passed(self, event: int, conn: int, detail: int) -> int:
        """Handle a radio event other than a write; what to journal of it, 0 nothing."""
        if event == radio.CONNECT:
            self._advertise()
            self._admit(conn, self._radio.peers.get(conn))
        elif event == radio.DISCONNECT:
            self._advertise()
            task = self._expected.pop(conn, None)
            if task:  # who comes and goes many times a second must not leave one each time
                task.cancel()
            if conn == self._radio.bonding:
                self._radio.bonding = None
                return items.EVENT_PAIRING_FAILED
        elif event == radio.PASSKEY:
            self._show_passkey(conn)
        elif event == radio.SET_SECRET:
            return self._bonded(detail)
        else:
            self._refuse(conn)
        return 0

    def _admit(self, conn: int, peer) -> None:
        """Ask for encryption, except a listener: to pair, or fail to, is not what it came for. It
        does not get the last place, which is for a host with a bond, or one that may pair."""
        if peer is None:
            return
        if self._may_stay(peer) and not self._pairing.is_open():
            if self._is_full():
                self._radio.drop(conn)
            return
        self._radio.secure(conn)
        self._expected[conn] = asyncio.create_task(self._expect_trust(conn, peer))

    def _is_full(self) -> bool:
        return len(self._radio.peers) >= radio.MOST_CONNECTIONS

    def _refuse(self, conn: int) -> None:
        peer = self._radio.peers.get(conn)
        if peer is not None and not self._may_stay(peer):
            self._radio.drop(conn)

    def _show_passkey(self, conn: int) -> None:
        if self._pairing.is_open():
            self._radio.bonding = conn
            self._radio.show_passkey(conn, self._pairing.next_passkey())
            self._advertise()
        else:
            self._refuse(conn)  # a listener's pairing fails for want of an answer

    def _bonded(self, kind: int) -> int:
        self._bonds.save()
        if kind != PEER:
            return 0
        self._radio.bonding = None
        self._pairing.close()
        return items.EVENT_BONDED

    async def _expect_trust(self, conn: int, peer) -> None:
        await asyncio.sleep_ms(_UNTRUSTED_MS)
        if self._radio.peers.get(conn) is not peer or peer.trusted:
            return
        if self._is_full() or not self._may_stay(peer):
            self._radio.drop(conn)
