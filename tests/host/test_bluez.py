"""Our pairing agent and resets of the adapter on a D-Bus daemon of their own, with a stand-in
where BlueZ would be."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from dbus_fast import DBusError, Message, MessageType, PropertyAccess
from dbus_fast.aio import MessageBus
from dbus_fast.service import ServiceInterface, dbus_method, dbus_property

from veriband.errors import NotReset, PairingFailed
from veriband.link import bluez
from veriband.link.bluez import BlueZAdapter, BlueZAgent, bonded

BAND = "C0:98:E5:00:00:01"
DEVICE = "/org/bluez/hci0/dev_C0_98_E5_00_00_01"
LIST_NAMES = Message(
    destination="org.freedesktop.DBus",
    path="/org/freedesktop/DBus",
    interface="org.freedesktop.DBus",
    member="ListNames",
)


class Manager(ServiceInterface):
    """org.bluez.AgentManager1: remembers who registered."""

    def __init__(self) -> None:
        super().__init__("org.bluez.AgentManager1")
        self.agents: list[tuple[str, str]] = []
        self.default = ""

    @dbus_method()
    def RegisterAgent(self, path: "o", capability: "s") -> None:  # noqa: F821, N802
        self.agents.append((path, capability))

    @dbus_method()
    def RequestDefaultAgent(self, path: "o") -> None:  # noqa: F821, N802
        self.default = path

    @dbus_method()
    def UnregisterAgent(self, path: "o") -> None:  # noqa: F821, N802
        self.agents = [agent for agent in self.agents if agent[0] != path]


async def ask(bus: MessageBus, agent: str, member: str, types: str, body: list[object]) -> Message:
    reply = await bus.call(
        Message(
            destination=agent,
            path="/org/veriband/agent",
            interface="org.bluez.Agent1",
            member=member,
            signature=types,
            body=body,
        )
    )
    assert reply is not None
    return reply


def test_the_agent_tells_the_passkey_of_its_band_and_nothing_else(bus_address: str) -> None:
    async def story() -> None:
        bluez = await MessageBus(bus_address=bus_address).connect()
        manager = Manager()
        bluez.export("/org/bluez", manager)
        await bluez.request_name("org.bluez")
        async with BlueZAgent().answering(BAND, 123456):
            assert manager.agents == [("/org/veriband/agent", "KeyboardOnly")]
            assert manager.default == "/org/veriband/agent"
            names = await bluez.call(
                Message(
                    destination="org.freedesktop.DBus",
                    path="/org/freedesktop/DBus",
                    interface="org.freedesktop.DBus",
                    member="ListNames",
                )
            )
            assert names is not None
            agent = next(n for n in names.body[0] if n.startswith(":") and n != bluez.unique_name)
            assert (await ask(bluez, agent, "RequestPasskey", "o", [DEVICE])).body == [123456]
            other = await ask(bluez, agent, "RequestPasskey", "o", [DEVICE[:-1] + "2"])
            assert other.message_type is MessageType.ERROR
            just_works = await ask(bluez, agent, "RequestAuthorization", "o", [DEVICE])
            assert just_works.message_type is MessageType.ERROR
        assert manager.agents == []
        bluez.disconnect()

    asyncio.run(story())


def test_without_bluez_the_error_says_so(bus_address: str) -> None:
    async def story() -> None:
        with pytest.raises(PairingFailed, match="BlueZ did not take our pairing agent"):
            async with BlueZAgent().answering(BAND, 1):
                pass

    asyncio.run(story())


def test_without_a_bus_the_error_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", f"unix:path={tmp_path}/none")

    async def story() -> None:
        with pytest.raises(PairingFailed, match="D-Bus cannot be reached"):
            async with BlueZAgent().answering(BAND, 1):
                pass

    asyncio.run(story())


class Adapter(ServiceInterface):
    """org.bluez.Adapter1: obeys when it has been looked at `looks` times since, or never."""

    def __init__(self, powered: bool = True, looks: int = 0, busy: int = 0) -> None:
        super().__init__("org.bluez.Adapter1")
        self.powered = self.wanted = powered
        self.looks = self.left = looks
        self.busy = busy
        self.asked: list[tuple[bool, bool]] = []  # (what was asked for, what it was then)
        self.is_off = asyncio.Event()

    @dbus_property()
    def Powered(self) -> "b":  # noqa: F821, N802
        if self.left:
            self.left -= 1
        elif self.powered is not self.wanted:
            self.powered = self.wanted
            if not self.powered:
                self.is_off.set()
        return self.powered

    @Powered.setter
    def Powered(self, on: "b") -> None:  # noqa: F821, N802
        self.asked.append((on, self.powered))
        if self.busy:
            self.busy -= 1
            raise DBusError("org.bluez.Error.Busy", "not now")
        if on is not self.wanted:
            self.wanted, self.left = on, self.looks


class Device(ServiceInterface):
    """org.bluez.Device1."""

    def __init__(self, adapter: str, connected: bool, paired: bool = False) -> None:
        super().__init__("org.bluez.Device1")
        self.paired = paired
        self.adapter = adapter
        self.connected = connected

    @dbus_property(access=PropertyAccess.READ)
    def Adapter(self) -> "o":  # noqa: F821, N802
        return self.adapter

    @dbus_property(access=PropertyAccess.READ)
    def Address(self) -> "s":  # noqa: F821, N802
        return "AA:BB:CC:DD:EE:FF"

    @dbus_property(access=PropertyAccess.READ)
    def Connected(self) -> "b":  # noqa: F821, N802
        return self.connected

    @dbus_property(access=PropertyAccess.READ)
    def Paired(self) -> "b":  # noqa: F821, N802
        return self.paired


HCI = ("/org/bluez/hci0", "/org/bluez/hci1")


@asynccontextmanager
async def adapters(
    bus_address: str, *its: Adapter, device: Device | None = None
) -> AsyncGenerator[None]:
    """BlueZ with these adapters, hci0 and so on, and a device."""
    bus = await MessageBus(bus_address=bus_address).connect()
    for path, adapter in zip(HCI, its, strict=False):
        bus.export(path, adapter)
    if device is not None:
        bus.export(f"{device.adapter}/dev_AA_BB_CC_DD_EE_FF", device)
    await bus.request_name("org.bluez")
    try:
        yield
    finally:
        bus.disconnect()


@pytest.mark.parametrize(("looks", "busy"), [(0, 0), (2, 0), (0, 1), (1, 1)])
def test_the_adapter_is_switched_off_and_when_it_is_off_on(
    bus_address: str, looks: int, busy: int
) -> None:
    async def story() -> None:
        adapter = Adapter(looks=looks, busy=busy)
        device = Device(HCI[0], connected=False)
        async with adapters(bus_address, adapter, Adapter(powered=False), device=device):
            await BlueZAdapter().reset()
        assert adapter.asked[0] == (False, True)
        assert next(was for on, was in adapter.asked if on) is False, "it waited"
        assert adapter.powered, "and waited again"

    asyncio.run(story())


def test_the_adapter_is_switched_on_again_whatever_breaks_off_its_reset(bus_address: str) -> None:
    async def story() -> None:
        adapter = Adapter(looks=1)
        async with adapters(bus_address, adapter):
            reset = asyncio.create_task(BlueZAdapter().reset())
            await adapter.is_off.wait()
            reset.cancel()
            await asyncio.wait((reset,))
            assert reset.cancelled()
        assert adapter.asked[-1][0] is True
        assert adapter.powered

    asyncio.run(story())


@pytest.mark.parametrize(
    ("powered", "connected_over", "why"),
    [
        ((False,), None, "switched off, which is left to you.*rfkill unblock bluetooth"),
        ((True,), 0, "AA:BB:CC:DD:EE:FF is connected over it.*bluetoothctl disconnect AA:BB"),
        ((True, True), None, "more than one adapter"),
        ((), None, "BlueZ has no adapter"),
    ],
)
def test_an_adapter_that_is_not_ours_to_switch_is_left_alone(
    bus_address: str, powered: tuple[bool, ...], connected_over: int | None, why: str
) -> None:
    async def story() -> None:
        its = [Adapter(on) for on in powered]
        device = None if connected_over is None else Device(HCI[connected_over], connected=True)
        async with adapters(bus_address, *its, device=device):
            with pytest.raises(NotReset, match=why) as error:
                await BlueZAdapter().reset()
        assert not error.value.tried
        assert [adapter.asked for adapter in its] == [[] for _ in its]

    asyncio.run(story())


def test_who_is_connected_over_another_adapter_does_not_matter(bus_address: str) -> None:
    async def story() -> None:
        adapter = Adapter()
        device = Device(HCI[1], connected=True)
        async with adapters(bus_address, adapter, Adapter(powered=False), device=device):
            await BlueZAdapter().reset()
        assert [on for on, _ in adapter.asked] == [False, True]

    asyncio.run(story())


def test_an_adapter_that_does_not_obey_is_told_and_was_tried(
    bus_address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bluez, "SWITCH_S", 0.05)

    async def story() -> None:
        adapter = Adapter(looks=1000)
        async with adapters(bus_address, adapter):
            with pytest.raises(NotReset, match="could not switch the adapter off") as error:
                await BlueZAdapter().reset()
        assert error.value.tried
        assert adapter.powered

    asyncio.run(story())


def test_without_bluez_there_is_no_reset_and_the_error_says_so(bus_address: str) -> None:
    async def story() -> None:
        with pytest.raises(NotReset, match=r"BlueZ does not answer.*systemctl restart") as error:
            await BlueZAdapter().reset()
        assert not error.value.tried

    asyncio.run(story())


def test_without_a_bus_there_is_no_reset_and_the_error_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", f"unix:path={tmp_path}/none")

    async def story() -> None:
        with pytest.raises(NotReset, match="BlueZ does not answer"):
            await BlueZAdapter().reset()

    asyncio.run(story())


@pytest.mark.parametrize(
    ("address", "paired", "powered", "known"),
    [
        ("aa:bb:cc:dd:ee:ff", True, True, True),
        ("AA:BB:CC:DD:EE:FF", False, True, False),
        ("AA:BB:CC:DD:EE:FF", True, False, False),
        (BAND, True, True, False),
    ],
)
def test_a_device_that_bluez_is_bonded_with_needs_no_scan(
    bus_address: str, address: str, paired: bool, powered: bool, known: bool
) -> None:
    async def story() -> None:
        device = Device(HCI[0], connected=False, paired=paired)
        async with adapters(bus_address, Adapter(powered=powered), device=device):
            found = await bonded(address)
        assert (found is not None) == known
        if found is not None:
            assert found.address == "AA:BB:CC:DD:EE:FF"
            assert found.details["path"] == "/org/bluez/hci0/dev_AA_BB_CC_DD_EE_FF"

    asyncio.run(story())


def test_without_bluez_no_device_is_bonded(bus_address: str) -> None:
    assert asyncio.run(bonded(BAND)) is None
