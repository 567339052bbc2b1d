"""BlueZ on Linux, over the system D-Bus: our own pairing agent, resets of the adapter, bonds."""

# No `from __future__ import annotations`: dbus-fast reads D-Bus types from the annotations.

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any

from bleak.backends.device import BLEDevice
from dbus_fast import BusType, DBusError, Variant
from dbus_fast.aio import MessageBus
from dbus_fast.service import ServiceInterface, dbus_method

from veriband.errors import NotReset, PairingFailed
from veriband.link import system_bus

if TYPE_CHECKING:  # D-Bus signatures, as dbus-fast wants them written
    o = str
    u = int
    q = int
    s = str

BLUEZ = "org.bluez"
PATH = "/org/veriband/agent"
SWITCH_S = 10.0  # for the adapter to go off, and to come on
POLL_S = 0.1
_REJECTED = "org.bluez.Error.Rejected"
_ADAPTER = "org.bluez.Adapter1"
_POWERED = (_ADAPTER, "Powered")
_DEVICE = "org.bluez.Device1"
_OBJECTS = "org.freedesktop.DBus.ObjectManager"
_PROPERTIES = "org.freedesktop.DBus.Properties"
_RESTART = (
    "'systemctl restart bluetooth', and if that does not help plug the adapter out and in, or "
    "restart this computer"
)
_Objects = dict[str, dict[str, dict[str, Variant]]]  # path: interface: property


class _Agent(ServiceInterface):
    """org.bluez.Agent1 for one device: knows its passkey and refuses everything else."""

    def __init__(self, address: str, passkey: int) -> None:
        super().__init__("org.bluez.Agent1")
        self._device = "dev_" + address.upper().replace(":", "_")
        self._passkey = passkey

    @dbus_method()
    def RequestPasskey(self, device: "o") -> "u":  # noqa: N802
        """BlueZ asks for the passkey of `device`."""
        if not device.endswith(self._device):
            raise DBusError(_REJECTED, "another device")
        return self._passkey

    @dbus_method()
    def RequestConfirmation(self, device: "o", passkey: "u") -> None:  # noqa: N802
        """Never: a band has nothing that could be compared."""
        raise DBusError(_REJECTED, "only passkeys are accepted")

    @dbus_method()
    def RequestAuthorization(self, device: "o") -> None:  # noqa: N802
        """Never: that would be pairing without a passkey."""
        raise DBusError(_REJECTED, "only passkeys are accepted")

    @dbus_method()
    def Cancel(self) -> None:  # noqa: N802
        """BlueZ gave up."""

    @dbus_method()
    def Release(self) -> None:  # noqa: N802
        """BlueZ forgot us."""


class BlueZAgent:
    """Registers an agent with BlueZ while a pairing goes on."""

    @asynccontextmanager
    async def answering(self, address: str, passkey: int) -> AsyncGenerator[None]:
        """While entered, BlueZ is told `passkey` for that device. Raises PairingFailed when BlueZ
        cannot be reached."""
        try:
            bus = await MessageBus(bus_type=BusType.SYSTEM).connect()
        except (OSError, EOFError) as error:
            raise PairingFailed(
                address, f"the system D-Bus cannot be reached ({error}); is BlueZ installed?"
            ) from error
        try:
            bus.export(PATH, _Agent(address, passkey))
            try:
                await _agent_call(bus, "RegisterAgent", "os", [PATH, "KeyboardOnly"])
                await _agent_call(bus, "RequestDefaultAgent", "o", [PATH])
            except DBusError as error:
                raise PairingFailed(
                    address, f"BlueZ did not take our pairing agent: {error.text}"
                ) from error
            try:
                yield
            finally:
                with suppress(DBusError):
                    await _agent_call(bus, "UnregisterAgent", "o", [PATH])
        finally:
            bus.disconnect()


async def _agent_call(bus: MessageBus, member: str, types: str, body: list[Any]) -> None:
    await _call(bus, "/org/bluez", "org.bluez.AgentManager1", member, types, body)


