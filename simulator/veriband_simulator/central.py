"""A computer's Bluetooth adapter, and what its operating system (BlueZ) does by itself."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, Literal, cast

from bumble import core, hci
from bumble.device import Advertisement, Connection, Device
from bumble.keys import PairingKeys
from bumble.pairing import PairingConfig, PairingDelegate

from veriband_simulator.air import Air, make_device, plain
from veriband_simulator.remote import LinkLost, Remote, Service, unbroken

ATTEMPT_S = 4.0  # how long Linux waits for the next advert of a device it has just heard
PASSKEY_S = 30.0  # the Security Manager's timeout

PasskeyAgent = Callable[[str], Awaitable[int | None]]
Listener = Callable[[Advertisement], None]


class Central:
    """One adapter and its system: scans, connections, bonds, cached GATT tables, the agent.

    `address` is its public address. Bonds and tables live as long as the object, so that a
    daemon can be restarted over it. `passkey_agent` is the registered pairing agent: asked with
    a peer's address when a passkey must be typed in, it answers with it, or with None to refuse.
    With `io` "none" the computer has no keyboard and agrees to any pairing that needs none.
    """

    def __init__(
        self, air: Air, address: str, *, name: str, io: Literal["keyboard", "none"] = "keyboard"
    ) -> None:
        self.address = plain(address)
        self.passkey_agent: PasskeyAgent | None = None
        self.remotes: dict[str, Remote] = {}
        self.device: Device = make_device(air, address, name)
        self.device.pairing_config_factory = self._pairing_config
        self.device.on(Device.EVENT_ADVERTISEMENT, self._heard)
        self._air = air
        self._io = io
        self._tables: dict[str, list[Service]] = {}
        self._listeners: list[Listener] = []
        self._scan_lock = asyncio.Lock()
        self._connect_lock = asyncio.Lock()

    async def start(self) -> None:
        """Power the adapter on."""
        await self.device.power_on()

    def power_off(self) -> None:
        """The computer is switched off without a goodbye. It cannot be started again."""
        self._air.vanish(self.address)

    # Scanning.

    async def start_scan(self, listener: Listener) -> None:
        """Call `listener` with each advert, merged with its scan response, until `stop_scan`."""
        await unbroken(self._start_scan(listener))

    async def stop_scan(self, listener: Listener) -> None:
        """The scan goes on while there are other listeners."""
        await unbroken(self._stop_scan(listener))

    async def _start_scan(self, listener: Listener) -> None:
        async with self._scan_lock:
            self._listeners.append(listener)
            if not self.device.scanning:
                await self.device.start_scanning()

    async def _stop_scan(self, listener: Listener) -> None:
        async with self._scan_lock:
            if listener in self._listeners:
                self._listeners.remove(listener)
            if not self._listeners and self.device.scanning:
                await self.device.stop_scanning()

    def _heard(self, advertisement: Advertisement) -> None:
        for listener in list(self._listeners):
            listener(advertisement)

    async def appears(self, address: str) -> None:
        """Wait until a connectable advert of `address` is heard."""
        heard = asyncio.Event()

        def listen(advertisement: Advertisement) -> None:
            if plain(str(advertisement.address)) == address and advertisement.is_connectable:
                heard.set()

        try:
            await self.start_scan(listen)
            await heard.wait()
        finally:
            await self.stop_scan(listen)

    # Connections.

    async def connect(self, address: str, *, heard: bool = False) -> Remote:
        """Connect as soon as `address` is heard, however long that takes; cancel to give up.

        `heard` says that it just was. As with Linux several connections may be waited for at
        once. A connection that stands already is returned. The ATT MTU has been negotiated (517
        is asked for). Raises `LinkLost` when the connection is lost at once.
        """
        address = plain(address)
        while True:
            if address in self.remotes:
                return self.remotes[address]
            if not heard:
                await self.appears(address)
            heard = False
            async with self._connect_lock:
                if address not in self.remotes:
                    connection = await self._attempt(address)
                    if connection is None:
                        continue
                    self._add(address, connection)
            remote = self.remotes.get(address)
            if remote is None:
                raise LinkLost(f"{address}: the connection was lost at once")
            try:
                await remote.exchange_mtu()
            except asyncio.CancelledError:
                await remote.disconnect()
                raise
            return remote

    async def _attempt(self, address: str) -> Connection | None:
        """Connect to a device whose advert was just heard; None when it is heard no more."""
        attempt = asyncio.create_task(
            self.device.connect(
                hci.Address(address, hci.Address.PUBLIC_DEVICE_ADDRESS),
                own_address_type=hci.OwnAddressType.PUBLIC,
                timeout=None,
            )
        )
        try:
            await asyncio.wait([attempt], timeout=ATTEMPT_S)
        except asyncio.CancelledError:
            connection = await self._give_up(attempt)
            if connection is not None:
                await connection.disconnect()
            raise
        return await self._give_up(attempt)

    async def _give_up(self, attempt: asyncio.Task[Connection]) -> Connection | None:
        """Cancel a connection attempt, unless it has come to an end by itself."""
        if not attempt.done():
            cancel = cast(Any, hci.HCI_LE_Create_Connection_Cancel_Command())
            with suppress(hci.HCI_Error):  # it has just succeeded
                await self.device.send_sync_command(cancel)
        with suppress(core.ConnectionError):
            return await attempt
        return None

    def _add(self, address: str, connection: Connection) -> None:
        remote = Remote(self, address, connection)

        def lost(_: int) -> None:
            if self.remotes.get(address) is remote:
                del self.remotes[address]

        if connection.handle in self.device.connections:  # else it is over already
            self.remotes[address] = remote
            connection.on(Connection.EVENT_DISCONNECTION, lost)

    # Bonds.

    async def bond(self, address: str) -> PairingKeys | None:
        """The keys that are shared with `address`, or None."""
        assert self.device.keystore is not None
        return await self.device.keystore.get(f"{plain(address)}/P")

    async def unpair(self, address: str) -> None:
        """Disconnect from `address`, and forget its bond and its GATT table."""
        address = plain(address)
        if address in self.remotes:
            await self.remotes[address].disconnect()
        assert self.device.keystore is not None
        await self.device.keystore.delete(f"{address}/P")
        self._tables.pop(address, None)

    @property
    def can_pair(self) -> bool:
        """Whether anybody would agree to a pairing."""
        return self._io == "none" or self.passkey_agent is not None

    def _pairing_config(self, connection: Connection) -> PairingConfig:
        mitm = self._io == "keyboard"
        address = plain(str(connection.peer_address))
        delegate = _Keyboard(self, address) if mitm else PairingDelegate()
        return PairingConfig(sc=True, mitm=mitm, bonding=True, delegate=delegate)

    # Cached GATT tables, which are those of bonded peers only.

    def table(self, address: str) -> list[Service] | None:
        """What is known of the services of `address`, or None."""
        return self._tables.get(address)

    async def keep_table(self, address: str, services: list[Service]) -> None:
        """Remember the services of `address` if there is a bond."""
        if await self.bond(address) is not None:
            self._tables[address] = services


class _Keyboard(PairingDelegate):
    """A system that lets its user type a passkey in."""

    def __init__(self, central: Central, address: str) -> None:
        super().__init__(PairingDelegate.IoCapability.KEYBOARD_INPUT_ONLY)
        self._central = central
        self._address = address

    async def get_number(self) -> int | None:
        """The agent's answer; None if it has none in time."""
        agent = self._central.passkey_agent
        if agent is None:
            return None
        with suppress(TimeoutError):
            async with asyncio.timeout(PASSKEY_S):
                return await agent(self._address)
        return None

    async def accept(self) -> bool:
        """A computer does not let others pair with it."""
        return False
