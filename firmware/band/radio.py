"""The radio: services, advertising, who may read and be told. Its interrupt only queues."""

import asyncio
from binascii import hexlify
from collections import deque

import bluetooth
from machine import unique_id

from band import advert
from band.bonds import IDENTITY
from band.peer import Peer
from band.table import Table
from band.tasks import Bell

CONNECT = 1
DISCONNECT = 2
WRITE = 3
_READ = 4
_NOBODY = 0xFFFF  # the stack reads for itself what those who have subscribed are sent
_MTU = 21
ENCRYPTION = 28
_GET_SECRET = 29
SET_SECRET = 30
PASSKEY = 31
_QUEUED = (CONNECT, DISCONNECT, WRITE, ENCRYPTION, PASSKEY)
_DISPLAY_ONLY = 0
MOST_CONNECTIONS = 3
_WRITES = 16  # that may wait
_ENOMEM = 12
_RETRY_MS = 30
_RETRIES = 200


class Radio(Table):
    """Advertises, queues what centrals write, sends to those that are trusted."""

    def __init__(self, bonds) -> None:
        self._bonds = bonds
        self.on_start = lambda: None  # called when it is on, before anybody can connect
        self.before_read = lambda handle: None  # called in the interrupt with what will be read
        self.on_heard = lambda: None  # called there when the heart rate goes to a subscriber
        self.peers = {}
        self.queue: deque = deque((), _WRITES + 8)  # (event, conn, handle, data)
        self.ready = Bell()
        self.arrival = Bell()  # somebody who may have it has come
        self.broadcasts = False  # the heart rate, to anybody
        self.advertise_us = 1000000
        self.bonding = None  # the connection that was shown a passkey
        self.name = "Veriband-" + hexlify(unique_id()[-2:]).decode().upper()
        self._ble = bluetooth.BLE()
        self.is_on = False
        self.on()

    def on(self) -> None:
        """Switch it on and advertise, unless it is on. Handles may be others than before."""
        if self.is_on:
            return
        self.is_on = True
        ble = self._ble
        ble.irq(self._irq)  # switching it off forgets it
        ble.active(True)
        ble.config(gap_name=self.name, mtu=247, bond=True, mitm=True, le_secure=True)
        ble.config(io=_DISPLAY_ONLY)
        self.register(ble)
        self.on_start()
        self.advertise()

    def off(self) -> None:
        """Switch it off; who has connected at this very moment is not told of again."""
        self.is_on = False
        self._ble.active(False)
        self.peers.clear()

    def is_busy(self) -> bool:
        """Whether anybody is connected, waits to be served, or may come to listen."""
        return bool(self.peers or self.queue or self.broadcasts)

    def advertise(self, data: bytes = b"") -> None:
        """Be found, with manufacturer `data`, as long as there is room for another central."""
        if not self.is_on or len(self.peers) >= MOST_CONNECTIONS:
            return
        self._ble.gap_advertise(
            self.advertise_us,
            adv_data=advert.payload(self.broadcasts),
            resp_data=advert.response(self.name, data),
        )

    def write(self, handle: int, value: bytes) -> None:
        """Set what `handle` reads as, if it is on."""
        if self.is_on:
            self._ble.gatts_write(handle, value)

    def tell(self, handle: int, value: bytes) -> bool:
        """Notify or indicate `value` to those who have subscribed to it and may have it.

        Only the stack knows who has subscribed; it asks nobody's leave. So while somebody is
        connected who may not have it, those who may are told whether they have subscribed or not,
        and the answer is False.
        """
        if not self.is_on:
            return True
        is_open = self.broadcasts and handle == self.heart_rate
        peers = [peer for peer in self.peers.values() if peer.trusted or is_open]
        self._ble.gatts_write(handle, value, len(peers) == len(self.peers))
        if len(peers) == len(self.peers):
            return True
        send = self._ble.gatts_indicate if handle in self.indicated else self._ble.gatts_notify
        for peer in peers:
            _tried(send, peer.conn, handle, value)  # what is measured is in the journal, too
        return False

    def _irq(self, event: int, data):
        # An exception that leaves this handler silences the radio for good.
        try:
            return self._on(event, data)
        except Exception:
            return None

    def _on(self, event: int, data):
        if event == _GET_SECRET:
            kind, index, key = data
            return self._bonds.get(kind, index, None if key is None else bytes(key))
        if event == SET_SECRET:
            return self._set_secret(*data)
        if event == _READ:
            return self._about_to_read(*data)
        if event == CONNECT:
            self.peers[data[0]] = Peer(self._bonds, *data)
            if self.broadcasts:
                self.arrival.set()
        elif event == DISCONNECT:
            self.peers.pop(data[0], None)
        elif event == _MTU:
            self.peers[data[0]].mtu = data[1]
        elif event == ENCRYPTION:
            self.peers[data[0]].trusted = bool(data[1] and data[2])
            self.arrival.set()
        if event in _QUEUED:
            value = self._ble.gatts_read(data[1]) if event == WRITE else b""
            self._enqueue(event, data[0], data[1], value)
        return None

    def _about_to_read(self, conn: int, handle: int) -> None:
        if conn != _NOBODY:
            self.before_read(handle)
        elif handle == self.heart_rate:
            self.on_heard()

    def _enqueue(self, event: int, conn: int, handle: int, value: bytes) -> None:
        if event != WRITE or len(self.queue) < _WRITES:  # who floods us is not answered
            self.queue.append((event, conn, handle, value))
            self.ready.set()

    def _set_secret(self, kind: int, key, value) -> bool:
        # The stack deletes a bond as soon as anybody with its address asks to pair. We keep it
        # until a pairing that a passkey authenticated replaces it.
        if value is None:
            return True
        peer = self.peers.get(self.bonding)
        if kind != IDENTITY and (peer is None or not peer.trusted):
            return False
        self._bonds.put(kind, bytes(key), bytes(value))
        self._enqueue(SET_SECRET, 0, kind, b"")
        return True

    def secure(self, conn: int) -> None:
        """Ask the central to encrypt, with its bond or by pairing."""
        _tried(self._ble.gap_pair, conn)  # one that encrypts by itself is at it already

    def show_passkey(self, conn: int, passkey: int) -> None:
        """Give the stack the passkey that the other side has to enter."""
        _tried(self._ble.gap_passkey, conn, 3, passkey)

    def drop(self, conn: int) -> None:
        """Disconnect."""
        _tried(self._ble.gap_disconnect, conn)

    async def notify(self, conn: int, handle: int, data: bytes) -> bool:
        """Send, waiting for room in the stack; False when the central is gone or not trusted."""
        for _ in range(_RETRIES):
            peer = self.peers.get(conn)
            if peer is None or not peer.trusted:
                return False
            try:
                self._ble.gatts_notify(conn, handle, data)
                return True
            except OSError as error:
                if error.errno != _ENOMEM:
                    return False
            await asyncio.sleep_ms(_RETRY_MS)
        return False


def _tried(call, *arguments) -> None:
    """Make a call about a connection, which may have gone, or whose queue may be full."""
    try:
        call(*arguments)
    except OSError:
        pass