class BlueZAdapter:
    """The adapter that is switched on, as BlueZ has it."""

    async def reset(self) -> None:
        """Switch it off and on.

        Raises NotReset, without touching it, when it is switched off already, a device is
        connected over it, or there are several that bleak may be using; `tried` when BlueZ
        does not switch it within SWITCH_S.
        """
        try:
            async with system_bus.connected() as bus:
                async with asyncio.timeout(system_bus.ANSWER_S):
                    objects = await _call(bus, "/", _OBJECTS, "GetManagedObjects")
                path = _free_adapter(*objects)
                try:
                    await _switch(bus, path, False)
                finally:
                    await _switch(bus, path, True)
        except (DBusError, OSError, EOFError) as error:
            why = str(error) or type(error).__name__
            raise NotReset(f"BlueZ does not answer ({why}): {_RESTART}") from error


async def bonded(address: str) -> BLEDevice | None:
    """The device with that address, if BlueZ is bonded with it over an adapter that is on; None
    also when BlueZ does not answer."""
    with suppress(DBusError, OSError, EOFError):
        async with system_bus.connected() as bus, asyncio.timeout(system_bus.ANSWER_S):
            (objects,) = await _call(bus, "/", _OBJECTS, "GetManagedObjects")
        return _bonded(objects, address.upper())
    return None


def _bonded(objects: _Objects, address: str) -> BLEDevice | None:
    for path, its in objects.items():
        device = its.get(_DEVICE)
        if device is None or device["Address"].value != address or not device["Paired"].value:
            continue
        adapter = objects.get(device["Adapter"].value, {}).get(_ADAPTER)
        if adapter and adapter["Powered"].value:
            values = {name: variant.value for name, variant in device.items()}
            details = {"path": path, "props": values}  # as bleak's BlueZ backend has them
            return BLEDevice(address, values.get("Name"), details)
    return None


def _free_adapter(objects: _Objects) -> str:
    """The path of the adapter that may be reset. Raises NotReset."""
    adapters = {path: its[_ADAPTER] for path, its in objects.items() if _ADAPTER in its}
    on = [path for path, its in adapters.items() if its["Powered"].value]
    if not adapters:
        raise NotReset(f"BlueZ has no adapter: plug one in; if there is one, {_RESTART}")
    if not on:
        raise NotReset(
            "the adapter is switched off, which is left to you: 'bluetoothctl power on', and if "
            "'rfkill list bluetooth' shows it blocked, first 'rfkill unblock bluetooth'"
        )
    if len(on) > 1:
        raise NotReset(f"more than one adapter is switched on: leave one on, or {_RESTART}")
    for its in objects.values():
        device = its.get(_DEVICE)
        if device and device["Connected"].value and device["Adapter"].value == on[0]:
            address = device["Address"].value
            raise NotReset(
                f"the adapter was not reset, as {address} is connected over it: disconnect that "
                f"('bluetoothctl disconnect {address}'), then {_RESTART}"
            )
    return on[0]


async def _switch(bus: MessageBus, path: str, on: bool) -> None:
    """Until it is so; BlueZ refuses at first when it is busy. Raises NotReset."""
    try:
        async with asyncio.timeout(SWITCH_S):
            while True:
                with suppress(DBusError):
                    wanted = Variant("b", on)
                    await _call(bus, path, _PROPERTIES, "Set", "ssv", [*_POWERED, wanted])
                with suppress(DBusError):
                    (powered,) = await _call(bus, path, _PROPERTIES, "Get", "ss", _POWERED)
                    if powered.value is on:
                        return
                await asyncio.sleep(POLL_S)
    except TimeoutError as error:
        raise NotReset(
            f"BlueZ could not switch the adapter {'on' if on else 'off'}: {_RESTART}", tried=True
        ) from error


async def _call(
    bus: MessageBus,
    path: str,
    interface: str,
    member: str,
    types: str = "",
    body: Sequence[Any] = (),
) -> list[Any]:
    """What BlueZ answers. Raises DBusError."""
    return await system_bus.call(bus, BLUEZ, path, interface, member, types, body)
