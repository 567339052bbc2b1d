"""The radio: services, advertising, who may read and be told. Its interrupt only queues."""

import asyncio
import struct
from binascii import hexlify
from collections import deque

import bluetooth
from machine import unique_id

from band.bonds import IDENTITY
from band.info import VERSION
from band.tasks import Bell
from veriband_protocol import uuids

CONNECT = 1
DISCONNECT = 2
WRITE = 3
_READ = 4
_MTU = 21
ENCRYPTION = 28
_GET_SECRET = 29
SET_SECRET = 30
PASSKEY = 31

_DISPLAY_ONLY = 0
_ADVERTISE_US = 1000000
_MOST_CONNECTIONS = 3
_QUEUE = 16
_ENOMEM = 12
_RETRY_MS = 30
_RETRIES = 200
_WRITE_BUFFER = 64

_F_READ_SAFE = 0x0002 | 0x0200 | 0x0400  # encrypted, authenticated
_F_WRITE_SAFE = 0x0008 | 0x1000 | 0x2000
_F_NOTIFY_SAFE = 0x0010 | 0x8000  # newer NimBLE: the subscription needs encryption


def _u(uuid):
    return bluetooth.UUID(uuid)


def _services():
    read = _F_READ_SAFE
    return (
        (_u(uuids.DEVICE_INFORMATION), (
            (_u(uuids.MANUFACTURER_NAME), read), (_u(uuids.MODEL_NUMBER), read),
            (_u(uuids.SERIAL_NUMBER), read), (_u(uuids.FIRMWARE_REVISION), read),
        )),
        (_u(uuids.BATTERY), ((_u(uuids.BATTERY_LEVEL), read),)),
        (_u(uuids.CURRENT_TIME_SERVICE), (
            (_u(uuids.CURRENT_TIME), read), (_u(uuids.LOCAL_TIME_INFORMATION), read),
        )),
        (_u(uuids.JOURNAL_SERVICE), (
            (_u(uuids.JOURNAL_STATE), read),
            (_u(uuids.JOURNAL_REQUEST), _F_WRITE_SAFE),
            (_u(uuids.JOURNAL_DATA), _F_NOTIFY_SAFE),
        )),
        (_u(uuids.CONTROL_SERVICE), (
            (_u(uuids.CONTROL_REQUEST), _F_WRITE_SAFE),
            (_u(uuids.CONTROL_RESPONSE), _F_NOTIFY_SAFE),
        )),
    )  # fmt: skip


class Peer:
    """A connected central."""

    def __init__(self, conn: int) -> None:
        self.conn = conn
        self.mtu = 23
        self.trusted = False  # encrypted, with a key that a passkey authenticated


class Radio:
    """Advertises, queues what centrals write, sends to those that are trusted."""

    def __init__(self, bonds) -> None:
        self._bonds = bonds
        self.before_read = lambda handle: None  # called in the interrupt with what will be read
        self.peers = {}
        self.queue: deque = deque((), _QUEUE)  # (event, conn, handle, data)
        self.ready = Bell()
        self.bonding = None  # the connection that was shown a passkey
        self.name = "Veriband-" + hexlify(unique_id()[-2:]).decode().upper()
        self._ble = ble = bluetooth.BLE()
        ble.irq(self._irq)
        ble.active(True)
        ble.config(gap_name=self.name, mtu=247, bond=True, mitm=True, le_secure=True)
        ble.config(io=_DISPLAY_ONLY)
        handles = ble.gatts_register_services(_services())
        described = (b"Veriband", b"Veriband 1", hexlify(unique_id()), VERSION.encode())
        for i, text in enumerate(described):
            ble.gatts_write(handles[0][i], text)
        (self.battery,) = handles[1]
        self.current_time, self.local_time = handles[2]
        self.journal_state, self.journal_request, self.journal_data = handles[3]
        self.control_request, self.control_response = handles[4]
        for handle in (self.journal_request, self.control_request):
            ble.gatts_set_buffer(handle, _WRITE_BUFFER)
        self._payload = b"\x02\x01\x06\x11\x07" + bytes(_u(uuids.JOURNAL_SERVICE))
        self.advertise()

    def advertise(self, data: bytes = b"") -> None:
        """Be found, with manufacturer `data`, as long as there is room for another central."""
        if len(self.peers) >= _MOST_CONNECTIONS:
            return
        name = self.name.encode()
        response = bytes((len(name) + 1, 9)) + name
        if data:
            response += struct.pack("<BBH", len(data) + 3, 0xFF, uuids.COMPANY) + data
        self._ble.gap_advertise(_ADVERTISE_US, adv_data=self._payload, resp_data=response)

    def write(self, handle: int, value: bytes) -> None:
        """Set what `handle` reads as."""
        self._ble.gatts_write(handle, value)

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
            self.before_read(data[1])
            return None
        if event == CONNECT:
            self.peers[data[0]] = Peer(data[0])
        elif event == DISCONNECT:
            self.peers.pop(data[0], None)
        elif event == _MTU:
            self.peers[data[0]].mtu = data[1]
            return None
        elif event == ENCRYPTION:
            self.peers[data[0]].trusted = bool(data[1] and data[2])
        elif event not in (WRITE, PASSKEY):
            return None
        value = self._ble.gatts_read(data[1]) if event == WRITE else b""
        self._enqueue(event, data[0], data[1], value)
        return None

    def _enqueue(self, event: int, conn: int, handle: int, value: bytes) -> None:
        if len(self.queue) < _QUEUE:  # a central that floods us is not answered
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
        self._ble.gap_pair(conn)

    def show_passkey(self, conn: int, passkey: int) -> None:
        """Give the stack the passkey that the other side has to enter."""
        self._ble.gap_passkey(conn, 3, passkey)

    def drop(self, conn: int) -> None:
        """Disconnect."""
        try:
            self._ble.gap_disconnect(conn)
        except OSError:
            pass

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
