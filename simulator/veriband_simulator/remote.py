"""A peripheral as an operating system sees it: GATT requests, and the security they need."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# Bumble's GATT client is typed in part only.

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from bumble import att, core, gatt, hci, smp
from bumble.device import Connection
from bumble.gatt_client import Client

if TYPE_CHECKING:
    from veriband_simulator.central import Central

T = TypeVar("T")

ASKED_MTU = 517  # what BlueZ asks for
PAIRING_S = 60.0
_WANTS_SECURITY = (
    att.ErrorCode.INSUFFICIENT_AUTHENTICATION,
    att.ErrorCode.INSUFFICIENT_ENCRYPTION,
)
_CCCD = gatt.GATT_CLIENT_CHARACTERISTIC_CONFIGURATION_DESCRIPTOR
_OPEN, _ENCRYPTED, _AUTHENTICATED = range(3)  # how a link is protected


class LinkLost(ConnectionError):
    """There is no connection (any more)."""


class SecurityFailed(Exception):
    """Pairing, or encryption with the bond, has failed. No bond was removed."""


@dataclass(frozen=True)
class Descriptor:
    """A descriptor in a GATT table."""

    handle: int
    uuid: core.UUID


@dataclass(frozen=True)
class Characteristic:
    """A characteristic in a GATT table; `handle` is that of its value."""

    handle: int
    uuid: core.UUID
    properties: gatt.Characteristic.Properties
    descriptors: tuple[Descriptor, ...]

    @property
    def cccd(self) -> int | None:
        """The handle of the descriptor that subscribes, if there is one."""
        return next((d.handle for d in self.descriptors if d.uuid == _CCCD), None)


@dataclass(frozen=True)
class Service:
    """A primary service in a GATT table."""

    handle: int
    uuid: core.UUID
    characteristics: tuple[Characteristic, ...]


class Remote:
    """One connection to the peripheral at `address`.

    Requests are sent one after the other. They raise `LinkLost` when the connection is or gets
    lost, `att.ATT_Error` when the peripheral refuses, `core.TimeoutError` when it does not
    answer. One that is refused for want of security is repeated when the system could raise it:
    with the bond, else by pairing if somebody agrees to that.
    """

    def __init__(self, central: Central, address: str, connection: Connection) -> None:
        self.address = address
        self.connection = connection
        self.is_connected = True
        self._central = central
        self._client: Client = connection.gatt_client
        self._protection = _OPEN
        self._requests = asyncio.Lock()
        self._security = asyncio.Lock()
        self._found: list[Service] | None = None
        self._gone: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._why = "it is not connected"
        connection.on(Connection.EVENT_DISCONNECTION, self._disconnected)
        connection.on(Connection.EVENT_SECURITY_REQUEST, self._security_requested)

    @property
    def mtu(self) -> int:
        """The ATT MTU in bytes."""
        return self.connection.att_mtu

    def _disconnected(self, reason: int) -> None:
        self.is_connected = False
        self._gone.set_result(None)
        if self._why == "it is not connected":
            self._why = f"the connection has ended: {hci.HCI_Constant.error_name(reason)}"

    def lost(self) -> LinkLost:
        """The error for a connection that is gone."""
        return LinkLost(f"{self.address}: {self._why}")

    async def disconnect(self) -> None:
        """Disconnect, which takes until the goodbye was heard. Nothing happens when it is lost."""
        if self.is_connected:
            with suppress(LinkLost, hci.HCI_Error):  # it went down meanwhile
                await self._alive(self.connection.disconnect())

    async def _alive(self, work: Coroutine[Any, Any, T]) -> T:
        """Await `work` as long as there is a connection. It goes on when we are cancelled."""
        if not self.is_connected:
            work.close()
            raise self.lost()
        task = in_background(work)  # Bumble is in disorder when it is cancelled in the middle
        await asyncio.wait({task, self._gone}, return_when=asyncio.FIRST_COMPLETED)
        if task.done() and not task.cancelled():  # what waits is cancelled when the link is lost
            return task.result()
        raise self.lost()

    # GATT.

    async def _request(self, operation: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Do a GATT operation, and do it again at each level of security that can be reached."""
        while True:
            protection = self._protection
            try:
                return await self._once(operation)
            except att.ATT_Error as refusal:
                if refusal.error_code not in _WANTS_SECURITY:
                    raise
                if not await self._secured(above=protection):
                    raise

    async def _once(self, operation: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Send when it is our turn. A request whose caller was cancelled is still carried out:
        the next one must not be taken for its answer."""
        await self._requests.acquire()
        if not self.is_connected:
            self._requests.release()
            raise self.lost()

        async def in_turn() -> T:
            try:
                return await self.connection.cancel_on_disconnection(operation())
            finally:
                self._requests.release()

        return await self._alive(in_turn())

    async def exchange_mtu(self) -> None:
        """Negotiate the MTU, once for a connection."""
        await self._once(lambda: self._client.request_mtu(ASKED_MTU))

    async def services(self) -> list[Service]:
        """The peripheral's GATT table: from the cache when there is a bond, else discovered."""
        if self._found is None:
            self._found = self._central.table(self.address)
        if self._found is None:
            self._found = await self._request(self._discover)
            await self._central.keep_table(self.address, self._found)
        return self._found

    async def _discover(self) -> list[Service]:
        services: list[Service] = []
        for service in await self._client.discover_services():
            characteristics: list[Characteristic] = []
            for found in await service.discover_characteristics():
                descriptors = (
                    await found.discover_descriptors()
                    if found.end_group_handle > found.handle
                    else []
                )
                characteristics.append(
                    Characteristic(
                        found.handle,
                        found.uuid,
                        found.properties,
                        tuple(Descriptor(d.handle, d.type) for d in descriptors),
                    )
                )
            services.append(Service(service.handle, service.uuid, tuple(characteristics)))
        return services

    async def read(self, handle: int) -> bytes:
        """Read the value at `handle`, however long it is."""
        return await self._request(lambda: self._client.read_value(handle))

    async def write(self, handle: int, data: bytes, *, response: bool) -> None:
        """Write the value at `handle`; without response at most MTU - 3 bytes."""
        if response:
            await self._request(lambda: self._client.write_value(handle, data, True))
        elif self.is_connected:
            await self._client.write_value(handle, data, False)
        else:
            raise self.lost()

    async def subscribe(
        self, characteristic: Characteristic, callback: Callable[[bytes], None]
    ) -> None:
        """Have `callback` called with each notification (or else indication)."""
        notifies = gatt.Characteristic.Properties.NOTIFY in characteristic.properties
        subscribers = (
            self._client.notification_subscribers
            if notifies
            else self._client.indication_subscribers
        )
        subscribers[characteristic.handle] = {callback}
        try:
            await self._write_cccd(characteristic, b"\1\0" if notifies else b"\2\0")
        except BaseException:
            subscribers.pop(characteristic.handle, None)
            raise

    async def unsubscribe(self, characteristic: Characteristic) -> None:
        """Undo `subscribe`."""
        await self._write_cccd(characteristic, b"\0\0")
        self._client.notification_subscribers.pop(characteristic.handle, None)
        self._client.indication_subscribers.pop(characteristic.handle, None)

    async def _write_cccd(self, characteristic: Characteristic, bits: bytes) -> None:
        if characteristic.cccd is not None:
            await self.write(characteristic.cccd, bits, response=True)

    # Security.

    def _security_requested(self, _auth_req: int) -> None:
        async def answer() -> None:
            with suppress(SecurityFailed, LinkLost):  # what needs security will find out
                await self._secured(above=_OPEN)

        in_background(answer())

    async def _secured(self, *, above: int) -> bool:
        """Protect the link better than `above`; False if that cannot be done by pairing.

        Raises `SecurityFailed` when the peer does not know the bond.
        """
        async with self._security:
            if self._protection == _OPEN and await self._central.bond(self.address) is not None:
                await self._encrypt()
            elif self._protection <= above and self._central.can_pair:
                try:
                    await self._pair()
                except SecurityFailed:
                    return False
            return self._protection > above

    async def pair(self) -> None:
        """Pair if there is no bond, else encrypt with it. Raises `SecurityFailed`, `LinkLost`."""
        async with self._security:
            if await self._central.bond(self.address) is None:
                await self._pair()
            elif self._protection == _OPEN:
                await self._encrypt()

    async def _encrypt(self) -> None:
        try:
            await self._alive(self.connection.encrypt())
        except hci.HCI_Error as error:
            # Linux drops the link then, whoever asked for encryption.
            self._why = "it no longer knows its bond: unpair, then pair again"
            await self.disconnect()
            raise SecurityFailed(f"{self.address}: {self._why}") from error
        await self._protected()

    async def _pair(self) -> None:
        if not self._central.can_pair:
            raise SecurityFailed(f"{self.address}: no pairing agent is registered")
        try:
            async with asyncio.timeout(PAIRING_S):
                await self._alive(self.connection.pair())
        except core.ProtocolError as error:
            raise SecurityFailed(f"{self.address}: pairing failed: {error.error_name}") from error
        except TimeoutError as error:
            self._abort_pairing()
            raise SecurityFailed(f"{self.address}: pairing took over {PAIRING_S} s") from error
        except asyncio.CancelledError:
            self._abort_pairing()
            raise
        await self._protected()
        if self._found is not None:
            await self._central.keep_table(self.address, self._found)

    def _abort_pairing(self) -> None:
        session = self.connection.device.smp_manager.sessions.get(self.connection.handle)
        if session is not None and self.is_connected:
            session.send_pairing_failed(smp.ErrorCode.UNSPECIFIED_REASON)

    async def _protected(self) -> None:
        bond = await self._central.bond(self.address)
        authenticated = bond is not None and bond.ltk is not None and bond.ltk.authenticated
        self._protection = _AUTHENTICATED if authenticated else _ENCRYPTED


_background: set[asyncio.Task[Any]] = set()


def in_background(work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
    """Run `work` as a task. Its error is only seen by those who await the task."""
    task = asyncio.get_running_loop().create_task(work)

    def done(_: asyncio.Task[T]) -> None:
        _background.discard(task)
        if not task.cancelled():
            task.exception()

    _background.add(task)
    task.add_done_callback(done)
    return task


async def unbroken(work: Coroutine[Any, Any, T]) -> T:
    """Await `work`, which goes on to its end also if whoever awaits it is cancelled.

    Bumble's commands and requests are in disorder when they are left in the middle.
    """
    return await asyncio.shield(in_background(work))
