"""BlueZ's pairing prompts on Linux, answered by an agent of our own on the system D-Bus."""

# No `from __future__ import annotations`: dbus-fast reads D-Bus types from the annotations.

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any

from dbus_fast import BusType, DBusError, Message, MessageType
from dbus_fast.aio import MessageBus
from dbus_fast.service import ServiceInterface, dbus_method

from veriband.errors import PairingFailed

if TYPE_CHECKING:  # D-Bus signatures, as dbus-fast wants them written
    o = str
    u = int
    q = int
    s = str

PATH = "/org/veriband/agent"
_REJECTED = "org.bluez.Error.Rejected"


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
            await _call(bus, address, "RegisterAgent", "os", [PATH, "KeyboardOnly"])
            await _call(bus, address, "RequestDefaultAgent", "o", [PATH])
            try:
                yield
            finally:
                with suppress(PairingFailed):
                    await _call(bus, address, "UnregisterAgent", "o", [PATH])
        finally:
            bus.disconnect()


async def _call(bus: MessageBus, address: str, member: str, types: str, body: list[Any]) -> None:
    reply = await bus.call(
        Message(
            destination="org.bluez",
            path="/org/bluez",
            interface="org.bluez.AgentManager1",
            member=member,
            signature=types,
            body=body,
        )
    )
    if reply.message_type is MessageType.ERROR:
        why = reply.body[0] if reply.body else "no answer"
        raise PairingFailed(address, f"BlueZ did not take our pairing agent: {why}")
