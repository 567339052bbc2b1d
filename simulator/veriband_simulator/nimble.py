"""The board's Bluetooth: MicroPython's NimBLE binding, traps included, over a Bumble device."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, cast

from bumble import att, gatt
from bumble.core import UUID
from bumble.device import Connection, Device
from bumble.hci import Address
from bumble.keys import KeyStore, PairingKeys
from bumble.pairing import PairingConfig, PairingDelegate

from veriband_simulator.air import Air, make_device, start_advertising, stop_advertising
from veriband_simulator.interpreter import Value
from veriband_simulator.usage import Usage

DEFAULT_VALUE_BYTES = 20  # a longer write is cut to that, and acknowledged
MOST_QUEUED = 12  # notifications that wait in the stack; beyond it, ENOMEM
MOST_SERVICES = 8
ENOMEM, EINVAL, ENOTCONN, E2BIG, EALREADY = 12, 22, 128, 7, 114

NOBODY = 0xFFFF  # whose read it is when the stack itself fetches what subscribers are sent
NOTIFY, INDICATE = 1, 2  # bits of a CCCD

CONNECT, DISCONNECT, WRITE, READ_REQUEST, INDICATED, MTU = 1, 2, 3, 4, 20, 21
ENCRYPTION, GET_SECRET, SET_SECRET, PASSKEY = 28, 29, 30, 31
_OUR_SECRET, _PEER_SECRET = 1, 2
_DISPLAY = 3

_READ_ENC, _READ_AUTHEN, _WRITE_ENC, _WRITE_AUTHEN = 0x200, 0x400, 0x1000, 0x2000

Raise = Callable[[int, Value], Value]  # (event, data) -> what the firmware's handler returned


class RadioError(Exception):
    """A call failed with an errno."""

    def __init__(self, errno: int) -> None:
        super().__init__(errno)
        self.errno = errno


@dataclass
class _Attribute:
    flags: int
    value: bytes = b""
    room: int = DEFAULT_VALUE_BYTES
    append: bool = False


@dataclass
class _Peer:
    connection: Connection
    encrypted: bool = False
    authenticated: bool = False
    bonded: bool = False
    passkey: asyncio.Future[int] | None = None
    unconfirmed: int | None = None  # the handle of the one indication that may be under way
    changed: set[int] = field(default_factory=set[int])  # to be told as soon as that may be


class Nimble(KeyStore):
    """The radio from a start of the board to the next. Its key store asks the firmware, as the
    binding does. In `usage` it counts "radio on", "advertising" and "connected"."""

    def __init__(self, air: Air, address: str, raise_event: Raise, usage: Usage) -> None:
        self._air = air
        self._address = address
        self._raise = raise_event
        self._usage = usage
        self.is_active = self._was_active = False
        self._device = self._made()
        self._attributes: dict[int, _Attribute] = {}
        self._peers: dict[int, _Peer] = {}
        self._mitm = False
        self._advertise_us: int | None = None
        self._chores: set[asyncio.Task[None]] = set()
        self._before: asyncio.Task[None] | None = None

    def _made(self) -> Device:
        device = make_device(self._air, self._address, "band")
        device.keystore = self
        return device

    async def power_on(self) -> None:
        """Bring the controller up. Nothing is on the air before the firmware says so."""
        await self._device.power_on()
        self._device.pairing_config_factory = self._pairing_config
        self._device.on(Device.EVENT_CONNECTION, self._connected)

    def power_off(self) -> None:
        """The board lost power or was reset, or switched the radio off: silence, without a
        goodbye."""
        for task in self._chores:
            self._end(task)
        for peer in self._peers.values():
            peer.changed.clear()
        self._air.vanish(self._address)
        for peer in self._peers.values():
            if peer.passkey is not None:
                peer.passkey.cancel()
        self._peers.clear()
        self._attributes.clear()
        self.is_active = False
        for what in ("radio on", "advertising", "connected"):
            self._usage.level(what, 0)

    def _end(self, task: asyncio.Task[None]) -> None:
        """Cancel until it ends: asyncio.wait_for of Python 3.11 may swallow a cancellation."""
        if not task.done():
            task.cancel()
            task.get_loop().call_soon(self._end, task)

    def _chore(self, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Do `work` after the chores before it."""

        async def in_order(before: asyncio.Task[None] | None) -> None:
            if before is not None:
                await asyncio.wait([before])
            await work()

        task = asyncio.get_running_loop().create_task(in_order(self._before))
        self._before = task
        self._chores.add(task)
        task.add_done_callback(self._chores.discard)

    # What the firmware calls.

    def ble_active(self, active: bool) -> None:
        """Switch the radio on, or off: services, advertising and connections are gone then."""
        if active and not self.is_active:
            if self._was_active:
                self._device = self._made()
                self._chore(self.power_on)
            self.is_active = self._was_active = True
            self._usage.level("radio on", 1)
        elif not active and self.is_active:
            self.power_off()

    def ble_config(self, name: str, value: Value) -> None:
        """Take over the settings that matter here: mtu and mitm."""
        if name == "mtu" and isinstance(value, int):
            self._device.gatt_server.max_mtu = value
        elif name == "mitm":
            self._mitm = bool(value)

    def ble_advertise(
        self, interval_us: int | None, payload: bytes | None, response: bytes | None, conn: bool
    ) -> None:
        """Advertise, or stop with None. 31 bytes each; longer is EINVAL."""
        if len(payload or b"") > 31 or len(response or b"") > 31:
            raise RadioError(EINVAL)
        self._advertise_us = interval_us
        self._count_advertising()
        if interval_us is None:
            self._chore(lambda: stop_advertising(self._device))
        else:
            self._chore(
                lambda: start_advertising(
                    self._device, interval_us, payload or b"", response or b"", conn
                )
            )

    def ble_services(
        self, table: tuple[tuple[bytes, tuple[tuple[bytes, int], ...]], ...]
    ) -> Value:
        """Register the table; the value handles, a tuple for each service."""
        if len(table) > MOST_SERVICES:
            raise RadioError(E2BIG)
        handles: list[Value] = []
        for uuid, entries in table:
            characteristics = [self._characteristic(*entry) for entry in entries]
            self._device.add_service(gatt.Service(UUID.from_bytes(uuid), characteristics))
            for characteristic, (_, flags) in zip(characteristics, entries, strict=True):
                self._attributes[characteristic.handle] = _Attribute(flags)
            handles.append(tuple(characteristic.handle for characteristic in characteristics))
        return tuple(handles)

    def _characteristic(self, uuid: bytes, flags: int) -> gatt.Characteristic[bytes]:
        def read(connection: Connection) -> bytes:
            return self._read(connection, characteristic.handle)

        def write(connection: Connection, value: bytes) -> None:
            self._write(connection, characteristic.handle, value)

        characteristic = gatt.Characteristic[bytes](
            UUID.from_bytes(uuid),
            gatt.Characteristic.Properties(flags & 0xFF),
            gatt.Characteristic.READABLE | gatt.Characteristic.WRITEABLE,
            gatt.CharacteristicValue(read=read, write=write),
        )
        return characteristic

    def ble_read(self, handle: int) -> bytes:
        """The local value; one that appends is emptied."""
        attribute = self._attributes[handle]
        value = attribute.value
        if attribute.append:
            attribute.value = b""
        return value

    def ble_write(self, handle: int, value: bytes, send_update: bool) -> None:
        """Set the local value, and let it grow to that length."""
        attribute = self._attributes[handle]
        attribute.value = value
        attribute.room = max(attribute.room, len(value))
        if send_update:
            for conn, peer in self._peers.items():
                peer.changed.add(handle)
                asyncio.get_running_loop().call_soon(self._tell, conn)

    def ble_buffer(self, handle: int, size: int, append: bool) -> None:
        """Give the value room for `size` bytes."""
        attribute = self._attributes[handle]
        attribute.room, attribute.append = size, append

    def _tell(self, conn: int) -> None:
        """Send what has changed and is subscribed to, each value as the firmware lets it be read.
        What finds no room in the queue is lost; an indication waits for the one before it."""
        peer = self._peers.get(conn)
        if peer is None:
            return
        for handle in sorted(peer.changed):
            bits = self._subscription(conn, handle)
            if bits == INDICATE and peer.unconfirmed is not None:
                continue
            peer.changed.discard(handle)
            if bits and not self._raise(READ_REQUEST, (NOBODY, handle)):
                with suppress(RadioError):
                    self._send(conn, handle, None, indicate=bits == INDICATE)

    def _subscription(self, conn: int, handle: int) -> int:
        """NOTIFY, INDICATE or 0: what the CCCD asks for and there is, notifications first."""
        subscriptions = self._device.gatt_server.subscribers.get(self._peers[conn].connection, {})
        bits = subscriptions.get(handle, b"\0")[0] & self._attributes[handle].flags >> 4
        return bits & NOTIFY or bits & INDICATE

    def _send(self, conn: int, handle: int, value: bytes | None, *, indicate: bool) -> None:
        peer = self._peer(conn)
        if self._air.queued(self._address, str(peer.connection.peer_address)) >= MOST_QUEUED:
            raise RadioError(ENOMEM)
        data = self._attributes[handle].value if value is None else value
        server, kind = self._device.gatt_server, att.ATT_Handle_Value_Notification
        if indicate:
            if peer.unconfirmed is not None:
                raise RadioError(EALREADY)
            kind = att.ATT_Handle_Value_Indication
            peer.unconfirmed = handle
            confirmation: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            confirmation.add_done_callback(lambda _: self._confirmed(conn, peer))
            self._await(peer.connection, confirmation)
        data = data[: peer.connection.att_mtu - 3]
        pdu = kind(attribute_handle=handle, attribute_value=data)
        server.send_gatt_pdu(peer.connection, bytes(pdu))

    def _await(self, connection: Connection, confirmation: asyncio.Future[None] | None) -> None:
        """What Bumble's server ends when the other side confirms an indication."""
        pending = cast(
            "dict[Connection, asyncio.Future[None] | None]",
            self._device.gatt_server.pending_confirmations,  # type: ignore[reportUnknownMemberType]
        )
        pending[connection] = confirmation

    def _confirmed(self, conn: int, peer: _Peer) -> None:
        handle, peer.unconfirmed = peer.unconfirmed, None
        self._await(peer.connection, None)
        if self._peers.get(conn) is peer:
            self._raise(INDICATED, (conn, handle, 0))
            self._tell(conn)

    def ble_notify(self, conn: int, handle: int, value: bytes | None) -> None:
        """Notify, subscribed or not; cut to the MTU. ENOMEM when the queue is full."""
        self._send(conn, handle, value, indicate=False)

    def ble_indicate(self, conn: int, handle: int, value: bytes | None) -> None:
        """Indicate, subscribed or not; cut to the MTU. EALREADY while one is not confirmed."""
        self._send(conn, handle, value, indicate=True)

    def ble_disconnect(self, conn: int) -> bool:
        """Disconnect; False when there is no such connection."""
        peer = self._peers.get(conn)
        if peer is None:
            return False
        self._chore(peer.connection.disconnect)
        return True

    def ble_pair(self, conn: int) -> None:
        """Send a security request."""
        self._peer(conn).connection.request_pairing()

    def ble_passkey(self, conn: int, action: int, passkey: int) -> None:
        """Give the passkey that a PASSKEY event asked for."""
        waiting = self._peer(conn).passkey
        if waiting is None or waiting.done() or action != _DISPLAY:
            raise RadioError(EINVAL)
        waiting.set_result(passkey)

    def _peer(self, conn: int) -> _Peer:
        if conn not in self._peers:
            raise RadioError(ENOTCONN)
        return self._peers[conn]

    # What the air brings.

    def _number(self, connection: Connection) -> int | None:
        """The firmware's number of it; None when it ended just before a request got here."""
        return next((n for n, peer in self._peers.items() if peer.connection is connection), None)

    def _count_advertising(self) -> None:
        """Events a second: every interval, and 5 ms later on average."""
        us = self._advertise_us
        self._usage.level("advertising", 1e6 / (us + 5000) if us else 0)

    def _connected(self, connection: Connection) -> None:
        conn = next(n for n in range(256) if n not in self._peers)
        self._peers[conn] = _Peer(connection)
        self._advertise_us = None
        self._count_advertising()
        self._usage.level("connected", len(self._peers))

        def disconnected(_: int) -> None:
            self._disconnected(conn)

        def pairing_failed(_: object) -> None:  # NimBLE reports it as the end of no encryption
            self._raise(ENCRYPTION, (conn, False, False, False, 0))

        connection.on(Connection.EVENT_DISCONNECTION, disconnected)
        connection.on(Connection.EVENT_PAIRING_FAILURE, pairing_failed)
        connection.on(
            Connection.EVENT_CONNECTION_ATT_MTU_UPDATE,
            lambda: self._raise(MTU, (conn, connection.att_mtu)),
        )
        connection.on(Connection.EVENT_CONNECTION_ENCRYPTION_CHANGE, lambda: self._encrypted(conn))
        self._raise(CONNECT, (conn, 0, bytes(reversed(bytes(connection.peer_address)))))

    def _disconnected(self, conn: int) -> None:
        peer = self._peers.pop(conn)
        self._usage.level("connected", len(self._peers))
        if peer.passkey is not None:
            peer.passkey.cancel()
        self._raise(DISCONNECT, (conn, 0, bytes(reversed(bytes(peer.connection.peer_address)))))

    def _encrypted(self, conn: int) -> None:
        """Encryption changed. While a pairing goes on, whether its key is authenticated is only
        known when the keys are stored: `update` tells then."""
        peer = self._peers[conn]
        if peer.connection.handle in self._device.smp_manager.sessions:
            return
        keys = self._ask(peer.connection.peer_address)
        ltk = keys.ltk if keys is not None else None
        self._tell_encryption(conn, ltk is not None and ltk.authenticated)

    def _tell_encryption(self, conn: int, authenticated: bool) -> None:
        peer = self._peers[conn]
        peer.encrypted, peer.authenticated, peer.bonded = True, authenticated, True
        self._raise(ENCRYPTION, (conn, True, authenticated, True, 16))

    def _check(self, peer: _Peer, enc: int, authen: int) -> None:
        if (enc or authen) and not peer.encrypted:
            known = self._ask(peer.connection.peer_address) is not None
            raise att.ATT_Error(
                att.ErrorCode.INSUFFICIENT_ENCRYPTION
                if known
                else att.ErrorCode.INSUFFICIENT_AUTHENTICATION
            )
        if authen and not peer.authenticated:
            raise att.ATT_Error(att.ErrorCode.INSUFFICIENT_AUTHENTICATION)

    def _read(self, connection: Connection, handle: int) -> bytes:
        attribute, conn = self._attributes[handle], self._number(connection)
        if conn is None:
            raise att.ATT_Error(att.ErrorCode.UNLIKELY_ERROR)
        if not attribute.flags & gatt.Characteristic.Properties.READ:
            raise att.ATT_Error(att.ErrorCode.READ_NOT_PERMITTED)
        self._check(self._peers[conn], attribute.flags & _READ_ENC, attribute.flags & _READ_AUTHEN)
        refused = self._raise(READ_REQUEST, (conn, handle))
        if refused:
            raise att.ATT_Error(att.ErrorCode(int(refused)))  # type: ignore[arg-type]
        return attribute.value

    def _write(self, connection: Connection, handle: int, value: bytes) -> None:
        attribute, conn = self._attributes[handle], self._number(connection)
        if conn is None:
            return
        properties = gatt.Characteristic.Properties
        if not attribute.flags & (properties.WRITE | properties.WRITE_WITHOUT_RESPONSE):
            raise att.ATT_Error(att.ErrorCode.WRITE_NOT_PERMITTED)
        flags = attribute.flags
        self._check(self._peers[conn], flags & _WRITE_ENC, flags & _WRITE_AUTHEN)
        whole = attribute.value + value if attribute.append else value
        attribute.value = whole[: attribute.room]
        self._raise(WRITE, (conn, handle))

    # Pairing and bonds.

    def _pairing_config(self, connection: Connection) -> PairingConfig:
        key = self._key(connection.peer_address)
        if self._raise(GET_SECRET, (_PEER_SECRET, 0, key)) is not None:
            # NimBLE deletes the old bond as soon as pairing is asked for.
            self._raise(SET_SECRET, (_OUR_SECRET, key, None))
            self._raise(SET_SECRET, (_PEER_SECRET, key, None))
        return PairingConfig(
            sc=True, mitm=self._mitm, bonding=True, delegate=_Display(self, connection)
        )

    async def passkey_for(self, connection: Connection) -> int:
        """Ask the firmware for the passkey that it would display."""
        conn = self._number(connection)
        if conn is None:
            raise RadioError(ENOTCONN)
        waiting = asyncio.get_running_loop().create_future()
        self._peers[conn].passkey = waiting
        self._raise(PASSKEY, (conn, _DISPLAY, 0))
        return await waiting

    @staticmethod
    def _key(address: Address) -> bytes:
        return bytes((int(address.address_type) & 1,)) + bytes(address)

    def _ask(self, address: Address) -> PairingKeys | None:
        value = self._raise(GET_SECRET, (_PEER_SECRET, 0, self._key(address)))
        return PairingKeys.from_dict(json.loads(value)) if isinstance(value, bytes) else None

    async def get(self, name: str) -> PairingKeys | None:
        """Bumble's key store: the firmware's answer for the peer `name`."""
        return self._ask(Address(name))

    async def get_all(self) -> list[tuple[str, PairingKeys]]:
        """Nobody: the firmware does not run yet when this is asked."""
        return []

    async def update(self, name: str, keys: PairingKeys) -> None:
        """A pairing ended well: say how the link is protected now, then hand over the secrets."""
        address = Address(name)
        for conn, peer in list(self._peers.items()):
            if peer.connection.peer_address == address:
                self._tell_encryption(conn, keys.ltk is not None and keys.ltk.authenticated)
        value = json.dumps(keys.to_dict()).encode()
        self._raise(SET_SECRET, (_OUR_SECRET, self._key(address), value))
        self._raise(SET_SECRET, (_PEER_SECRET, self._key(address), value))

    async def delete(self, name: str) -> None:
        """Bumble does not delete bonds by itself."""


class _Display(PairingDelegate):
    """A device that can only show a passkey, and asks its firmware for it."""

    def __init__(self, nimble: Nimble, connection: Connection) -> None:
        super().__init__(PairingDelegate.IoCapability.DISPLAY_OUTPUT_ONLY)
        self._nimble = nimble
        self._connection = connection

    async def generate_passkey(self) -> int:
        """The firmware's passkey."""
        return await self._nimble.passkey_for(self._connection)

    async def display_number(self, number: int, digits: int) -> None:
        """There is no display."""
